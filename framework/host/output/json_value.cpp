#include "json_value.h"

#include <iostream>

namespace nopos::host {

void print_json(const Json& json) {
  Json document{{"schema", 1}};
  document.update(json);
  std::cout << json_text(std::move(document), 2) << '\n';
}

}  // namespace nopos::host
