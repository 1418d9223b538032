/// Phrases that were retired from what people read: public headers, documentation, help and messages.
///
/// To retire another one, add it to the table with a better wording. A phrase is found across line breaks and
/// whatever its case, as whole words; `read-on` or `some_anew` do not contain
/// "read on" or "anew".

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "command.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;

struct Phrase {
  std::string_view retired, better;
};

constexpr Phrase phrases[]{
    {"the reference", "fairseq"},
    {"the reference's", "fairseq's"},
    {"mend", "fix"},
    {"mended", "fixed"},
    {"mends", "fixes"},
    {"goes on", "continues, resumes"},
    {"go on", "continue, resume"},
    {"anew", "again, re-"},
    {"as a rule", "usually"},
    {"as it stands", "unchanged"},
    {"so many", "the number: at least N"},
    {"no one knows", "unknown"},
    {"what is there", "available, included"},
    {"read on", "Documentation"},
    {"the figures", "the metrics"},
    {"its figures", "its metrics"},
    {"figures are", "metrics are"},
    {"numbers in all", "values in total"},
    {"updates in all", "updates in total"},
    {"cut short", "truncated"},
    {"lie over", "overlap"},
    {"lies over", "overlaps"},
    {"stands twice", "appears twice"},
    {"stand beside", "be combined with, are beside"},
    {"stands beside", "is beside"},
    {"may stand", "may be, may come"},
    {"behind its end", "at the end, past the end"},
    {"behind the begin", "past the start"},
    {"earlier content goes", "replacing its contents"},
    {"where it did not become", "unless"},
    {"that were taken so far", "consumed so far"},
    {"leave it away", "leave it out"},
    {"leave the flag away", "leave the flag out"},
    {"must be told", "call, give"},
    {"own way in", "internal"},
    {"one sort of", "one kind of"},
    {"in which numbers", "precision"},
    {"can say", "the range of"},
    {"holds for the first", "is the rate of the first"},
    {"take over a part", "initialized from part of"},
    {"which are there", "which are present"},
    {"what data means", "how data becomes batches"},
    {"the encoding learned", "use learned positions"},
    {"text that comes back", "what decode restores"},
    {"comes back byte for byte", "decoding restores every byte"},
    {"can be meant alone", "can be qualified"},
    {"the way back", "converting back, the inverse"},
    {"trained away", "obsolete, trained again"},
    {"numbers of their own", "a fixed vocabulary of ids"},
    {"without a word", "silently"},
    {"absurdly", "implausibly"},
    {"measures for speed", "performance switches"},
    {"square map", "square projection"},
    {"the two maps", "the two projections, linear layers"},
    {"whole number", "integer"},
    {"whole numbers", "integers"},
    {"no checkpoint of a training run does", "which does not happen in a checkpoint"},
    {"is no json", "is not JSON"},
    {"is no number", "is not a number"},
    {"decimals follow a point", "use a decimal point"},
    {"nothing to go through", "no batches"},
    {"tokeniser", "tokenizer"},
    {"initialised", "initialized"},
    {"initialiser", "initializer"},
    {"minimised", "minimized"},
    {"normalisation", "normalization"},
    {"normalised", "normalized"},
    {"quantisation", "quantization"},
    {"quantised", "quantized"},
    {"recognised", "recognized"},
    {"behaviour", "behavior"},
    {"neighbours", "neighbors"},
    {"colour", "color"},
    {"colours", "colors"},
};

/// Text to search, in small letters and with single spaces, and the line that each character comes from.
struct Text {
  std::string characters;
  std::vector<int> lines;

  void add(char character, int line) {
    characters += static_cast<char>(std::tolower(static_cast<unsigned char>(character)));
    lines.push_back(line);
  }
  void add_space(int line) {
    if (!characters.empty() && characters.back() != ' ') add(' ', line);
  }
};

/// Prose and headers: everything, without the marks of comments at the head of a line.
Text prose(std::string_view bytes) {
  Text text;
  int line = 1;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char character = bytes[i];
    if (std::isspace(static_cast<unsigned char>(character))) {
      text.add_space(line);
      line += character == '\n';
      if (character != '\n') continue;
      while (i + 1 < bytes.size() && (bytes[i + 1] == ' ' || bytes[i + 1] == '\t')) ++i;
      while (i + 1 < bytes.size() && bytes[i + 1] == '/') ++i;
    } else {
      text.add(character, line);
    }
  }
  return text;
}

