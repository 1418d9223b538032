#pragma once
/// Whether two runs ended with the same numbers.

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>

#include "zip.h"

namespace nopos::test {

/// The bytes of every tensor of a checkpoint (weights, the optimizer's state), by entry.
inline std::map<std::string, std::string> tensors(const std::filesystem::path& checkpoint) {
  const ZipReader zip(checkpoint);
  std::map<std::string, std::string> tensors;
  for (const std::string& name : zip.names()) {
    if (name.find("/data/") != std::string::npos) tensors[name] = zip.read(name);
  }
  return tensors;
}

inline void expect_equal_tensors(const std::filesystem::path& left, const std::filesystem::path& right) {
  const auto of_left = tensors(left), of_right = tensors(right);
  EXPECT_GT(of_left.size(), 30U);  // weights and two moments each
  ASSERT_EQ(of_left.size(), of_right.size());
  for (const auto& [name, bytes] : of_left) EXPECT_TRUE(of_right.at(name) == bytes) << name << " differs";
}

}  // namespace nopos::test
