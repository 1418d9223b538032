/// `nopos-host encode` and `decode`: text to symbols and back, in a pipe. Lines end at "\n" only: every other
/// byte is the tokenizer's to keep, so that `decode` makes the same bytes of what `encode` wrote, where the
/// tokenizer loses none.

#include <algorithm>
#include <deque>
#include <future>
#include <iostream>
#include <optional>

#include "nopos/error.h"
#include "nopos/text.h"
#include "processor.h"
#include "shared_options.h"
#include "text_input.h"
#include "tokenizer_choice.h"

namespace nopos::host {
namespace {

struct PipeOptions : PluginPathOption {
  std::string input = "-";
  std::optional<std::string> tokenizer, tokenizer_from;
  bool count = false;
  std::optional<std::int64_t> threads;

  NOPOS_OPTIONS(o) {
    o.add("input", &PipeOptions::input,
          "file, plain or compressed with gzip or Zstandard; - is standard input", Positional{});
    o.add("tokenizer", &PipeOptions::tokenizer, "tokenizer; this or --tokenizer-from is required");
    o.add("tokenizer-from", &PipeOptions::tokenizer_from,
          "use the tokenizer of a folder that preprocess wrote, or of a checkpoint; if --tokenizer is given "
          "too, they must agree");
    o.add("count", &PipeOptions::count, "write only the numbers of lines, symbols and bytes");
    o.add("threads", &PipeOptions::threads, "number of threads; default: as affinity and control group allow",
          Range{1, 1024});
    PluginPathOption::nopos_options(o);
  }
};

/// A megabyte of whole lines, and the number of the first.
struct Block {
  std::string text;
  std::int64_t first_line = 1;
};

/// Cuts a text into blocks. A line that is longer than a block is one block.
class Blocks {
 public:
  explicit Blocks(const std::string& path) : input_(path) {}

  std::optional<Block> next() {
    std::string text = std::move(rest_);
    rest_.clear();
    std::size_t end = std::string::npos;
    while (end == std::string::npos) {
      const std::size_t before = text.size();
      text.resize(before + block_size);
      const std::size_t got = input_.read({text.data() + before, block_size});
      text.resize(before + got);
      const std::size_t newline = std::string_view(text).substr(before).rfind('\n');
      if (newline != std::string::npos) end = before + newline + 1;
      if (got < block_size) end = text.size();
    }
    rest_ = text.substr(end);
    text.resize(end);
    if (text.empty()) return std::nullopt;
    const std::int64_t first = line_;
    line_ += std::count(text.begin(), text.end(), '\n');
    return Block{std::move(text), first};
  }

 private:
  static constexpr std::size_t block_size = std::size_t{1} << 20;
  TextInput input_;
  std::string rest_;
  std::int64_t line_ = 1;
};

/// Calls `visit(line, end)` for each line and its end, "\n" or nothing.
template <class Visit>
void for_each_line(std::string_view text, Visit visit) {
  while (!text.empty()) {
    const std::size_t newline = std::min(text.find('\n'), text.size());
    visit(text.substr(0, newline), text.substr(newline, 1));
    text.remove_prefix(std::min(newline + 1, text.size()));
  }
}

struct Converted {
  std::string text;
  std::int64_t lines = 0, symbols = 0, bytes = 0;
};

Converted encoded(const Tokenizer& tokenizer, const Block& block) {
  Converted result;
  std::vector<std::string_view> symbols;
  for_each_line(block.text, [&](std::string_view line, std::string_view end) {
    symbols.clear();
    tokenizer.split(line, symbols);
    for (std::size_t i = 0; i < symbols.size(); ++i) {
      if (i > 0) result.text += ' ';
      result.text += symbols[i];
    }
    result.text += end;
  });
  return result;
}

Converted counted(const Tokenizer& tokenizer, const Block& block) {
  Converted result;
  std::vector<std::uint32_t> ids;
  std::vector<std::string_view> symbols;
  for_each_line(block.text, [&](std::string_view line, std::string_view) {
    ids.clear(), symbols.clear();
    tokenizer.vocabulary() > 0 ? tokenizer.encode(line, ids) : tokenizer.split(line, symbols);
    result.symbols += static_cast<std::int64_t>(ids.size() + symbols.size());
    ++result.lines;
  });
  result.bytes = static_cast<std::int64_t>(block.text.size());
  return result;
}

Converted decoded(const Tokenizer& tokenizer, const Block& block) {
  Converted result;
  std::vector<std::string_view> symbols;
  std::int64_t number = block.first_line;
  for_each_line(block.text, [&](std::string_view line, std::string_view end) {
    symbols.clear();
    text::for_each_word(line, [&](std::string_view word) { symbols.push_back(word); });
    try {
      tokenizer.join(symbols, result.text);
    } catch (const Error& error) {
      throw Error(error.code(), "line " + std::to_string(number) + ": " + error.what());
    }
    result.text += end;
    ++number;
  });
  return result;
}

using Convert = Converted (*)(const Tokenizer&, const Block&);

/// Converts block after block, several at a time, and writes them in their order; returns the sums. Ends
/// early where standard output takes no more.
Converted run_pipe(const Tokenizer& tokenizer, const PipeOptions& options, Convert convert) {
  const auto threads = static_cast<std::size_t>(options.threads.value_or(usable_processors()));
  const auto where = threads > 1 ? std::launch::async : std::launch::deferred;
  Blocks blocks(options.input);
  std::deque<std::future<Converted>> at_work;
  Converted sums;
  for (bool more = true; std::cout && (more || !at_work.empty());) {
    while (more && at_work.size() < threads) {
      auto block = blocks.next();
      more = block.has_value();
      if (more) {
        at_work.push_back(
            std::async(where, [&, block = std::move(*block)] { return convert(tokenizer, block); }));
      }
    }
    if (at_work.empty()) break;
    const Converted done = at_work.front().get();
    at_work.pop_front();
    std::cout.write(done.text.data(), static_cast<std::streamsize>(done.text.size()));
    sums.lines += done.lines;
    sums.symbols += done.symbols;
    sums.bytes += done.bytes;
  }
  return sums;
}

int run_pipe_command(const char* name, const Words& words) {
  const Command& own = command(name);
  auto described = describe_options<PipeOptions>();
  if (own.run == run_decode)
    std::erase_if(described, [](const OptionInfo& one) { return one.name == "count"; });
  if (wants_help(words)) {
    print_tokenizer_help(own, words, described);
    return 0;
  }
  std::optional<RecordedTokenizer> recorded;
  if (const auto place = given_text(words, "tokenizer-from")) recorded = recorded_tokenizer(*place);
  const TokenizerChoice choice = choose_tokenizer(own, words, described, recorded, WithRecord::no);
  if (!choice.tokenizer) {
    throw Error(ExitCode::usage, std::string(name) +
                                     ": --tokenizer is required, or --tokenizer-from a folder that "
                                     "preprocess wrote; see nopos-host list tokenizer");
  }
  const auto options = read_options<PipeOptions>(choice.command.resolved.values, name);
  const Convert convert = own.run == run_decode ? decoded : options.count ? counted : encoded;
  const Converted sums = run_pipe(*choice.tokenizer, options, convert);
  if (options.count) {
    std::cout << sums.lines << " lines, " << sums.symbols << " symbols, " << sums.bytes << " bytes\n";
  }
  return 0;
}

}  // namespace

int run_encode(const Words& words) { return run_pipe_command("encode", words); }
int run_decode(const Words& words) { return run_pipe_command("decode", words); }

}  // namespace nopos::host
