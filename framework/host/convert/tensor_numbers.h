#pragma once
/// Numbers of a tensor as float32, whatever type holds them, and back.

#include <string>
#include <vector>

#include "safetensors.h"

namespace nopos::host {

/// Of a tensor of type F32, F16 or BF16, exactly. \throws Error (data) naming tensor and type for another
std::vector<float> floats_of(const SafeTensor& tensor);

/// The bytes of `numbers` in one of these types, rounded to nearest, ties to even.
std::string bytes_of(const std::vector<float>& numbers, std::string_view dtype);

}  // namespace nopos::host
