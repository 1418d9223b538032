#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <vector>

#include "nopos/error.h"
#include "nopos/registry/checks.h"

namespace nopos::registry {
namespace {

class Library {
 public:
  explicit Library(const std::filesystem::path& path)
      : path_(path), descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {
    struct stat status {};
    if (descriptor_ < 0 || fstat(descriptor_, &status) != 0) {
      const std::string reason = std::strerror(errno);
      refuse("cannot be opened: " + reason);
    }
    if (!S_ISREG(status.st_mode)) refuse("is not a file");
    size_ = static_cast<std::uint64_t>(status.st_size);
  }
  ~Library() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  [[noreturn]] void refuse(const std::string& reason) const {
    throw Error(ExitCode::plugin_incompatible, path_.string() + ": the library " + reason + ".");
  }

  bool holds(std::uint64_t offset, std::uint64_t bytes) const {
    return offset <= size_ && bytes <= size_ - offset;
  }

  void read(void* into, std::uint64_t offset, std::uint64_t bytes) const {
    if (!holds(offset, bytes)) refuse_truncated(offset + bytes);
    if (pread(descriptor_, into, bytes, static_cast<off_t>(offset)) != static_cast<ssize_t>(bytes)) {
      refuse("cannot be read");
    }
  }

  [[noreturn]] void refuse_truncated(std::uint64_t needed) const {
    refuse("is truncated: it has " + std::to_string(size_) + " bytes, but its header says " +
           std::to_string(needed) + "; build or copy it again");
  }

 private:
  const std::filesystem::path& path_;
  int descriptor_;
  std::uint64_t size_ = 0;
};

constexpr std::uint64_t longest_notes = 1 << 16;

constexpr std::uint64_t padded(std::uint64_t bytes) { return (bytes + 3) / 4 * 4; }

// Notes are triples of header, name and content, each padded to 4 bytes.
std::string build_id_of(std::span<const char> notes) {
  for (std::uint64_t at = 0; at + sizeof(Elf64_Nhdr) <= notes.size();) {
    Elf64_Nhdr note;
    std::memcpy(&note, notes.data() + at, sizeof note);
    const std::uint64_t name = at + sizeof note, content = name + padded(note.n_namesz);
    at = content + padded(note.n_descsz);
    if (content + note.n_descsz > notes.size()) break;
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
        std::memcmp(notes.data() + name, "GNU", 4) == 0) {
      std::string text;
      for (std::uint64_t i = content; i < content + note.n_descsz; ++i) {
        constexpr const char* digits = "0123456789abcdef";
        const auto byte = static_cast<unsigned char>(notes[i]);
        text += {digits[byte >> 4], digits[byte & 15]};
      }
      return text;
    }
  }
  return {};
}

}  // namespace

std::string read_build_id(const std::filesystem::path& path) {
  const Library library(path);
  Elf64_Ehdr header;
  library.read(&header, 0, sizeof header);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) library.refuse("is not an ELF file");
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_type != ET_DYN || header.e_machine != EM_X86_64 || header.e_phentsize != sizeof(Elf64_Phdr)) {
    library.refuse("is not a shared library for x86-64");
  }
  // A stripped library has no sections, or fewer; a table that it speaks of must be there.
  const std::uint64_t sections = std::uint64_t{header.e_shnum} * header.e_shentsize;
  if (!library.holds(header.e_shoff, sections)) library.refuse_truncated(header.e_shoff + sections);
  std::vector<Elf64_Phdr> segments(header.e_phnum);
  library.read(segments.data(), header.e_phoff, segments.size() * sizeof(Elf64_Phdr));
  std::string build_id;
  for (const Elf64_Phdr& segment : segments) {
    if (!library.holds(segment.p_offset, segment.p_filesz)) {
      library.refuse_truncated(segment.p_offset + segment.p_filesz);
    }
    if (segment.p_type == PT_NOTE && build_id.empty() && segment.p_filesz <= longest_notes) {
      std::vector<char> notes(segment.p_filesz);
      library.read(notes.data(), segment.p_offset, notes.size());
      build_id = build_id_of(notes);
    }
  }
  if (build_id.empty())
    library.refuse("has no build id; link it with -Wl,--build-id, as nopos_add_plugin() does");
  return build_id;
}

std::string loaded_build_id(const void* inside) {
  struct Search {
    std::uintptr_t inside;
    std::string build_id;
  } search{reinterpret_cast<std::uintptr_t>(inside), {}};
  const auto look = [](dl_phdr_info* info, std::size_t, void* data) {
    auto& wanted = *static_cast<Search*>(data);
    const std::span headers(info->dlpi_phdr, info->dlpi_phnum);
    const auto holds = [&](const ElfW(Phdr) & header) {
      const std::uintptr_t begin = info->dlpi_addr + header.p_vaddr;
      return header.p_type == PT_LOAD && begin <= wanted.inside && wanted.inside < begin + header.p_memsz;
    };
    if (std::none_of(headers.begin(), headers.end(), holds)) return 0;
    for (const ElfW(Phdr) & header : headers) {
      if (header.p_type != PT_NOTE || !wanted.build_id.empty() || header.p_memsz > longest_notes) continue;
      const auto* notes = reinterpret_cast<const char*>(info->dlpi_addr + header.p_vaddr);
      wanted.build_id = build_id_of({notes, header.p_memsz});
    }
    return 1;
  };
  dl_iterate_phdr(look, &search);
  return search.build_id;
}

}  // namespace nopos::registry
