/// Checkpoints as older versions wrote them: each evaluates as the file that it was made of, and training
/// goes on from it, where it kept everything to the same figures. Made of a checkpoint of fairseq
/// (NOPOS_REFERENCE_TOY), or of one that is trained here.

#include <gtest/gtest.h>

#include <cmath>
#include <optional>

#include "older_kinds.h"
#include "shared_data.h"
#include "toy_run.h"

namespace nopos::test {
namespace {

using Node = OlderFile::Node;

const std::string flags = flags_t() + " --no-token-positional-embeddings --log-interval 1";

std::filesystem::path data() {
#ifdef NOPOS_REFERENCE_TOY
  return shared_data() / "../golden/toy/data-bin";
#else
  return toy_data();
#endif
}

/// After 30 updates, one batch into the second epoch of 29.
std::filesystem::path original() {
#ifdef NOPOS_REFERENCE_TOY
  return shared_data() / "../golden/toy/checkpoints/nopos.pt";
#else
  static const TemporaryFolder folder;
  static const std::filesystem::path file = [] {
    const CommandResult result =
        train(folder.path(), flags + " --max-update 30 --no-epoch-checkpoints --save-dir c");
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return folder / "c/checkpoint_last.pt";
  }();
  return file;
#endif
}

std::optional<double> loss_of(const std::filesystem::path& file) {
  const CommandResult result = run({host, "eval-lm", data(), "--path", file, "--tokens-per-sample", "32",
                                    "--threads", "1", "--max-tokens", "2048"});
  const std::string bits = "Loss (base 2): ";
  const std::size_t at = result.out.find(bits);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return at == std::string::npos ? std::nullopt
                                 : std::optional(std::stod(result.out.substr(at + bits.size())));
}

/// Four updates from `file`: those of its log, and in `out` the log.
std::vector<Record> go_on(const std::filesystem::path& file, const std::string& more,
                          std::string* out = nullptr) {
  std::vector<std::string> command{
      host, "train", data(), "--restore-file", file, "--no-save", "--disable-validation"};
  for (const std::string& word : words(flags + " " + more)) command.push_back(word);
  const CommandResult result = run(command);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  if (out != nullptr) *out = result.out;
  return records(result.out, "train_inner");
}

enum class GoesOn {
  exactly,     // to the same figures
  nearly,      // from weights of less precision
  epoch_anew,  // with the count of updates, at the start of an epoch
  count_anew   // with the first update
};

struct Kind {
  const char* name;
  void (*make)(OlderFile& file);
  GoesOn goes_on = GoesOn::exactly;
  bool legacy = false;
  const char* epoch = "002";
};
void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

Node iterator(OlderFile& file, std::int64_t epoch, std::int64_t batches) {
  return file.arena.dict(
      {{"epoch", file.arena.integer(epoch)}, {"iterations_in_epoch", file.arena.integer(batches)}});
}

void as_first_versions(OlderFile& file) {
  file.root = file.without(file.root, {"extra_state", "optimizer_history"});
  for (const auto& [key, value] : {std::pair("epoch", 2), {"batch_offset", 1}})
    file.root = file.with(file.root, key, file.arena.integer(value));
  for (const char* key : {"val_loss", "best_loss"})
    file.root = file.with(file.root, key, file.arena.number(6.769));
  const Node optimizer = file.get(file.root, "last_optimizer_state");
  file.root = file.with(file.without(file.root, {"last_optimizer_state"}), "optimizer", optimizer);
}

const Kind kinds[] = {
    {"settings_in_a_namespace", [](OlderFile& file) { file.settings_in_namespace(); }},
    {"container_of_before_1_6", [](OlderFile&) {}, GoesOn::exactly, true},
    {"attention_in_one_matrix", [](OlderFile& file) { file.attention_in_one_matrix(); }},
    {"old_names_of_layer_norms", [](OlderFile& file) { file.old_names_of_layer_norms(); }},
    {"old_name_of_the_head", [](OlderFile& file) { file.old_name_of_the_head(); }},
    {"states_by_address", [](OlderFile& file) { file.states_by_address(); }},
    {"meters_as_objects", [](OlderFile& file) { file.meters_as_objects(); }},
    {"no_metrics_and_no_time",
     [](OlderFile& file) {
       file.change_extra([&](Node extra) {
         return file.without(extra, {"metrics", "previous_training_time"});
       });
     }},
    {"no_shuffle_and_no_version",
     [](OlderFile& file) {
       file.change_extra(
           [&](Node extra) { return file.with(extra, "train_iterator", iterator(file, 2, 1)); });
     }},
    {"first_iterator_at_the_end_of_an_epoch",
     [](OlderFile& file) {
       file.change_extra(
           [&](Node extra) { return file.with(extra, "train_iterator", iterator(file, 1, 29)); });
     },
     GoesOn::epoch_anew},
    {"no_iterator",
     [](OlderFile& file) {
       file.change_extra([&](Node extra) { return file.without(extra, {"train_iterator"}); });
     },
     GoesOn::epoch_anew, false, "001"},
    {"no_history", [](OlderFile& file) { file.root = file.without(file.root, {"optimizer_history"}); },
     GoesOn::count_anew},
    {"everything_at_the_top", as_first_versions, GoesOn::count_anew},
    {"half_precision", [](OlderFile& file) { file.half_precision(); }, GoesOn::nearly},
    {"all_at_once",
     [](OlderFile& file) {
       file.attention_in_one_matrix();
       file.states_by_address();
       file.settings_in_namespace();
       file.meters_as_objects();
     },
     GoesOn::exactly, true}};

class OlderFiles : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(data())) GTEST_SKIP() << "the folder of reference data is not there";
  }
  const TemporaryFolder folder;
};
INSTANTIATE_TEST_SUITE_P(Kinds, OlderFiles, testing::ValuesIn(kinds),
                         [](const auto& info) { return info.param.name; });

