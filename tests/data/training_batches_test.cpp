// Batches as training goes through them. Golden values: behavioural specification, "Blocks, batching, RNG",
// flag set T.
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>

#include "command.h"
#include "toy_corpus.h"
#include "toy_run.h"

namespace nopos::test {
namespace {

/// Trains by flag set T without positions; flags in `more` come later and win.
CommandResult train(const std::vector<std::string>& more) {
  const TemporaryFolder folder;
  std::string flags = flags_t() + " --positional-encoding none --no-save";
  for (const std::string& flag : more) flags += " " + flag;
  return test::train(folder.path(), flags);
}

/// The value of `key` in the first line of `log` that holds `line`.
double value(const std::string& log, const std::string& line, const std::string& key) {
  const std::size_t begin = log.find(line);
  const std::string text = begin == std::string::npos ? "" : log.substr(begin, log.find('\n', begin) - begin);
  std::smatch match;
  if (!std::regex_search(text, match, std::regex("[ |]" + key + "[= ]([0-9.]+)"))) {
    ADD_FAILURE() << "no " << key << " in a line with '" << line << "' of\n" << log;
    return 0;
  }
  return std::stod(match[1]);
}

TEST(TrainingBatches, AreGroupedByUpdateFrequency) {
  for (const auto& [frequency, groups] :
       std::vector<std::pair<std::string, std::string>>{{"1", "29"}, {"2", "15"}}) {
    const CommandResult result =
        train({"--update-freq", frequency, "--max-update", "1", "--disable-validation"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_NE(result.out.find("grouped total_num_itrs = " + groups + "\n"), std::string::npos) << result.out;
  }
}

TEST(TrainingBatches, OfDocumentsGiveTheReferencesLosses) {
  const CommandResult result = train({"--sample-break-mode", "complete_doc", "--max-update", "20"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("grouped total_num_itrs = 30\n"), std::string::npos) << result.out;
  EXPECT_NEAR(value(result.out, "     10 / 30", "loss"), 7.916, 0.002);
  EXPECT_NEAR(value(result.out, "     20 / 30", "loss"), 7.258, 0.002);
  const std::string valid = "valid on 'valid' subset";
  EXPECT_NEAR(value(result.out, valid, "loss"), 6.963, 0.002);
  EXPECT_EQ(value(result.out, valid, "wpb"), 231.2);
  EXPECT_EQ(value(result.out, valid, "bsz"), 9.5);
}

// fairseq's first batch of this seed has 18 rows (sdk/data/test/golden/batches-complete_doc-W1.json);
// sorted by size, the shortest blocks come first, and far more of them fit.
TEST(TrainingBatches, GrowInSizeWhileTheCurriculumLasts) {
  const std::vector<std::string> flags{
      "--sample-break-mode", "complete_doc", "--max-update", "2", "--log-interval", "1", "--curriculum", "1",
      "--disable-validation"};
  const CommandResult result = train(flags);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const double first = value(result.out, "      1 / 30", "bsz"),
               second = value(result.out, "      2 / 30", "bsz");
  EXPECT_GT(first, 18);
  EXPECT_GT(first, second);
}

TEST(TrainingBatches, OverlongBlocksAreDroppedInTrainingAndRefusedInValidation) {
  const std::vector<std::string> flags{"--sample-break-mode", "complete", "--tokens-per-sample", "20",
                                       "--max-update",        "1"};
  const CommandResult refused = train(flags);
  EXPECT_EQ(refused.exit_code, 8);
  EXPECT_TRUE(std::regex_search(refused.err,
                                std::regex("sample [0-9]+ has [0-9]+ tokens, but the model accepts 20 .*skip "
                                           "such samples with --skip-invalid-size-inputs-valid-test")))
      << refused.err;
  std::vector<std::string> skipping = flags;
  skipping.push_back("--skip-invalid-size-inputs-valid-test");
  const CommandResult result = train(skipping);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(
      std::regex_search(result.out, std::regex("WARNING .* samples have invalid sizes and will be skipped, "
                                               "max_positions=20, first few sample ids=\\[[0-9, ]+\\]")))
      << result.out;
}

// In fairseq <s> overflows the table of positions and the mask of ALiBi. Batches are cut as without it:
// the first has 8 rows of 32 tokens, and <s> in each.
TEST(TrainingBatches, TakeABeginningOfSentenceWithAnyEncoding) {
  for (const char* encoding : {"learned", "alibi"}) {
    const CommandResult result = train({"--add-bos-token", "--positional-encoding", encoding, "--max-update",
                                        "1", "--log-interval", "1", "--disable-validation"});
    ASSERT_EQ(result.exit_code, 0) << encoding << result.err;
    EXPECT_EQ(value(result.out, "      1 / 29", "bsz"), 8);
    EXPECT_EQ(value(result.out, "      1 / 29", "wpb"), 8 * 33);
  }
}

/// The losses that `log` shows, one a line.
std::string losses(const std::string& log) {
  std::string found;
  for (const Record& record : records(log)) {
    if (const auto loss = record.figures.find("loss"); loss != record.figures.end()) {
      found += record.source + " " + loss->second + "\n";
    }
  }
  return found;
}

TEST(TrainingBatches, AreTheSameInEveryFormat) {
  const TemporaryFolder folder;
  const std::string flags =
      flags_tiny() + " --optimizer adam --lr 0.001 --max-update 3 --no-save --threads 1";
  const CommandResult of_mmap = test::train(folder.path(), flags);
  ASSERT_EQ(of_mmap.exit_code, 0) << of_mmap.err;
  ASSERT_NE(losses(of_mmap.out), "");
  for (const std::string impl : {"raw", "lazy"}) {
    preprocess_toy_corpus(folder / impl, "--dataset-impl " + impl);
    for (const std::string& given : {std::string(), " --dataset-impl " + impl}) {
      const CommandResult result =
          run(words(host + " train " + impl + " " + flags + given), {.directory = folder.path()});
      ASSERT_EQ(result.exit_code, 0) << result.err;
      EXPECT_EQ(losses(result.out), losses(of_mmap.out)) << result.out;
    }
  }
  const CommandResult absent =
      run(words(host + " train raw " + flags + " --dataset-impl lazy"), {.directory = folder.path()});
  EXPECT_EQ(absent.exit_code, 8);
  EXPECT_NE(absent.err.find("split 'valid' needs raw/valid.idx and .bin"), std::string::npos) << absent.err;
}

// Rows of padding have no target, so that they change what a batch costs but not what is learned.
TEST(TrainingBatches, RowsOfPaddingChangeNoLoss) {
  const TemporaryFolder folder;
  const std::string flags =
      flags_tiny() +
      " --optimizer adam --lr 0.001 --max-update 4 --no-save --threads 1 --batch-size 7 --dropout 0";
  const CommandResult plain = test::train(folder.path(), flags),
                      padded = test::train(folder.path(), flags + " --pad-to-fixed-bsz");
  ASSERT_EQ(padded.exit_code, 0) << padded.err;
  EXPECT_EQ(losses(padded.out), losses(plain.out)) << padded.out;
  const std::string valid = "valid on 'valid' subset";
  EXPECT_EQ(value(padded.out, valid, "wpb"), value(plain.out, valid, "wpb"));
  EXPECT_EQ(value(padded.out, valid, "bsz"), 7);
  EXPECT_LT(value(plain.out, valid, "bsz"), 7);
}

// Folders take turns, crops and order are drawn anew each epoch, and a run that is resumed within an epoch
// goes on with the batch that would have come next.
TEST(TrainingBatches, OfChangingDataGoOnAfterAResume) {
  const TemporaryFolder folder;
  write_toy_corpus(folder.path());
  const CommandResult other =
      run(words(host + " preprocess --only-source --trainpref test.txt --destdir other --srcdict " +
                (toy_data() / "dict.txt").string()),
          {.directory = folder.path()});
  ASSERT_EQ(other.exit_code, 0) << other.err;
  const std::string data = toy_data().string() + ":other";
  const auto updates = [&](const std::string& save_dir, int last) {
    const CommandResult result =
        run(words(host + " train " + data + " " + flags_tiny() +
                  " --optimizer adam --lr 0.001 --disable-validation --sample-break-mode eos"
                  " --tokens-per-sample 8 --max-tokens 640 --shorten-method random_crop"
                  " --update-ordered-indices-seed --threads 1 --save-dir " +
                  save_dir + " --max-update " + std::to_string(last)),
            {.directory = folder.path()});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    std::vector<std::string> found;  // epoch, batch and loss of each update
    for (const Record& record : records(result.out, "train_inner"))
      found.push_back(record.message.substr(0, record.message.find(',')));
    return found;
  };
  const std::vector<std::string> whole = updates("whole", 16);
  ASSERT_EQ(whole.size(), 16u);
  const auto second = std::find_if(whole.begin(), whole.end(), [](const std::string& update) {
    return update.starts_with("epoch 002:      1 / 1 ");  // 80 lines of the other folder, of 8 tokens at most
  });
  ASSERT_LT(second, whole.begin() + 9);
  EXPECT_TRUE(second[1].starts_with("epoch 003:      1 / ")) << second[1];
  updates("parts", 10);
  EXPECT_EQ(updates("parts", 16), std::vector<std::string>(whole.begin() + 10, whole.end()));
}

TEST(TrainingBatches, OrderedAnewEachEpochDifferFromTheOthers) {
  const std::vector<std::string> flags{"--max-update", "30", "--log-interval",      "1",
                                       "--curriculum", "2",  "--disable-validation"};
  const CommandResult same = train(flags);
  std::vector<std::string> more = flags;
  more.push_back("--update-ordered-indices-seed");
  const CommandResult anew = train(more);
  ASSERT_EQ(anew.exit_code, 0) << anew.err;
  EXPECT_NE(losses(anew.out), losses(same.out));
}

}  // namespace
}  // namespace nopos::test
