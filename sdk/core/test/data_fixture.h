#pragma once
/// Small datasets on disk for the tests of core.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "command.h"
#include "nopos/error.h"
#include "nopos/indexed_dataset.h"
#include "nopos/indexed_dataset_writer.h"
#include "nopos/log.h"

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

/// What `action` throws: "<exit code>: <message>", empty where it throws nothing.
template <class Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return std::to_string(static_cast<int>(error.code())) + ": " + error.what();
  }
  return {};
}

/// Collects log records as "LEVEL source: message" while it lives.
class LogCollector {
 public:
  LogCollector()
      : before_(set_log_sink([this](LogLevel level, std::string_view source, std::string_view message) {
          lines.push_back((level == LogLevel::warning ? "WARNING " : "INFO ") + std::string(source) + ": " +
                          std::string(message));
        })) {}
  ~LogCollector() { set_log_sink(before_); }
  LogCollector(const LogCollector&) = delete;

  std::vector<std::string> lines;

 private:
  LogSink before_;
};

}  // namespace nopos::test
