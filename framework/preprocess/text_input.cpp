#include "text_input.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "nopos/file_error.h"

namespace nopos {

/// The file's own bytes, with those that were read and not yet taken.
class TextInput::Source {
 public:
  Source(const std::filesystem::path& path, std::string name) : name_(std::move(name)) {
    if (is_standard_input(path)) return;
    descriptor_ = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor_ < 0) fail_on_file("open", name_, errno);
    struct stat status {};
    if (fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode))
      size_ = static_cast<std::uint64_t>(status.st_size);
  }
  ~Source() {
    if (descriptor_ != STDIN_FILENO) close(descriptor_);
  }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  /// The next bytes without taking them; empty only at the end of the file.
  std::string_view peek() {
    if (begin_ == end_) {
      begin_ = 0;
      end_ = read_up_to(buffer_);
    }
    return {buffer_.data() + begin_, end_ - begin_};
  }

  /// At least `count` bytes where the file has them.
  std::string_view peek_at_least(std::size_t count) {
    if (end_ - begin_ < count && begin_ > 0) {  // what is left comes to the front, to have room behind it
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= std::exchange(begin_, 0);
    }
    while (end_ - begin_ < count) {
      const std::size_t more = read_up_to({buffer_.data() + end_, buffer_.size() - end_});
      if (more == 0) break;
      end_ += more;
    }
    return {buffer_.data() + begin_, end_ - begin_};
  }

  void take(std::size_t count) {
    begin_ += count;
    taken_ += count;
  }

  /// Straight into `out`, past the buffer where that is empty.
  std::size_t read(std::span<char> out) {
    if (begin_ == end_) {
      const std::size_t count = read_up_to(out);
      taken_ += count;
      return count;
    }
    const std::size_t count = std::min(out.size(), end_ - begin_);
    std::memcpy(out.data(), buffer_.data() + begin_, count);
    take(count);
    return count;
  }

  [[noreturn]] void refuse(const std::string& what,
                           const std::string& remedy = "Fetch or compress the file again.") const {
    throw Error(ExitCode::data, name_ + ", byte " + std::to_string(taken_) + ": " + what + " " + remedy);
  }

  std::uint64_t taken() const { return taken_; }
  std::uint64_t size() const { return size_; }

 private:
  std::size_t read_up_to(std::span<char> out) {
    ssize_t count = 0;
    do count = ::read(descriptor_, out.data(), out.size());
    while (count < 0 && errno == EINTR);
    if (count < 0) fail_on_file("read", name_, errno);
    return static_cast<std::size_t>(count);
  }

  std::string name_;
  int descriptor_ = STDIN_FILENO;
  std::uint64_t size_ = 0, taken_ = 0;
  std::vector<char> buffer_ = std::vector<char>(std::size_t{128} << 10);
  std::size_t begin_ = 0, end_ = 0;
};

/// Turns the bytes of a source into those of the text.
class TextInput::Decoder {
 public:
  virtual ~Decoder() = default;
  /// At least one byte, unless the text ends.
  virtual std::size_t read(Source& source, std::span<char> out) = 0;
};

namespace {

using Source = TextInput::Source;

constexpr std::string_view gzip_magic = "\x1f\x8b", zstd_magic = "\x28\xb5\x2f\xfd";

bool is_zstd(std::string_view bytes) {
  // or a frame to be skipped, with which parallel compressors begin
  return bytes.starts_with(zstd_magic) ||
         (bytes.size() >= 4 && (bytes[0] & 0xf0) == 0x50 && bytes.substr(1, 3) == "\x2a\x4d\x18");
}

constexpr std::size_t zstd_header = 17;  // the longest up to the size of the content, without a checksum

/// Bytes that the frame at the head of `bytes` refers back to (RFC 8878, section 3.1.1.1); 0 where no frame
/// begins there, or none with text.
std::uint64_t zstd_window(std::string_view bytes) {
  const auto byte = [&](std::size_t i) -> std::uint64_t {
    return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0u;
  };
  if (!bytes.starts_with(zstd_magic)) return 0;
  const std::uint64_t descriptor = byte(4);
  const bool single_segment = (descriptor & 0x20) != 0;
  if (!single_segment) {
    const std::uint64_t base = std::uint64_t{1} << (10 + (byte(5) >> 3));
    return base + base / 8 * (byte(5) & 7);
  }
  constexpr std::size_t dictionary_sizes[] = {0, 1, 2, 4}, content_sizes[] = {1, 2, 4, 8};
  const std::size_t at = 5 + dictionary_sizes[descriptor & 3], size = content_sizes[descriptor >> 6];
  std::uint64_t content = size == 2 ? 256 : 0;
  for (std::size_t i = 0; i < size; ++i) content += byte(at + i) << 8 * i;
  return content;
}

class Plain : public TextInput::Decoder {
 public:
  std::size_t read(Source& source, std::span<char> out) override { return source.read(out); }
};

class Gzip : public TextInput::Decoder {
 public:
  Gzip() {
    constexpr int gzip_only = 16;
    if (inflateInit2(&stream_, MAX_WBITS + gzip_only) != Z_OK) throw std::bad_alloc();
  }
  ~Gzip() override { inflateEnd(&stream_); }

