#include "document_shuffle.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <tuple>
#include <vector>

#include "nopos/error.h"
#include "nopos/files.h"

namespace nopos {
namespace {

namespace fs = std::filesystem;

constexpr int bits_a_level = 6, key_bits = 64;
constexpr std::size_t files_a_level = std::size_t{1} << bits_a_level;
constexpr const char* documents = "documents";  // what names of files begin with
constexpr std::size_t release_bytes = std::size_t{8} << 20;

/// How a document lies in a file, in front of its text.
struct Header {
  std::uint64_t key, characters, bytes;
  std::uint64_t source;
};

Header header_at(std::string_view bytes) {
  Header header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  return header;
}

DocumentShuffle::Document document_at(std::string_view bytes) {
  const Header header = header_at(bytes);
  return {static_cast<std::uint32_t>(header.source), header.characters,
          bytes.substr(sizeof(header), header.bytes)};
}

}  // namespace

/// Files below one prefix, one for each value of some bits of the key.
struct DocumentShuffle::Spread {
  Spread(fs::path prefix, int level) : prefix(std::move(prefix)), level(level), files(files_a_level) {}

  void add(std::uint64_t key, const Document& document) {
    const std::size_t number = (key >> (key_bits - bits_a_level * (level + 1))) % files_a_level;
    std::unique_ptr<NewFile>& file = files[number];
    if (!file) {
      file =
          std::make_unique<NewFile>(prefix.string() + "-" + std::to_string(number), NewFile::Kind::scratch);
    }
    const Header header{key, document.characters, document.text.size(), document.source};
    file->append({reinterpret_cast<const char*>(&header), sizeof(header)});
    file->append(document.text);
  }

  void for_each(const Visit& visit, std::uint64_t memory) {
    std::vector<fs::path> paths;
    for (const auto& file : files) {
      if (!file) continue;
      file->publish();
      paths.push_back(file->path());
    }
    files.clear();  // and their buffers
    for (const fs::path& path : paths) {
      const bool last_level = bits_a_level * (level + 2) > key_bits;
      fs::file_size(path) > memory && !last_level ? spread_again(path, visit, memory) : sort(path, visit);
    }
  }

 private:
  void spread_again(const fs::path& path, const Visit& visit, std::uint64_t memory) const {
    Spread finer(path, level + 1);
    {
      const MappedFile file(path);
      const std::string_view bytes = file.bytes();
      for (std::size_t offset = 0, released = 0; offset < bytes.size();) {
        const Document document = document_at(bytes.substr(offset));
        finer.add(header_at(bytes.substr(offset)).key, document);
        offset += sizeof(Header) + document.text.size();
        if (offset - released < release_bytes) continue;
        MappedFile::release(bytes.substr(released, offset - released));
        released = offset;
      }
    }
    fs::remove(path);
    finer.for_each(visit, memory);
  }

  static void sort(const fs::path& path, const Visit& visit) {
    const MappedFile file(path);
    fs::remove(path);  // the bytes stay as long as they are mapped
    struct Place {
      std::uint64_t key;
      std::size_t offset;
    };
    std::vector<Place> places;
    for (std::size_t offset = 0; offset < file.bytes().size();) {
      const Header header = header_at(file.bytes().substr(offset));
      places.push_back({header.key, offset});
      offset += sizeof(header) + header.bytes;
    }
    std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
      return std::tie(a.key, a.offset) < std::tie(b.key, b.offset);
    });
    for (const Place& place : places) visit(document_at(file.bytes().substr(place.offset)));
  }

  fs::path prefix;
  int level;
  std::vector<std::unique_ptr<NewFile>> files;
};

DocumentShuffle::DocumentShuffle(fs::path folder, std::int64_t seed, std::uint64_t memory)
    : folder_(std::move(folder)), random_(static_cast<std::uint64_t>(seed)), memory_(memory) {
  std::error_code error;
  if (fs::is_symlink(folder_)) error = std::make_error_code(std::errc::file_exists);
  if (!error) fs::create_directories(folder_, error);
  if (error) throw Error(ExitCode::data, "cannot make " + folder_.string() + ": " + error.message() + ".");
  remove_documents();  // of a run that was killed
  spread_ = std::make_unique<Spread>(folder_ / documents, 0);
}

DocumentShuffle::~DocumentShuffle() {
  spread_.reset();
  remove_documents();
  std::error_code ignored;
  fs::remove(folder_, ignored);  // where somebody has put something there, it stays
}

void DocumentShuffle::remove_documents() const {
  std::error_code ignored;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder_, ignored)) {
    if (entry.path().filename().string().starts_with(std::string(documents) + "-"))
      files.push_back(entry.path());
  }
  for (const fs::path& file : files) {
    if (fs::is_regular_file(fs::symlink_status(file, ignored))) fs::remove(file, ignored);
  }
}

void DocumentShuffle::add(const Document& document) { spread_->add(random_(), document); }

void DocumentShuffle::for_each(const Visit& visit) { spread_->for_each(visit, memory_); }

}  // namespace nopos
