#include "data_bin.h"

#include <system_error>
#include <utility>

#include "nopos/error.h"
#include "nopos/files.h"
#include "nopos/log.h"
#include "text_input.h"

namespace nopos {
namespace {

namespace fs = std::filesystem;

constexpr const char* index_extensions[] = {".idx", ".bin"};

[[noreturn]] void fail(const char* what, const fs::path& path, const std::error_code& error) {
  throw Error(ExitCode::data,
              std::string("cannot ") + what + " " + path.string() + ": " + error.message() + ".");
}

fs::path made(fs::path folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fail("make", folder, error);
  return folder;
}

/// The last name of a file that has, or will have, that path.
std::string name_of(const NewFile& file) { return file.path().filename().string(); }

}  // namespace

DataBin::DataBin(fs::path folder, const std::string& format)
    : is_text_(format == "raw"), format_(format == "mmap" ? IndexFormat::mmap : IndexFormat::legacy) {
  if (format == "fasta" || format == "huffman") {
    throw Error(ExitCode::configuration,
                "preprocess: option 'dataset-impl' is '" + format +
                    "', which is not supported: use mmap (the default), cached, lazy or raw.");
  }
  folder_ = made(std::move(folder));
  lock_.emplace(RunLock::on_folder(folder_, "give another --destdir"), "preprocess");
  own_.emplace(folder_);
  remove_leftovers(folder_);
}

bool DataBin::has_dictionary(const std::optional<std::string>& bytes) const {
  return bytes && fs::is_regular_file(dictionary()) && MappedFile(dictionary()).bytes() == *bytes;
}

void DataBin::check(const std::vector<Split>& splits,
                    const std::optional<std::string>& source_dictionary) const {
  const auto check_name = [&](const std::string& name) {
    const fs::path file = folder_ / name;
    std::error_code ignored;
    if (!fs::exists(fs::symlink_status(file))) return;
    if (fs::is_directory(file) && !is_text_) return;  // training does not take it for a text
    for (const Split& split : splits) {
      if (is_standard_input(split.text) || !fs::equivalent(split.text, file, ignored)) continue;
      throw Error(ExitCode::data,
                  "preprocess: " + split.text + " is an input, but is in --destdir, where '" + name +
                      "' would be written. Nothing was changed; move it, or give another --destdir.");
    }
    if (own_->wrote(name)) return;
    throw Error(ExitCode::data,
                "preprocess: " + file.string() + " is where '" + name +
                    "' would be written, and was not written by an earlier run of preprocess. Nothing was "
                    "changed; move or remove it, or give another --destdir.");
  };
  for (const Split& split : splits) {
    check_name(split.name);
    for (const char* extension : index_extensions) check_name(split.name + extension);
  }
  if (!has_dictionary(source_dictionary)) check_name(dictionary_name);
}

IndexedDatasetWriter& DataBin::add_ids(const Split& split) {
  return *ids_.emplace_back(
                  Added{split.name, std::make_unique<IndexedDatasetWriter>(folder_ / split.name, format_)})
              .writer;
}

NewFile& DataBin::add_text(const Split& split) { return add_file(split.name); }

NewFile& DataBin::add_file(const std::string& name) {
  return *files_.emplace_back(std::make_unique<NewFile>(folder_ / name));
}

void DataBin::remove_own(const std::string& name) const {
  if (!own_->wrote(name)) return;
  std::error_code error;
  if (!fs::remove(folder_ / name, error) && error) fail("remove", folder_ / name, error);
}

void DataBin::publish(const std::optional<std::string>& source_dictionary,
                      const std::function<void(const fs::path&)>& write_dictionary) {
  for (const Added& added : ids_) added.writer->close();
  for (const auto& file : files_) file->close();
  std::vector<std::string> written;
  const auto note = [&](const NewFile& file) {
    own_->add(name_of(file), file.temporary());
    written.push_back(name_of(file));
  };
  for (const Added& added : ids_) note(added.writer->bin()), note(added.writer->idx());
  for (const auto& file : files_) note(*file);
  own_->save();

  const bool keeps_dictionary = has_dictionary(source_dictionary);
  if (!keeps_dictionary) remove_own(dictionary_name);
  for (const Added& added : ids_) {
    remove_own(added.split + ".idx");
    remove_own(added.split);
  }
  for (const auto& file : files_) {
    for (const char* extension : index_extensions) remove_own(name_of(*file) + extension);
  }
  flush_folder(folder_);
  for (const Added& added : ids_) added.writer->publish_bin();
  for (const Added& added : ids_) added.writer->publish_idx();
  for (const auto& file : files_) file->publish();
  if (!keeps_dictionary) {
    write_dictionary(dictionary());
    own_->add(dictionary_name, dictionary());
    written.emplace_back(dictionary_name);
  }
  for (const std::string& name : written) own_->keep_latest(name);
  own_->save();
}

}  // namespace nopos
