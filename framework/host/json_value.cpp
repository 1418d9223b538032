#include "json_value.h"

#include <iostream>

namespace nopos::host {

Json to_json(const Value& value) {
  return std::visit(
      [](const auto& held) -> Json {
        if constexpr (std::is_same_v<std::decay_t<decltype(held)>, std::monostate>) {
          return nullptr;
        } else {
          return held;
        }
      },
      value);
}

void print_json(const Json& json) {
  Json document{{"schema", 1}};
  document.update(json);
  std::cout << document.dump(2) << '\n';
}

}  // namespace nopos::host
