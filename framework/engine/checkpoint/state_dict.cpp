#include "state_dict.h"

#include "nopos/error.h"
#include "nopos/model_state.h"
#include "number_types.h"

namespace nopos::engine {
namespace {

constexpr at::ScalarType types[] = {at::kFloat,    at::kDouble, at::kHalf,  at::kLong, at::kInt,
                                    at::kBFloat16, at::kByte,   at::kShort, at::kChar, at::kBool};

}  // namespace

StateDict state_dict(const torch::nn::Module& module) { return named_state(module); }

std::string storage_type(at::ScalarType type) {
  std::string name = std::string(c10::toString(type)) + "Storage";
  if (type_of_storage(name) != nullptr) return name;
  throw Error(ExitCode::runtime, std::string("a tensor of type ") + c10::toString(type) +
                                     " cannot be saved: the type is not supported in checkpoints.");
}

at::ScalarType scalar_type(std::string_view storage, std::string_view what) {
  for (const at::ScalarType type : types) {
    if (storage_type(type) == storage) return type;
  }
  throw Error(ExitCode::data, std::string(what) + " is stored as '" + std::string(storage) +
                                  "', a type that NoPos does not support.");
}

}  // namespace nopos::engine
