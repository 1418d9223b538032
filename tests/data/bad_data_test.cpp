// What a user sees who trains on missing or damaged data.
#include <gtest/gtest.h>

#include <functional>

#include "command.h"
#include "toy_run.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;

TEST(BadData, EndsTrainingWithASentenceThatNamesFileAndRemedy) {
  const TemporaryFolder folder;
  preprocess_toy_corpus(folder / "good");
  const fs::path data = folder / "bin";
  const auto truncate = [&](const char* name, std::uintmax_t size) {
    return [=] { fs::resize_file(data / name, size); };
  };
  const auto remove = [&](const char* name) { return [=] { fs::remove(data / name); }; };
  const auto write = [&](const char* name, const std::string& text) {
    return [=] { write_file(data / name, text); };
  };
  struct Case {
    std::function<void()> damage;
    std::string message;
  };
  const std::vector<Case> cases{
      {[&] { fs::remove_all(data); }, "no dictionary bin/dict.txt: there is no such folder"},
      {remove("dict.txt"), "no dictionary bin/dict.txt: the folder has no preprocessed data"},
      {write("dict.txt", "w0 485\nw1\n"), "bin/dict.txt, line 2: incorrect dictionary format"},
      {write("dict.txt", "w0 485\nw0 2\n"), "bin/dict.txt, line 2: duplicate word 'w0'"},
      {write("dict.txt", "w0 485\nw1 181\n"), "but dict.txt has 6 types: data and dictionary do not match"},
      {remove("train.idx"),
       "dataset not found: split 'train' needs bin/train.idx and .bin; the folder has the splits "
       "test, valid"},
      {remove("train.bin"), "cannot open bin/train.bin: No such file or directory."},
      {truncate("train.bin", 1000), "bin/train.bin, byte 1000: the file ends here"},
      {truncate("train.idx", 1000), "bin/train.idx, byte 18: the file claims to hold 600 sentences"},
      {truncate("train.idx", 5), "bin/train.idx, byte 0: expected \"MMIDIDX"},
      {write("train.idx", std::string("HUFFIDX\0", 8)),
       "bin/train.idx, byte 0: found the format of --dataset-impl huffman, which is not supported"},
      {write("train", "w0 \xff"), "bin/train, byte 3: the text is not UTF-8"},  // goes before the index
      {remove("valid.idx"), "dataset not found: split 'valid' needs bin/valid.idx"},
      {truncate("valid.bin", 7), "bin/valid.bin, byte 7: the file ends here"},
  };
  for (const Case& c : cases) {
    fs::remove_all(data);
    fs::copy(folder / "good", data);
    c.damage();
    const CommandResult result = run(words(host + " train bin " + flags_tiny() +
                                           " --optimizer adam --lr 0.001 --max-update 1 --save-dir saved"),
                                     {.directory = folder.path()});
    EXPECT_EQ(result.exit_code, 8) << c.message;
    EXPECT_NE(result.err.find(c.message), std::string::npos) << result.err << "\nexpected: " << c.message;
  }
}

}  // namespace
}  // namespace nopos::test
