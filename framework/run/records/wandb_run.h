#pragma once
/// A run of Weights & Biases, written to disk as its client does offline; `wandb sync FOLDER` sends it.

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "append_file.h"
#include "protobuf.h"
#include "record.h"
#include "wandb_past.h"

namespace nopos::engine {

/// What the service knows a run by.
struct WandbIdentity {
  std::string project, name;
  std::vector<std::pair<std::string, std::string>> config;  ///< names and JSON texts
};

class WandbRun final : public RecordWriter {
 public:
  /// Makes `folder`/offline-run-<time>-<id>/run-<id>.wandb. \throws Error (runtime) with file and reason
  WandbRun(const std::filesystem::path& folder, const WandbIdentity& identity);
  /// Goes on with a run that was written before.
  explicit WandbRun(const WandbPast& past);
  /// Ends the run; as failed where an exception is on its way.
  ~WandbRun() override;
  WandbRun(const WandbRun&) = delete;
  WandbRun& operator=(const WandbRun&) = delete;

  /// Figures of one update are one row there ("train_inner/loss", "valid/loss", ...): a row is written when
  /// the next one begins, or at the end.
  void write(const Record& record) override;

  const std::filesystem::path& file() const { return path_; }
  const std::string& id() const { return id_; }
  double started() const { return started_; }

 private:
  void append(ProtobufMessage& record);
  void append_row();

  std::string id_;
  std::filesystem::path path_;
  AppendFile file_;
  double started_;
  std::size_t written_ = 0;  // bytes of the file
  std::int64_t records_ = 0;
  std::int64_t step_ = 0;                                 // of the row that waits
  std::vector<std::pair<std::string, std::string>> row_;  // names and JSON texts
};

}  // namespace nopos::engine
