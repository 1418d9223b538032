#include "text_pieces.h"

#include <algorithm>
#include <limits>

#include "nopos/error.h"
#include "nopos/parallel.h"
#include "nopos/text.h"

namespace nopos {
namespace {

/// Fits with all that is made of it into a processor's second cache; a longer line makes a longer piece.
constexpr std::size_t piece_size = std::size_t{128} << 10;

struct Piece {
  std::vector<char> memory;
  std::size_t size = 0;
  std::uint64_t number = 0, offset = 0;  // of its first byte in the text

  std::string_view text() const { return {memory.data(), size}; }
};

/// Where the last line of `text` that has an end ends; 0 where none has. A "\r" at the very end may be half
/// of one.
std::size_t last_line_end(std::string_view text) {
  std::size_t end = text.rfind('\n') + 1;
  if (end == 0 && text.size() > 1) end = text.rfind('\r', text.size() - 2) + 1;
  return end;
}

class PieceReader {
 public:
  PieceReader(const std::filesystem::path& path, const ReadOptions& options)
      : input_(path), options_(options) {}

  const std::string& name() const { return input_.name(); }

  /// False at the end of the text. Any thread.
  bool next(Piece& piece) {
    const std::lock_guard lock(mutex_);
    piece.number = number_++;
    piece.offset = offset_;
    std::size_t filled = rest_.size();
    reserve(piece, std::max(piece_size, filled));
    std::copy(rest_.begin(), rest_.end(), piece.memory.begin());
    rest_.clear();
    std::size_t end = 0;
    while (!at_end_ && end == 0) {
      if (filled == capacity(piece)) reserve(piece, 2 * filled);
      const std::size_t wanted = capacity(piece) - filled;
      const std::size_t count = input_.read({piece.memory.data() + filled, wanted});
      at_end_ = count < wanted;
      // what stood there before holds no line end, but for a "\r" that was its last byte
      const std::size_t from = filled > 0 ? filled - 1 : 0;
      filled += count;
      end = last_line_end({piece.memory.data() + from, filled - from});
      if (end > 0) end += from;
    }
    if (at_end_) end = filled;
    rest_.assign(piece.memory.data() + end, piece.memory.data() + filled);
    piece.size = end;
    offset_ += end;
    if (options_.progress) options_.progress(input_);
    return end > 0;
  }

 private:
  static std::size_t capacity(const Piece& piece) { return piece.memory.size() - Symbols::readable; }
  void reserve(Piece& piece, std::size_t size) {
    if (size >= std::numeric_limits<std::uint32_t>::max()) {
      throw Error(ExitCode::data, name() + ", byte " + std::to_string(piece.offset) +
                                      ": the line that begins here has more than 2 GiB. Split it.");
    }
    if (piece.memory.size() < size + Symbols::readable) piece.memory.resize(size + Symbols::readable);
  }

  TextInput input_;
  const ReadOptions& options_;
  std::mutex mutex_;
  std::vector<char> rest_;  // of what was read, behind the last piece
  std::uint64_t number_ = 0, offset_ = 0;
  bool at_end_ = false;
};

/// Lets threads pass in the order of their pieces. Where one failed, nobody passes any more.
class Turn {
 public:
  struct Stopped {};

  template <class Action>
  void take(std::uint64_t number, Action action) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stopped_ || next_ == number; });
    if (stopped_) throw Stopped();
    action();
    ++next_;
    changed_.notify_all();
  }
  void stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t next_ = 0;
  bool stopped_ = false;
};

/// Symbols must be UTF-8. A tokenizer may make such of bytes that are not; words separated by white space are
/// what the text is.
void check_utf8(const Piece& piece, const Symbols& symbols, const std::string& name) {
  const std::size_t bad = text::find_invalid_utf8(piece.text());
  if (bad == std::string_view::npos) return;
  for (std::size_t i = 0; i < symbols.begins.size(); ++i) {
    const std::string_view symbol(symbols.text + symbols.begins[i], symbols.ends[i] - symbols.begins[i]);
    if (text::find_invalid_utf8(symbol) == std::string_view::npos) continue;
    throw Error(ExitCode::data, name + ", byte " + std::to_string(piece.offset + bad) +
                                    ": the text is not UTF-8. Convert it first, or use a --tokenizer that "
                                    "accepts any byte, such as byte.");
  }
}

}  // namespace

void split_text(const std::filesystem::path& text, const ReadOptions& options,
                const std::vector<PieceWorker*>& workers) {
  static const WhiteSpaceSplitter white_space;
  const Splitter& splitter = options.splitter != nullptr ? *options.splitter : white_space;
  PieceReader reader(text, options);
  Turn turn;
  on_threads(static_cast<int>(workers.size()), [&](int thread) {
    PieceWorker& worker = *workers[static_cast<std::size_t>(thread)];
    Piece piece;
    Symbols symbols;
    try {
      for (bool more = true; more;) {
        std::exception_ptr failure;
        try {
          more = reader.next(piece);
          splitter.split(piece.text(), symbols);
          check_utf8(piece, symbols, reader.name());
        } catch (...) {
          failure = std::current_exception();  // told in turn, so that it is the first in the text
        }
        if (!more && !failure) break;
        turn.take(piece.number, [&] {
          if (failure) std::rethrow_exception(failure);
          worker.in_turn(symbols);
        });
        worker.work(symbols);
      }
    } catch (const Turn::Stopped&) {
      return;
    } catch (...) {
      turn.stop();
      throw;
    }
  });
}

}  // namespace nopos
