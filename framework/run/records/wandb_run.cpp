#include "wandb_run.h"

#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <exception>
#include <random>
#include <string_view>
#include <system_error>

#include "little_endian.h"
#include "nopos/error.h"
#include "nopos/json.h"
#include "nopos/log.h"
#include "unix_seconds.h"
#include "wandb_format.h"
#include "wandb_past.h"

namespace nopos::engine {
namespace {

using namespace wandb;

std::string frame(std::string_view piece, Piece type) {
  const auto byte = static_cast<Bytef>(type);
  uLong sum = crc32(0, &byte, 1);
  sum = crc32(sum, reinterpret_cast<const Bytef*>(piece.data()), static_cast<uInt>(piece.size()));
  return little_endian(static_cast<std::uint32_t>(sum)) +
         little_endian(static_cast<std::uint16_t>(piece.size())) + static_cast<char>(type) +
         std::string(piece);
}

/// `content` in frames, for a file of `size` bytes.
std::string framed(std::string_view content, std::size_t size) {
  std::string bytes;
  bool first = true;
  do {
    const std::size_t left = block_size - (size + bytes.size()) % block_size;
    if (left < frame_size) {  // no frame begins there
      bytes.append(left, '\0');
      continue;
    }
    const std::string_view piece = content.substr(0, left - frame_size);
    content.remove_prefix(piece.size());
    bytes += frame(piece, content.empty() ? (first ? Piece::full : Piece::last)
                                          : (first ? Piece::first : Piece::middle));
    first = false;
  } while (first || !content.empty());
  return bytes;
}

std::string random_id() {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::random_device random;
  std::string id(8, ' ');
  for (char& letter : id) letter = letters[random() % letters.size()];
  return id;
}

std::filesystem::path run_file(const std::filesystem::path& folder, const std::string& id, double started) {
  const auto seconds = static_cast<std::time_t>(started);
  std::tm local{};
  localtime_r(&seconds, &local);
  std::array<char, 32> time{};
  std::strftime(time.data(), time.size(), "%Y%m%d_%H%M%S", &local);
  return folder / ("offline-run-" + std::string(time.data()) + "-" + id) / ("run-" + id + ".wandb");
}

std::string json(double number) { return Json(number).dump(); }

std::string named_item(int key_field, const std::string& name, const std::string& value) {
  return ProtobufMessage().text(key_field, name).text(item::json, value).bytes();
}

ProtobufMessage header_record() {
  const auto version =
      ProtobufMessage().text(version_info::producer, "nopos-host").text(version_info::min_consumer, "0.40.0");
  return ProtobufMessage().text(record::header,
                                ProtobufMessage().text(header::version_info, version.bytes()).bytes());
}

ProtobufMessage run_record(const std::string& id, const WandbIdentity& identity, double started) {
  ProtobufMessage settings;
  for (const auto& [name, value] : identity.config) {
    settings.text(config::update, named_item(item::key, name, value));
  }
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  const auto whole = static_cast<std::int64_t>(started);
  const auto time =
      ProtobufMessage()
          .integer(timestamp::seconds, whole)
          .integer(timestamp::nanos, static_cast<std::int64_t>((started - static_cast<double>(whole)) * 1e9));
  const auto content = ProtobufMessage()
                           .text(run::id, id)
                           .text(run::project, identity.project)
                           .text(run::config, settings.bytes())
                           .text(run::display_name, identity.name)
                           .text(run::host, host.data())
                           .text(run::start_time, time.bytes());
  return ProtobufMessage().text(record::run, content.bytes());
}

}  // namespace

WandbRun::WandbRun(const std::filesystem::path& folder, const WandbIdentity& identity)
    : id_(random_id()), path_(run_file(folder, id_, unix_seconds())), file_(path_), started_(unix_seconds()) {
  file_.append(magic);
  written_ = magic.size();
  ProtobufMessage start = header_record(), content = run_record(id_, identity, started_);
  append(start);
  append(content);
  std::error_code ignored;  // for files that were uploaded with a run; `wandb sync` looks for the folder
  std::filesystem::create_directory(path_.parent_path() / "files", ignored);
}

WandbRun::WandbRun(const WandbPast& past)
    : id_(past.id),
      path_(past.file),
      file_(path_),
      started_(past.started),
      written_(past.bytes),
      records_(past.records) {
  std::error_code ignored;  // the client's mark of a run that it has sent: there is more to send now
  std::filesystem::remove(path_.string() + ".synced", ignored);
}

WandbRun::~WandbRun() {
  const bool failed = std::uncaught_exceptions() > 0;
  const auto content =
      ProtobufMessage()
          .integer(exit_record::code, failed ? 1 : 0)
          .integer(exit_record::runtime, static_cast<std::int64_t>(unix_seconds() - started_));
  try {
    append_row();
    ProtobufMessage last = ProtobufMessage().text(record::exit, content.bytes());
    append(last);
  } catch (const Error& error) {
    log_warning("nopos.train", error.what());
  }
}

void WandbRun::append(ProtobufMessage& record) {
  record.integer(record::number, ++records_)
      .text(record::info, ProtobufMessage().text(info::stream_id, id_).bytes());
  const std::string bytes = framed(record.bytes(), written_);
  file_.append(bytes);
  written_ += bytes.size();
}

void WandbRun::append_row() {
  if (row_.empty()) return;
  const double now = unix_seconds();
  row_.emplace_back("_step", std::to_string(step_));
  row_.emplace_back("_timestamp", json(now));
  row_.emplace_back("_runtime", json(now - started_));
  ProtobufMessage row, latest;
  for (const auto& [name, value] : row_) {
    row.text(history::item, named_item(item::nested_key, name, value));
    latest.text(summary::update, named_item(item::nested_key, name, value));
  }
  row.text(history::step, ProtobufMessage().integer(history_step::number, step_).bytes());
  row_.clear();
  ProtobufMessage new_summary = ProtobufMessage().text(record::summary, latest.bytes());
  ProtobufMessage new_row = ProtobufMessage().text(record::history, row.bytes());
  append(new_summary);
  append(new_row);
}

void WandbRun::write(const Record& record) {
  if (record.num_updates != step_) append_row();
  step_ = record.num_updates;
  for (const auto& [name, number] : record.figures) {
    const std::string key = record.tag + "/" + name;
    std::erase_if(row_, [&](const auto& known) { return known.first == key; });
    row_.emplace_back(key, json(number));
  }
}

}  // namespace nopos::engine