/// Source code: its string literals. Those that only white space separates are one text, as the compiler has
/// it.
Text literals(std::string_view bytes) {
  Text text;
  int line = 1;
  bool joined = false;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char character = bytes[i];
    line += character == '\n';
    if (character == '"') {
      if (!joined) text.add('\n', line);  // no phrase reaches over it
      for (++i; i < bytes.size() && bytes[i] != '"'; ++i) {
        if (bytes[i] != '\\') {
          text.add(bytes[i], line);
        } else if (++i < bytes.size()) {
          text.add(bytes[i] == 'n' || bytes[i] == 't' ? ' ' : bytes[i], line);
        }
      }
      joined = true;
    } else if (character == '\'') {
      i += i + 1 < bytes.size() && bytes[i + 1] == '\\' ? 3 : 2;
      joined = false;
    } else if (character == '/' && i + 1 < bytes.size() && bytes[i + 1] == '/') {
      while (i + 1 < bytes.size() && bytes[i + 1] != '\n') ++i;
    } else if (!std::isspace(static_cast<unsigned char>(character))) {
      joined = false;
    }
  }
  return text;
}

bool in_word(char character) {
  return std::isalnum(static_cast<unsigned char>(character)) || character == '_' || character == '-';
}

/// "docs/data.md:12: 'anew'; better: again", one for each place.
std::vector<std::string> findings(const std::string& file, const Text& text) {
  std::vector<std::string> found;
  const std::string& all = text.characters;
  for (const Phrase& phrase : phrases) {
    for (std::size_t at = 0; (at = all.find(phrase.retired, at)) != std::string::npos; ++at) {
      const std::size_t end = at + phrase.retired.size();
      if ((at > 0 && in_word(all[at - 1])) || (end < all.size() && in_word(all[end]))) continue;
      found.push_back(file + ":" + std::to_string(text.lines[at]) + ": '" + std::string(phrase.retired) +
                      "'; better: " + std::string(phrase.better));
    }
  }
  return found;
}

bool is_test(const fs::path& file) {
  return file.stem().string().ends_with("_test") || file.parent_path().filename() == "test";
}

bool has_part(const fs::path& path, std::string_view part) {
  return std::find(path.begin(), path.end(), fs::path(part)) != path.end();
}

TEST(Words, RetiredPhrasesAreInNoHeaderNorDocumentationNorHelp) {
  const fs::path source = NOPOS_SOURCE_DIR;
  std::size_t headers = 0, pages = 0, sources = 0;
  std::vector<std::string> all;
  const auto read = [&](const fs::path& path) {
    const fs::path file = fs::relative(path, source);
    Text text;
    if (file.extension() == ".md" && !has_part(file, "decisions")) {
      text = prose(read_file(path));
      ++pages;
    } else if (file.extension() == ".h" && has_part(file, "include")) {
      text = prose(read_file(path));
      ++headers;
    } else if ((file.extension() == ".cpp" || file.extension() == ".h" || file.filename() == "plugin.json") &&
               !is_test(file)) {
      text = literals(read_file(path));
      ++sources;
    }
    const std::vector<std::string> more = findings(file.string(), text);
    all.insert(all.end(), more.begin(), more.end());
  };
  for (const fs::directory_entry& entry : fs::directory_iterator(source)) {
    if (entry.is_regular_file()) read(entry.path());
  }
  for (const char* folder : {"sdk", "registry", "framework", "plugins", "docs", "configs"}) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(source / folder)) {
      if (entry.is_regular_file()) read(entry.path());
    }
  }
  EXPECT_GT(headers, 40u);
  EXPECT_GT(pages, 40u);
  EXPECT_GT(sources, 200u);
  for (const std::string& finding : all) ADD_FAILURE() << finding;
}

TEST(Words, APhraseIsFoundAcrossLinesOfACommentAndOfALiteral) {
  const Text comment = prose("/// One.\n  /// It Goes\n  /// on.\n");
  EXPECT_EQ(findings("a.h", comment),
            std::vector<std::string>{"a.h:2: 'goes on'; better: continues, resumes"});
  const Text code = literals("// goes on\nf(\"it go\" + x, \"es on\");\ng(\"it goes \"\n  \"on\\n\");\n");
  EXPECT_EQ(findings("a.cpp", code),
            std::vector<std::string>{"a.cpp:3: 'goes on'; better: continues, resumes"});
  EXPECT_TRUE(findings("a.md", prose("amends, some-anew, anew_name")).empty());
}

}  // namespace
}  // namespace nopos::test
