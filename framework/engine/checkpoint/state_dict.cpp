#include "state_dict.h"

#include "nopos/error.h"
#include "nopos/model_state.h"

namespace nopos::engine {
namespace {

constexpr std::pair<at::ScalarType, std::string_view> storage_types[] = {
    {at::kFloat, "FloatStorage"}, {at::kDouble, "DoubleStorage"}, {at::kHalf, "HalfStorage"},
    {at::kLong, "LongStorage"},   {at::kInt, "IntStorage"},       {at::kBFloat16, "BFloat16Storage"},
    {at::kByte, "ByteStorage"},   {at::kShort, "ShortStorage"},   {at::kChar, "CharStorage"},
    {at::kBool, "BoolStorage"}};

}  // namespace

StateDict state_dict(const torch::nn::Module& module) { return named_state(module); }

std::string storage_type(at::ScalarType type) {
  for (const auto& [known, name] : storage_types) {
    if (known == type) return std::string(name);
  }
  throw Error(ExitCode::runtime, std::string("a tensor of type ") + c10::toString(type) +
                                     " cannot be saved: the type is not supported in checkpoints.");
}

at::ScalarType scalar_type(std::string_view storage_type, std::string_view what) {
  for (const auto& [type, name] : storage_types) {
    if (name == storage_type) return type;
  }
  throw Error(ExitCode::data, std::string(what) + " is stored as '" + std::string(storage_type) +
                                  "', a type that NoPos does not support.");
}

}  // namespace nopos::engine
