#pragma once
/// Small datasets on disk.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "command.h"
#include "errors_and_logs.h"
#include "indexed_dataset_writer.h"
#include "nopos/indexed_dataset.h"

namespace nopos::test {

using Sentences = std::vector<std::vector<std::uint32_t>>;

inline std::shared_ptr<const IndexedDataset> dataset_of(const std::filesystem::path& prefix,
                                                        const Sentences& sentences,
                                                        std::int64_t vocabulary = 100) {
  IndexedDatasetWriter writer(prefix, vocabulary);
  for (const auto& sentence : sentences) writer.add(sentence);
  writer.finish();
  return std::make_shared<IndexedDataset>(prefix);
}

}  // namespace nopos::test
