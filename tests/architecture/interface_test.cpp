/// The binary interface of the SDK: what plugins that were compiled earlier rely on. Its record is
/// sdk/abi/{layouts,symbols}-<number>.txt, with the number of nopos/abi.h. Within a number nothing leaves the
/// record or changes in it; NOPOS_UPDATE_ABI=1 adds what is new.

#include <cxxabi.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
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

fs::path record(const std::string& what) {
  return records / (what + "-" NOPOS_ABI_TEXT(NOPOS_ABI_SDK) ".txt");
}

std::set<std::string> recorded(const std::string& what) {
  return fs::exists(record(what)) ? lines_of(read_file(record(what))) : std::set<std::string>();
}

void compare(const std::string& what, const std::set<std::string>& now) {
  const std::set<std::string> before = recorded(what);
  for (const std::string& line : before) {
    EXPECT_TRUE(now.contains(line)) << "'" << line << "' of " << record(what) << " is not in this build: that"
                                    << raise;
  }
  std::string text;
  for (const std::string& line : now) {
    EXPECT_TRUE(updates() || before.contains(line))
        << "'" << line << "' is new; NOPOS_UPDATE_ABI=1 interface_test adds it to " << record(what);
    text += line + "\n";
  }
  if (!updates() || testing::Test::HasFailure()) return;
  fs::create_directories(records);  // a new number begins with an empty folder
  write_file(record(what), text);
  EXPECT_EQ(read_file(record(what)), text) << "not written: " << record(what);
}

// Types that plugins hold, pass or derive from.
TEST(Interface, LayoutsStayWithinANumber) {
  if (*NOPOS_SANITIZE != '\0') GTEST_SKIP() << "sanitizers change layouts of the standard library";
  const std::string torch = "libtorch " NOPOS_TORCH_VERSION;  // whose types are members of some
  for (const std::string& line : recorded("layouts")) {
    if (line.starts_with("libtorch ") && line != torch)
      GTEST_SKIP() << "recorded with " << line << ", this is " << torch;
  }
  std::set<std::string> now{torch};
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
  LAYOUT(RelativeTerm);
  LAYOUT(RelativeKeyTerm);
  LAYOUT(RelativeValues);
  LAYOUT(Declaration);
  LAYOUT(Constant);
  LAYOUT(AfterUpdate);
  LAYOUT(Encodings);
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

std::string demangled(const std::string& symbol) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(
      abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status), &std::free);
  return status == 0 ? name.get() : symbol;
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
  static const std::regex symbol("^[0-9a-f]+ [TDBR] (_Z.*)$"), ours("^nopos::([A-Za-z_0-9]+).*$");
  std::set<std::string> now;
  for (const char* library : {NOPOS_CORE, NOPOS_DATA, NOPOS_NN}) {
    const CommandResult result = run({NOPOS_NM, "-D", "--defined-only", library});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    for (const std::string& line : lines_of(result.out)) {
      std::smatch match;
      if (!std::regex_match(line, match, symbol)) continue;
      const std::string mangled = match[1], name = demangled(mangled);
      if (std::regex_match(name, match, ours) && contract.contains(match[1])) now.insert(mangled);
    }
  }
  EXPECT_GT(now.size(), 100u);
  compare("symbols", now);
}

}  // namespace
}  // namespace nopos::test
