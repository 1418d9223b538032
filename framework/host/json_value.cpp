#include "json_value.h"

#include <iostream>

namespace nopos::host {

void print_json(const Json& json) {
  Json document{{"schema", 1}};
  document.update(json);
  std::cout << document.dump(2) << '\n';
}

}  // namespace nopos::host
