#include <gtest/gtest.h>
#include <nopos/error.h>
#include <nopos/log.h>
#include <nopos/task.h>
#include "binarizer.h"

#include "built_plugin.h"
#include "command.h"

namespace nopos {
namespace {

using test::TemporaryFolder;
using Ids = std::vector<std::int64_t>;

class LanguageModeling : public ::testing::Test {
 protected:
  LanguageModeling() {
    set_log_sink([this](LogLevel, std::string_view source, std::string_view message) {
      log += std::string(source) + ": " + std::string(message) + "\n";
    });
    write(folder / "a", {{"train", "a b c\nd e\n"}, {"train1", "f g\n"}, {"valid", "a b\n"}});
    write(folder / "b", {{"train", "c c c c\n"}});
  }
  ~LanguageModeling() override { set_log_sink({}); }

  void write(const std::filesystem::path& data, const std::map<std::string, std::string>& texts) {
    std::filesystem::create_directories(data);
    Dictionary dictionary;
    for (const char* word : {"a", "b", "c", "d", "e", "f", "g"}) dictionary.add(word);  // 4..10
    dictionary.save(data / "dict.txt");
    for (const auto& [split, text] : texts) {
      test::write_file(folder / "text", text);
      binarize(folder / "text", dictionary, data / split, 1);
    }
  }

  std::shared_ptr<Task> task(Settings settings, const Task::Context& context = {}) {
    if (!settings.contains("data")) settings["data"] = (folder / "a").string();
    return test::make_component<Task>("language_modeling", settings, context);
  }

  /// The message of the error of making a task and loading `split`.
  std::string error_of(const Settings& settings, const std::string& split = "train",
                       const Task::Context& context = {}) {
    try {
      task(settings, context)->load(split, 1, true);
    } catch (const Error& error) {
      code = error.code();
      return error.what();
    }
    return {};
  }

  static Ids targets(Dataset& dataset, std::int64_t index = 0) { return dataset.collate(Ids{index}).targets; }

