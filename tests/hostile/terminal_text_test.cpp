// Names in files must not reach a terminal as codes for it, nor leave JSON that is no UTF-8.
#include "limited_run.h"
#include "nopos/json.h"
#include "nopos/text.h"
#include "toy_run.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* red = "\x1b[31m";
constexpr const char* shown = "\\x1b[31m";

void expect_printable(const CommandResult& result) {
  EXPECT_EQ((result.out + result.err).find('\x1b'), std::string::npos) << result.out << result.err;
  EXPECT_NE((result.out + result.err).find(shown), std::string::npos) << result.out << result.err;
}

TEST(TerminalText, NamesOfTensorsAreEscaped) {
  const TemporaryFolder folder;
  const std::string name = std::string("\\u001b[31m.weight");
  const std::string header = "{\"" + name + R"(":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  const std::uint64_t size = header.size();
  write_file(folder / "model.safetensors",
             std::string(reinterpret_cast<const char*>(&size), sizeof size) + header + std::string(4, '\0'));
  const std::string root = R"({"nopos_checkpoint": {"root": {"model": null}, "tensors": [)";
  write_file(folder / "config.json", root + "]}}");
  const std::vector<std::string> convert{host, "convert", folder.path(), "--to", folder / "file.pt"};
  expect_printable(run(convert));  // a tensor that the configuration does not name
  write_file(folder / "config.json", root + "\"" + name + "\"]}}");
  EXPECT_EQ(run(convert).exit_code, 0);
  expect_printable(run({host, "inspect-checkpoint", folder / "file.pt"}));
  const CommandResult json = run({host, "inspect-checkpoint", folder / "file.pt", "--json"});
  EXPECT_EQ(parse_json(json.out)["tensors"][0]["name"], std::string(red) + ".weight");
}

TEST(TerminalText, WordsOfADictionaryAreEscaped) {
  const TemporaryFolder folder;
  fs::copy(toy_data(), folder / "bin");
  std::string words = read_file(folder / "bin/dict.txt");
  words.replace(0, words.find(' '), red);
  write_file(folder / "bin/dict.txt", words);
  expect_printable(run({host, "inspect-data", folder / "bin"}));
  write_file(folder / "bin/dict.txt", std::string(red) + "\n");
  expect_printable(run({host, "inspect-data", folder / "bin"}));
}

TEST(TerminalText, ManifestsAndConfigurationsAreEscaped) {
  const TemporaryFolder folder;
  write_file(folder / "bad.nopos.json", R"({"schema": 1, "id": "\u001b[31m", "version": "1"})");
  write_file(folder / "worse.nopos.json", std::string("{\"") + red + "\xff\": 1}");
  const CommandResult list = run({host, "list", "--all", "--plugin-path", folder.path()});
  EXPECT_EQ(list.exit_code, 0) << list.err;
  EXPECT_EQ(list.out.find('\x1b'), std::string::npos) << list.out;
  const CommandResult json = run({host, "list", "--all", "--json", "--plugin-path", folder.path()});
  EXPECT_EQ(json.exit_code, 0) << json.err;
  EXPECT_EQ(text::find_invalid_utf8(json.out), json.out.npos);
  EXPECT_GT(parse_json(json.out)["components"].size(), 0U);
  write_file(folder / "config.json", R"({"\u001b[31m": 1})");
  expect_printable(run({host, "config", "show", "--config", folder / "config.json"}));
  write_file(folder / "metrics.jsonl", "{\"tag\": \"\\u001b[31m\", \"x\": \"\x1b[31m\"}\n");
  expect_printable(run({host, "plot", folder / "metrics.jsonl"}));
}

// A byte that is not UTF-8 in a path: JSON stays JSON, checkpoints stay what Python reads.
TEST(TerminalText, PathsThatAreNotUtf8) {
  const TemporaryFolder parent;
  const fs::path folder = parent / "na\xefve";
  fs::create_directory(folder);
  fs::copy(toy_data(), folder / "bin");
  const CommandResult trained =
      run(words(host + " train " + (folder / "bin").string() + " " + flags_tiny() +
                " --optimizer adam --lr 0.001 --max-update 1 --save-dir " + (folder / "saved").string()));
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  const fs::path checkpoint = folder / "saved/checkpoint_last.pt";
  // U+DCEF, as Python has the byte EF of a path in a text
  EXPECT_NE(read_file(checkpoint).find("na\xed\xb3\xafve"), std::string::npos);
  EXPECT_EQ(read_file(checkpoint).find("na\xefve"), std::string::npos);
  const std::string in_bin = (folder / "bin").string(), in_saved = checkpoint.string();
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"inspect-data", in_bin, "--json"},
        {"inspect-checkpoint", in_saved, "--json"},
        {"eval-lm", in_bin, "--path", in_saved, "--tokens-per-sample", "32", "--json"},
        {"validate", in_bin, "--path", in_saved, "--json"},
        {"list", "--json", "--plugin-path", in_bin},
        {"doctor", "--json", "--plugin-path", in_bin},
        {"config", "show", in_bin, "--arch", "transformer_lm", "--optimizer", "adam", "--save-dir", in_saved,
         "--json"}}) {
    std::vector<std::string> with_host{host};
    with_host.insert(with_host.end(), command.begin(), command.end());
    const CommandResult result = run(with_host);
    EXPECT_EQ(result.exit_code, 0) << command[0] << result.err;
    EXPECT_EQ(text::find_invalid_utf8(result.out), result.out.npos) << command[0];
    EXPECT_NO_THROW(parse_json(result.out)) << command[0] << result.out;
  }
  const CommandResult resumed =
      run(words(host + " train " + in_bin + " " + flags_tiny() +
                " --optimizer adam --lr 0.001 --max-update 2 --save-dir " + (folder / "saved").string()));
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
}

}  // namespace
}  // namespace nopos::test
