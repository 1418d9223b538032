#pragma once
/// The types of numbers that tensors are stored in, by the names of each format.

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string_view>

namespace nopos {

struct NumberType {
  std::string_view storage;  ///< in a checkpoint; empty: checkpoints do not have the type
  std::string_view dtype;    ///< in safetensors
  std::string_view torch;    ///< in Hugging Face's configurations
  std::int64_t size;         ///< in bytes
};

inline constexpr NumberType number_types[] = {{"FloatStorage", "F32", "float32", 4},
                                              {"DoubleStorage", "F64", "float64", 8},
                                              {"HalfStorage", "F16", "float16", 2},
                                              {"BFloat16Storage", "BF16", "bfloat16", 2},
                                              {"LongStorage", "I64", "int64", 8},
                                              {"IntStorage", "I32", "int32", 4},
                                              {"ShortStorage", "I16", "int16", 2},
                                              {"CharStorage", "I8", "int8", 1},
                                              {"ByteStorage", "U8", "uint8", 1},
                                              {"BoolStorage", "BOOL", "bool", 1},
                                              {"", "U64", "uint64", 8},
                                              {"", "U32", "uint32", 4},
                                              {"", "U16", "uint16", 2}};

/// Null for an unknown name.
constexpr const NumberType* type_of_storage(std::string_view storage) {
  const auto* const found = std::ranges::find(number_types, storage, &NumberType::storage);
  return storage.empty() || found == std::end(number_types) ? nullptr : found;
}
constexpr const NumberType* type_of_dtype(std::string_view dtype) {
  const auto* const found = std::ranges::find(number_types, dtype, &NumberType::dtype);
  return found == std::end(number_types) ? nullptr : found;
}

}  // namespace nopos
