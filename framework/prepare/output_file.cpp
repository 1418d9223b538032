#include "output_file.h"

#include <cerrno>
#include <system_error>

#include "nopos/error.h"

namespace nopos {
namespace {

constexpr std::size_t buffer_bytes = std::size_t{256} << 10;

}  // namespace

OutputFile::OutputFile(std::filesystem::path path) : path_(std::move(path)), buffer_(buffer_bytes) {
  errno = 0;
  stream_.rdbuf()->pubsetbuf(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
  stream_.open(path_, std::ios::binary | std::ios::trunc);
  check();
}

void OutputFile::write(std::string_view bytes) {
  errno = 0;
  stream_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  check();
}

void OutputFile::close() {
  errno = 0;
  stream_.close();
  check();
}

void OutputFile::check() const {
  if (stream_) return;
  throw Error(ExitCode::data, "cannot write " + path_.string() + ": " +
                                  std::generic_category().message(errno == 0 ? EIO : errno) + ".");
}

}  // namespace nopos