TEST_P(OlderFiles, EvaluateAndTrainOn) {
  const Kind& kind = GetParam();
  OlderFile older(original());
  kind.make(older);
  const std::filesystem::path file = folder / "older.pt";
  kind.legacy ? older.write_legacy(file) : older.write(file);

  static const std::optional<double> expected = loss_of(original());
  const std::optional<double> found = loss_of(file);
  ASSERT_TRUE(expected && found);
#ifdef NOPOS_REFERENCE_TOY
  EXPECT_NEAR(*expected, 6.8456, 0.0005);
#endif
  EXPECT_NEAR(*found, *expected, 0.0005);

  static const std::vector<Record> straight = go_on(original(), "--max-update 34");
  const bool counts = kind.goes_on != GoesOn::count_anew;
  std::string log;
  const std::vector<Record> updates = go_on(file, counts ? "--max-update 34" : "--max-update 4", &log);
  ASSERT_EQ(straight.size(), 4u);
  ASSERT_EQ(updates.size(), 4u) << log;
  EXPECT_EQ(updates[0].figures.at("num_updates"), counts ? "31" : "1");
  EXPECT_EQ(updates[0].message.substr(0, 9), std::string("epoch ") + kind.epoch);
  for (std::size_t i = 0; i < updates.size(); ++i) {
    for (const char* figure : {"loss", "gnorm", "lr"}) {
      const double is = std::stod(updates[i].figures.at(figure)),
                   was = std::stod(straight[i].figures.at(figure));
      const bool exact = kind.goes_on == GoesOn::exactly;
      if (!exact && kind.goes_on != GoesOn::nearly) continue;
      EXPECT_NEAR(is, was, exact ? 0 : 0.005 * was) << figure << " of update " << i;
    }
  }
}

TEST_P(OlderFiles, GiveTheirWeightsToAnotherRun) {
  const Kind& kind = GetParam();
  OlderFile older(original());
  kind.make(older);
  older.root = older.without(older.root, {"extra_state", "optimizer_history", "last_optimizer_state"});
  kind.legacy ? older.write_legacy(folder / "older.pt") : older.write(folder / "older.pt");
  std::vector<std::string> command{host,
                                   "train",
                                   data(),
                                   "--finetune-from-model",
                                   folder / "older.pt",
                                   "--save-dir",
                                   folder / "new",
                                   "--disable-validation",
                                   "--no-last-checkpoints",
                                   "--no-epoch-checkpoints"};
  for (const std::string& word : words(flags + " --max-update 1")) command.push_back(word);
  const CommandResult result = run(command);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto updates = records(result.out, "train_inner");
  ASSERT_EQ(updates.size(), 1u);
  EXPECT_LT(std::stod(updates[0].figures.at("loss")), 7.2);  // an untrained one has 7.9
}

TEST(OldVersion, InHalfPrecisionMeansNoFinalNorm) {
  const TemporaryFolder folder;
  const CommandResult trained = train(
      folder.path(), flags + " --no-decoder-final-norm --max-update 2 --disable-validation --save-dir c");
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  OlderFile older(folder / "c/checkpoint_last.pt");
  const Node cfg = older.get(older.root, "cfg");
  older.root =
      older.with(older.root, "cfg",
                 older.with(cfg, "model", older.without(older.get(cfg, "model"), {"no_decoder_final_norm"})));
  constexpr std::uint16_t two = 0x4000;
  older.set_version(two);
  older.write(folder / "older.pt");
  const auto evaluate = [&](const std::filesystem::path& file) {
    return run({host, "eval-lm", toy_data(), "--path", file, "--tokens-per-sample", "32", "--threads", "1"});
  };
  const CommandResult found = evaluate(folder / "older.pt"),
                      expected = evaluate(folder / "c/checkpoint_last.pt");
  ASSERT_EQ(found.exit_code, 0) << found.err;
  const auto figures = [](const CommandResult& result) {
    return result.out.substr(result.out.find("Loss (base 2)"));
  };
  EXPECT_EQ(figures(found), figures(expected));
}

}  // namespace
}  // namespace nopos::test