  TemporaryFolder folder;
  std::string log;
  ExitCode code = ExitCode::ok;
};

TEST_F(LanguageModeling, SaysWhatAnEvaluationAsksFor) {
  const auto made = task({{"tokens-per-sample", std::int64_t{5}}});
  EXPECT_FALSE(made->adds_bos());
  EXPECT_EQ(made->data_name(), (folder / "a").string());
  EXPECT_TRUE(made->set_tokens_per_sample(3));
  EXPECT_EQ(made->tokens_per_sample(), 3);
  EXPECT_EQ(made->max_positions(), 3);
  EXPECT_EQ(made->load("valid", 1, false)->length(0), 3);
  EXPECT_TRUE(task({{"add-bos-token", true}})->adds_bos());
}

TEST_F(LanguageModeling, LoadsDictionaryAndSplits) {
  const auto made = task({{"tokens-per-sample", std::int64_t{5}}});
  EXPECT_EQ(made->dictionary().size(), 11);
  EXPECT_EQ(made->available_splits(), (std::vector<std::string>{"train", "train1", "valid"}));
  EXPECT_EQ(made->tokens_per_sample(), 5);
  EXPECT_EQ(made->max_positions(), 5);
  EXPECT_FALSE(made->data_changes_with_epoch());
  const auto alone = made->load("train", 1, false);
  ASSERT_EQ(alone->size(), 2);
  EXPECT_EQ(targets(*alone), (Ids{4, 5, 6, 2, 7}));
  EXPECT_EQ(targets(*alone, 1), (Ids{8, 2}));
  EXPECT_EQ(alone->collate(Ids{1}).tokens, (Ids{7, 8}));
  EXPECT_EQ(made->load("train", 1, true)->collate(Ids{1}).targets, (Ids{8, 2, 9, 10, 2}));
  const std::string prefix = (folder / "a/train").string();
  EXPECT_EQ(log,
            "nopos.task: dictionary: 11 types\n"
            "nopos.task: loaded 2 examples from: " +
                prefix +
                "\n"
                "nopos.task: loaded 2 examples from: " +
                prefix +
                "\n"
                "nopos.task: loaded 1 examples from: " +
                prefix + "1\n");
}

TEST_F(LanguageModeling, SeveralFoldersTakeTurns) {
  const auto made = task({{"data", (folder / "a").string() + ":" + (folder / "b").string()}});
  EXPECT_TRUE(made->data_changes_with_epoch());
  EXPECT_EQ(targets(*made->load("train", 2, false)), (Ids{6, 6, 6, 6, 2}));
  EXPECT_EQ(targets(*made->load("train", 3, false)), (Ids{4, 5, 6, 2, 7, 8, 2}));
}

TEST_F(LanguageModeling, OptionsReachTheSamples) {
  const std::int64_t five = 5;
  const auto bos = task({{"add-bos-token", true}, {"tokens-per-sample", five}});
  EXPECT_EQ(bos->max_positions(), 6);
  EXPECT_EQ(targets(*bos->load("valid", 1, false)), (Ids{0, 4, 5, 2}));
  EXPECT_EQ(bos->load("valid", 1, false)->collate(Ids{0}).tokens, (Ids{0, 2, 4, 5}));
  EXPECT_EQ(task({{"max-target-positions", std::int64_t{9}}, {"tokens-per-sample", five}})->max_positions(),
            9);

  const auto padded = task({{"pad-to-fixed-length", true}, {"tokens-per-sample", five}});
  EXPECT_EQ(targets(*padded->load("valid", 1, false)), (Ids{4, 5, 2, 1, 1}));
  const auto sentences = task({{"sample-break-mode", std::string("eos")}});
  EXPECT_EQ(sentences->load("train", 1, false)->size(), 2);

  const auto small = task({{"output-dictionary-size", std::int64_t{6}}, {"tokens-per-sample", five}});
  EXPECT_EQ(small->dictionary().size(), 11);
  EXPECT_EQ(small->output_dictionary().size(), 6);
  EXPECT_EQ(targets(*small->load("train", 1, false)), (Ids{4, 5, 3, 2, 3}));
}

TEST_F(LanguageModeling, PadsBatchesToTheNumberOfRowsOfTheirSplit) {
  const auto made = task({{"pad-to-fixed-bsz", true}, {"tokens-per-sample", std::int64_t{5}}},
                         {.batch_size = 3, .batch_size_valid = 2});
  const TokenBatch batch = made->load("train", 1, false)->collate(Ids{1, 0});
  EXPECT_EQ(batch.rows, 3);
  EXPECT_EQ(batch.ids, (Ids{1, 0, TokenBatch::no_sample}));
  EXPECT_EQ(batch.lengths, (Ids{2, 5, 0}));
  EXPECT_EQ(batch.num_tokens, 7);
  EXPECT_EQ(batch.tokens, (Ids{7, 8, 1, 1, 1, 2, 4, 5, 6, 2, 1, 1, 1, 1, 1}));
  EXPECT_EQ(batch.targets, (Ids{8, 2, 1, 1, 1, 4, 5, 6, 2, 7, 1, 1, 1, 1, 1}));
  EXPECT_EQ(made->load("valid", 1, false)->collate(Ids{0}).targets, (Ids{4, 5, 2, 1, 1, 1}));
  const auto unlimited = task({{"pad-to-fixed-bsz", true}});
  EXPECT_EQ(unlimited->load("valid", 1, false)->collate(Ids{0}).rows, 1);
}

TEST_F(LanguageModeling, TellsDocumentsApartOnRequest) {
  write(folder / "d", {{"train", "a b\n\nc\n\n\nd e\n"}});  // targets 4 5 2 | 2 6 2 | 2 | 2 7 8 2
  const Settings settings{{"data", (folder / "d").string()}, {"tokens-per-sample", std::int64_t{7}}};
  EXPECT_TRUE(task(settings)->load("train", 1, false)->collate(Ids{0}).document_ids.empty());
  Settings apart = settings;
  apart["separate-documents"] = true;
  const auto dataset = task(apart)->load("train", 1, false);
  const TokenBatch both = dataset->collate(Ids{0, 1});
  EXPECT_EQ(both.tokens, (Ids{2, 4, 5, 2, 2, 6, 2, 2, 2, 7, 8, 1, 1, 1}));
  EXPECT_EQ(both.document_ids, (Ids{0, 0, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1}));
}

TEST_F(LanguageModeling, ReadsTextBesideIndexesAndJoinsThem) {
  const std::filesystem::path data = folder / "a";
  test::write_file(data / "train1", "g unseen\n");  // an index train1 lies there too: text goes first
  test::write_file(data / "train2", "c\n");
  test::write_file(data / "test", "a\n");
  const Settings sentences{{"sample-break-mode", std::string("eos")}};
  const auto made = task(sentences);
  EXPECT_EQ(made->available_splits(),
            (std::vector<std::string>{"test", "train", "train1", "train2", "valid"}));
  const auto joined = made->load("train", 1, true);
  ASSERT_EQ(joined->size(), 4);
  EXPECT_EQ(targets(*joined, 2), (Ids{10, 3, 2}));
  EXPECT_EQ(targets(*joined, 3), (Ids{6, 2}));
  EXPECT_EQ(task(sentences, {.dataset_impl = "mmap"})->load("train", 1, true)->size(), 3);
  EXPECT_EQ(task(sentences, {.dataset_impl = "raw"})->load("test", 1, true)->size(), 1);
  EXPECT_NE(error_of(sentences, "train", {.dataset_impl = "raw"})
                .find("split 'train' needs " + (data / "train").string() + ", a text; the folder has"),
            std::string::npos);
}

TEST_F(LanguageModeling, ShortensSentencesOfTheListedSplits) {
  const std::int64_t two = 2;
  const std::string mode = "eos", truncate = "truncate", valid = "valid";
  const Settings all{{"tokens-per-sample", two}, {"sample-break-mode", mode}, {"shorten-method", truncate}};
  EXPECT_EQ(targets(*task(all)->load("train", 1, false)), (Ids{4, 5}));
  Settings some = all;
  some["shorten-data-split-list"] = valid;
  EXPECT_EQ(targets(*task(some)->load("train", 1, false)), (Ids{4, 5, 6, 2}));
  EXPECT_EQ(targets(*task(some)->load("valid", 1, false)), (Ids{4, 5}));
}

// The crop of sentence i in epoch e begins at RandomState(int(hash((seed, e, i)) % 1e6)).randint(0, excess);
// the values below are what Python and NumPy print for seed 1, sentence 0, epochs 1 to 10 and an excess of 2.
TEST_F(LanguageModeling, RandomCropsAreDrawnAnewEachEpoch) {
  const auto made = task({{"tokens-per-sample", std::int64_t{2}},
                          {"sample-break-mode", std::string("eos")},
                          {"shorten-method", std::string("random_crop")}});
  const auto dataset = made->load("train", 1, false);
  std::vector<Ids> drawn;
  for (std::int64_t epoch = 1; epoch <= 10; ++epoch) {
    dataset->set_epoch(epoch);
    drawn.push_back(targets(*dataset));
  }
  EXPECT_EQ(drawn, (std::vector<Ids>{
                       {4, 5}, {5, 6}, {4, 5}, {5, 6}, {4, 5}, {5, 6}, {5, 6}, {4, 5}, {4, 5}, {4, 5}}));
}

TEST_F(LanguageModeling, BadDataIsAnErrorThatNamesFileAndRemedy) {
  const std::string data = (folder / "a").string();
  const auto expect = [&](const std::string& error, ExitCode expected, const std::string& message) {
    EXPECT_NE(error.find(message), std::string::npos) << "got:      " << error << "\nexpected: " << message;
    EXPECT_EQ(code, expected) << message;
  };
  expect(error_of({{"data", Value()}}), ExitCode::configuration, "option 'data' is not given");
  expect(error_of({{"data", std::string("no/such")}}), ExitCode::data,
         "no dictionary no/such/dict.txt: there is no such folder");
  expect(error_of({{"data", data + ":no/such"}}), ExitCode::data,
         "there is no folder no/such, which option 'data' names for epoch 2.");
  expect(error_of({{"data", std::string(300, 'x')}}), ExitCode::data, "File name too long");
  expect(error_of({{"data", folder.path().string()}}), ExitCode::data, "the folder has no preprocessed data");
  expect(error_of({}, "test"), ExitCode::data,
         "dataset not found: split 'test' needs " + data +
             "/test.idx and .bin; the folder has the splits train, "
             "train1, valid");
  expect(error_of({{"self-target", true}}), ExitCode::configuration,
         "unsupported language modeling target: self");
  expect(error_of({{"past-target", true}}), ExitCode::configuration,
         "unsupported language modeling target: past");
  expect(error_of({{"output-dictionary-size", std::int64_t{2}}}), ExitCode::configuration, "at least 4");
  expect(error_of({{"sample-break-mode", std::string("complete_docs")}}), ExitCode::configuration,
         "did you mean 'complete_doc'");

  std::filesystem::resize_file(data + "/train1.idx", 30);
  expect(error_of({}), ExitCode::data, data + "/train1.idx, byte 18: the file claims to hold 1 sentences");
  std::filesystem::resize_file(data + "/train.bin", 3);
  expect(error_of({}), ExitCode::data, data + "/train.bin, byte 3: the file ends here");
  std::filesystem::remove(data + "/train.bin");
  expect(error_of({}), ExitCode::data, "cannot open " + data + "/train.bin: No such file");
  test::write_file(data + "/dict.txt", "a 1\nb\n");
  expect(error_of({}), ExitCode::data, data + "/dict.txt, line 2: incorrect dictionary format");
}

}  // namespace
}  // namespace nopos