  std::size_t read(Source& source, std::span<char> out) override {
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    while (stream_.avail_out == out.size() && (inside_ || next_member(source))) {
      const std::string_view bytes = source.peek();
      if (bytes.empty()) source.refuse("the file ends in the middle of its gzip data.");
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
      stream_.avail_in = static_cast<uInt>(bytes.size());
      const int status = inflate(&stream_, Z_NO_FLUSH);
      source.take(bytes.size() - stream_.avail_in);
      if (status == Z_STREAM_END) inside_ = false;
      if (status == Z_MEM_ERROR) throw std::bad_alloc();
      if (status != Z_STREAM_END && status != Z_OK && status != Z_BUF_ERROR) {
        source.refuse(std::string("damaged gzip data (") +
                      (stream_.msg != nullptr ? stream_.msg : "unknown") + ").");
      }
    }
    return out.size() - stream_.avail_out;
  }

 private:
  /// Zeros behind a member fill up a block of a tape or of a disk, as gzip and Python take them.
  static void skip_padding(Source& source) {
    for (std::string_view bytes; bytes = source.peek(), !bytes.empty() && bytes[0] == '\0';)
      source.take(std::min(bytes.find_first_not_of('\0'), bytes.size()));
  }

  bool next_member(Source& source) {
    if (std::exchange(any_, true)) skip_padding(source);
    const std::string_view bytes = source.peek_at_least(gzip_magic.size());
    if (bytes.empty()) return false;
    if (!bytes.starts_with(gzip_magic))
      source.refuse("the data here are not gzip, although those before are.");
    inflateReset(&stream_);
    return inside_ = true;
  }

  z_stream stream_{};
  bool inside_ = false, any_ = false;  // a member; one has begun
};

class Zstd : public TextInput::Decoder {
 public:
  Zstd() : stream_(ZSTD_createDStream()) {
    if (stream_ == nullptr) throw std::bad_alloc();
    ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, largest_window_log);
  }
  ~Zstd() override { ZSTD_freeDStream(stream_); }

  std::size_t read(Source& source, std::span<char> out) override {
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    while (to.pos == 0) {
      if (!inside_) begin_frame(source);
      const std::string_view bytes = source.peek();
      // what the decoder still holds comes out before the file counts as cut short
      if (bytes.empty() && !inside_) break;
      ZSTD_inBuffer from{bytes.data(), bytes.size(), 0};
      const std::size_t status = ZSTD_decompressStream(stream_, &to, &from);
      source.take(from.pos);
      if (ZSTD_isError(status) != 0) {
        source.refuse(std::string("damaged Zstandard data (") + ZSTD_getErrorName(status) + ").");
      }
      inside_ = status != 0;
      if (bytes.empty() && inside_ && to.pos == 0)
        source.refuse("the file ends in the middle of its Zstandard data.");
    }
    expect_text(source, to.pos);
    return to.pos;
  }

 private:
  static constexpr int largest_window_log = 31;  // zstd --long=31, the largest that the program makes

  /// Refuses a window that is too large, with what helps.
  void begin_frame(Source& source) {
    constexpr std::uint64_t largest = std::uint64_t{1} << largest_window_log;
    window_ = zstd_window(source.peek_at_least(zstd_header));
    if (window_ <= largest) return;
    source.refuse("its Zstandard data need a window of " + std::to_string(window_ >> 20) + " MiB; up to " +
                      std::to_string(largest >> 20) + " MiB are supported.",
                  "Compress the text again with zstd --long=31 or less.");
  }

  /// A window is kept in memory as far as it is filled. A few KiB must not fill a large one.
  void expect_text(const Source& source, std::size_t count) {
    constexpr std::uint64_t harmless_window = std::uint64_t{128} << 20, harmless = std::uint64_t{256} << 20,
                            dense = 1000;
    made_ += count;
    if (window_ <= harmless_window || made_ <= harmless || made_ / dense <= source.taken()) return;
    source.refuse("its Zstandard data expand to more than " + std::to_string(dense) +
                      " times their size, with a window of " + std::to_string(window_ >> 20) + " MiB.",
                  "If it is text nevertheless, decompress it first: zstd -d --long=31.");
  }

  ZSTD_DStream* stream_;
  bool inside_ = false;  // a frame
  std::uint64_t window_ = 0, made_ = 0;
};

}  // namespace

bool is_standard_input(const std::filesystem::path& path) { return path == "-"; }

bool is_read_once(const std::filesystem::path& path) {
  std::error_code ignored;
  const auto type = std::filesystem::status(path, ignored).type();
  using enum std::filesystem::file_type;
  return is_standard_input(path) || type == fifo || type == socket || type == character;
}

TextInput::TextInput(const std::filesystem::path& path)
    : name_(is_standard_input(path) ? "standard input" : path.string()),
      source_(std::make_unique<Source>(path, name_)) {
  const std::string_view head = source_->peek_at_least(zstd_magic.size());
  if (head.starts_with(gzip_magic)) {
    decoder_ = std::make_unique<Gzip>();
  } else if (is_zstd(head)) {
    decoder_ = std::make_unique<Zstd>();
  } else {
    decoder_ = std::make_unique<Plain>();
  }
}

TextInput::~TextInput() = default;

std::size_t TextInput::read(std::span<char> out) {
  constexpr std::size_t most = std::size_t{1} << 30;  // what the libraries' and the system's counters hold
  std::size_t filled = 0;
  while (filled < out.size()) {
    const std::size_t count =
        decoder_->read(*source_, out.subspan(filled, std::min(most, out.size() - filled)));
    if (count == 0) break;
    filled += count;
  }
  return filled;
}

std::uint64_t TextInput::bytes_taken() const { return source_->taken(); }
std::uint64_t TextInput::bytes_in_all() const { return source_->size(); }

}  // namespace nopos
