#include "nopos/binarizer.h"

#include <algorithm>
#include <future>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "nopos/error.h"
#include "nopos/files.h"
#include "nopos/indexed_dataset.h"
#include "nopos/text.h"

namespace nopos {
namespace {

constexpr std::size_t chunk_size = std::size_t{4} << 20;

/// `text` in pieces of some megabytes, cut after "\n", so that no line and no "\r\n" is broken.
std::vector<std::string_view> chunks(std::string_view text) {
  std::vector<std::string_view> pieces;
  while (!text.empty()) {
    const std::size_t newline = text.size() > chunk_size ? text.find('\n', chunk_size) : text.npos;
    const std::size_t length = newline == text.npos ? text.size() : newline + 1;
    pieces.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return pieces;
}

/// Hands every piece of `file` to `work`, `workers` at a time, and the results in their order to `take`.
template <class Work, class Take>
void in_order(const MappedFile& file, int workers, Work work, Take take) {
  const std::vector<std::string_view> pieces = chunks(file.bytes());
  const auto checked_work = [&](std::string_view piece) {
    if (const std::size_t bad = text::find_invalid_utf8(piece); bad != piece.npos) {
      throw Error(ExitCode::data, file.path().string() + ", byte " +
                                      std::to_string(piece.data() + bad - file.bytes().data()) +
                                      ": the text is not UTF-8. Convert it first.");
    }
    return work(piece);
  };
  using Result = decltype(work(std::string_view()));
  for (std::size_t begin = 0; begin < pieces.size();) {
    const std::size_t end = std::min(pieces.size(), begin + static_cast<std::size_t>(std::max(1, workers)));
    std::vector<std::future<Result>> wave;
    for (std::size_t i = begin; i < end; ++i) {
      // a single piece needs no thread
      const auto where = end - begin > 1 ? std::launch::async : std::launch::deferred;
      wave.push_back(std::async(where, checked_work, pieces[i]));
    }
    for (std::future<Result>& result : wave) take(result.get());
    begin = end;
  }
}

struct Encoded {
  std::vector<std::uint32_t> ids;
  std::vector<std::size_t> ends;  // of each sentence in `ids`
  std::int64_t replaced = 0;
};

}  // namespace

Dictionary count_words(const std::filesystem::path& path, int workers) {
  const MappedFile file(path);
  struct Counts {
    std::unordered_map<std::string_view, std::int64_t> words;  // views into the mapped file
    std::int64_t lines = 0;
  };
  Dictionary dictionary;
  in_order(
      file, workers,
      [](std::string_view piece) {
        Counts counts;
        text::for_each_line(piece, [&](std::string_view line) {
          ++counts.lines;
          text::for_each_word(line, [&](std::string_view word) { ++counts.words[word]; });
        });
        return counts;
      },
      [&](const Counts& counts) {
        for (const auto& [word, count] : counts.words) dictionary.add(word, count);
        dictionary.add(dictionary.symbol(Dictionary::eos), counts.lines);
      });
  return dictionary;
}

BinarizeResult binarize(const std::filesystem::path& path, const Dictionary& dictionary,
                        const std::filesystem::path& prefix, int workers) {
  const MappedFile file(path);
  IndexedDatasetWriter writer(prefix, dictionary.size());
  BinarizeResult result;
  in_order(
      file, workers,
      [&](std::string_view piece) {
        Encoded encoded;
        text::for_each_line(piece, [&](std::string_view line) {
          text::for_each_word(line, [&](std::string_view word) {
            const std::int64_t id = dictionary.index(word);
            encoded.replaced += id == Dictionary::unk && word != dictionary.symbol(Dictionary::unk);
            encoded.ids.push_back(static_cast<std::uint32_t>(id));
          });
          encoded.ids.push_back(Dictionary::eos);
          encoded.ends.push_back(encoded.ids.size());
        });
        return encoded;
      },
      [&](const Encoded& encoded) {
        std::size_t begin = 0;
        for (const std::size_t end : encoded.ends) {
          writer.add({encoded.ids.data() + begin, end - begin});
          begin = end;
        }
        result.sentences += static_cast<std::int64_t>(encoded.ends.size());
        result.tokens += static_cast<std::int64_t>(encoded.ids.size());
        result.replaced += encoded.replaced;
      });
  writer.finish();
  return result;
}

}  // namespace nopos
