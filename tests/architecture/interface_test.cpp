/// The binary interface of the SDK: what plugins that were compiled earlier rely on. Its record is
/// sdk/abi/{layouts,symbols}-<number>.txt, with the number of nopos/abi.h. Within a number nothing may leave
/// the record or change in it; NOPOS_UPDATE_ABI=1 adds what is new.

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "command.h"
#include "nopos/abi.h"
#include "nopos/analysis.h"
#include "nopos/architecture.h"
#include "nopos/criterion.h"
#include "nopos/dictionary.h"
#include "nopos/lr_scheduler.h"
#include "nopos/monolingual_dataset.h"
#include "nopos/optimizer.h"
#include "nopos/plugin.h"
#include "nopos/task.h"
#include "nopos/tokenizer.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;

const fs::path records = NOPOS_SOURCE_DIR "/sdk/abi";
constexpr const char* raise = " raises NOPOS_ABI_SDK in nopos/abi.h and begins a new record";

bool updates() { return std::getenv("NOPOS_UPDATE_ABI") != nullptr; }

std::set<std::string> lines_of(const std::string& text) {
  std::set<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    if (!line.empty()) lines.insert(line);
  }
  return lines;
}

void compare(const std::string& what, const std::set<std::string>& now) {
  const fs::path file = records / (what + "-" NOPOS_ABI_TEXT(NOPOS_ABI_SDK) ".txt");
  if (updates()) {
    std::string text;
    for (const std::string& line : now) text += line + "\n";
    fs::create_directories(records);
    write_file(file, text);
    return;
  }
  ASSERT_TRUE(fs::exists(file)) << file << " is missing; NOPOS_UPDATE_ABI=1 interface_test writes it";
  const std::set<std::string> recorded = lines_of(read_file(file));
  for (const std::string& line : recorded) {
    EXPECT_TRUE(now.contains(line)) << "'" << line << "' is in " << file << " and not in this build: that"
                                    << raise;
  }
  for (const std::string& line : now) {
    EXPECT_TRUE(recorded.contains(line))
        << "'" << line << "' is new; NOPOS_UPDATE_ABI=1 interface_test records it";
  }
}

// Types that plugins hold, pass or derive from.
TEST(Interface, LayoutsStayWithinANumber) {
  std::set<std::string> now;
#define LAYOUT(...)                                                         \
  now.insert(#__VA_ARGS__ " " + std::to_string(sizeof(__VA_ARGS__)) + " " + \
             std::to_string(alignof(__VA_ARGS__)))
  LAYOUT(Value);
  LAYOUT(OptionInfo);
  LAYOUT(Component);
  LAYOUT(nopos_plugin_v1_api);
  LAYOUT(TokenBatch);
  LAYOUT(Dataset);
  LAYOUT(Dictionary);
  LAYOUT(MonolingualDataset);
  LAYOUT(Tokenizer);
  LAYOUT(IdTokenizer);
  LAYOUT(TokenizerRecord);
  LAYOUT(LRScheduler);
  LAYOUT(LRScheduler::Context);
  LAYOUT(Batch);
  LAYOUT(ModelShape);
  LAYOUT(Forward);
  LAYOUT(Layer);
  LAYOUT(Scores);
  LAYOUT(Heads);
  LAYOUT(Tile);
  LAYOUT(SlopeBias);
  LAYOUT(DistanceBias);
  LAYOUT(OuterBias);
  LAYOUT(DenseBias);
  LAYOUT(PositionalEncoding);
  LAYOUT(PositionalEncoding::Traits);
  LAYOUT(Architecture);
  LAYOUT(Architecture::Context);
  LAYOUT(DecodingState);
  LAYOUT(ForwardOptions);
  LAYOUT(ForwardPass);
  LAYOUT(Criterion);
  LAYOUT(Criterion::Context);
  LAYOUT(CriterionResult);
  LAYOUT(Metric);
  LAYOUT(Optimizer);
  LAYOUT(Optimizer::Context);
  LAYOUT(Chunk);
  LAYOUT(Task);
  LAYOUT(Task::Context);
  LAYOUT(Analysis);
#undef LAYOUT
  compare("layouts", now);
}

/// Words of the contract's headers: a symbol whose class or function is among them can be used by a plugin.
std::set<std::string> words_of_the_contract() {
  std::set<std::string> words;
  static const std::regex word("[A-Za-z_][A-Za-z0-9_]*");
  for (const char* room : {"core", "data", "nn"}) {
    for (const fs::directory_entry& entry :
         fs::recursive_directory_iterator(fs::path(NOPOS_SOURCE_DIR) / "sdk" / room / "include")) {
      if (entry.path().extension() != ".h") continue;
      const std::string text = read_file(entry.path());
      for (std::sregex_iterator it(text.begin(), text.end(), word), end; it != end; ++it)
        words.insert(it->str());
    }
  }
  return words;
}

TEST(Interface, ExportedSymbolsOnlyGrowWithinANumber) {
  if (*NOPOS_SANITIZE != '\0') GTEST_SKIP() << "sanitizers change what is exported";
  const std::set<std::string> contract = words_of_the_contract();
  static const std::regex symbol("^[0-9a-f]+ [TDBR] (nopos::([A-Za-z_0-9]+).*)$");
  std::set<std::string> now;
  for (const char* library : {NOPOS_CORE, NOPOS_DATA, NOPOS_NN}) {
    const CommandResult result = run({NOPOS_NM, "-D", "--defined-only", "--demangle", library});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    for (const std::string& line : lines_of(result.out)) {
      if (std::smatch match; std::regex_match(line, match, symbol) && contract.contains(match[2]))
        now.insert(match[1]);
    }
  }
  EXPECT_GT(now.size(), 100u);
  compare("symbols", now);
}

}  // namespace
}  // namespace nopos::test
