#include "data_bin.h"

#include <array>
#include <string_view>
#include <system_error>

#include "nopos/error.h"

namespace nopos {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& what, const fs::path& path, const std::error_code& error) {
  throw Error(ExitCode::data, "cannot " + what + " " + path.string() + ": " + error.message() + ".");
}

void remove_file(const fs::path& file) {
  std::error_code error;
  if (fs::is_regular_file(file) && !fs::remove(file, error) && error) fail("remove", file, error);
}

/// Whether a run that was stopped has left it.
bool is_leftover(const fs::path& file) {
  const std::string name = file.filename().string();
  const auto begins = [&](std::string_view prefix) { return name.starts_with(prefix); };
  return name.ends_with(".tmp") &&
         (begins("train") || begins("valid") || begins("test") || begins("dict.txt"));
}

}  // namespace

DataBin::DataBin(fs::path folder, const std::string& format)
    : folder_(std::move(folder)),
      is_text_(format == "raw"),
      format_(format == "mmap" ? IndexFormat::mmap : IndexFormat::legacy) {
  if (format == "fasta" || format == "huffman") {
    throw Error(ExitCode::configuration,
                "preprocess: option 'dataset-impl' is '" + format +
                    "', which is not written: training reads mmap (the default), cached, lazy "
                    "and raw.");
  }
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) fail("make", folder_, error);
}

fs::path DataBin::kept(fs::path dictionary) {
  dictionary += ".kept";
  return dictionary;
}

void DataBin::begin(const std::vector<Split>& splits) {
  remove_file(dictionary());
  for (const Split& split : splits) {
    for (const char* extension : {".idx", ".bin", ""}) remove_file(folder_ / (split.name + extension));
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_)) {
    if (is_leftover(entry.path())) remove_file(entry.path());
  }
}

IndexedDatasetWriter& DataBin::add_ids(const Split& split) {
  return *ids_.emplace_back(std::make_unique<IndexedDatasetWriter>(folder_ / split.name, format_));
}

NewFile& DataBin::add_text(const Split& split) {
  return *texts_.emplace_back(std::make_unique<NewFile>(folder_ / split.name));
}

void DataBin::publish() {
  for (const auto& file : texts_) file->publish();
  for (const auto& writer : ids_) writer->close();
  for (const auto& writer : ids_) writer->publish_bin();
  for (const auto& writer : ids_) writer->publish_idx();
}

}  // namespace nopos
