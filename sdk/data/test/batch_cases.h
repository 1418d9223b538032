#pragma once
/// Cases of batch_by_size as fairseq recorded them, one JSON object a line.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "nopos/epoch_batches.h"

namespace nopos::test {

/// Compares each case of `file`; returns how many there were.
inline int check_batch_by_size(const std::filesystem::path& cases) {
  using nlohmann::json;
  const auto limit = [](const json& value) {
    return value.is_null() ? std::nullopt : std::optional(value.get<std::int64_t>());
  };
  std::ifstream file(cases);
  int checked = 0;
  for (std::string line; std::getline(file, line); ++checked) {
    const json c = json::parse(line);
    const auto sizes = c["sizes"].get<std::vector<std::int64_t>>(),
               order = c["order"].get<std::vector<std::int64_t>>();
    EXPECT_EQ(batch_by_size(order, sizes, limit(c["max_tokens"]), limit(c["max_sentences"]), c["multiple"]),
              c["batches"].get<BatchList>())
        << line;
  }
  return checked;
}

}  // namespace nopos::test
