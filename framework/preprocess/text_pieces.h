#pragma once
/// A text in pieces for several threads: each cut where a line ends, handed out in order.

#include <condition_variable>
#include <exception>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "binarizer.h"
#include "text_input.h"
#include "text_symbols.h"

namespace nopos {

/// What one thread does with the pieces that fall to it.
class PieceWorker {
 public:
  virtual ~PieceWorker() = default;
  /// In the order of the text, one thread at a time; short.
  virtual void in_turn(const Symbols& symbols) = 0;
  /// The rest, while other threads do theirs.
  virtual void work(const Symbols& symbols) = 0;
};

/// Reads `text` to its end, one thread for each of `workers`.
/// \throws Error (data) as TextInput, and naming the byte where symbols are not UTF-8; of several errors the
/// first in the text.
void split_text(const std::filesystem::path& text, const ReadOptions& options,
                const std::vector<PieceWorker*>& workers);

}  // namespace nopos
