// The lines of spec §3.17; those marked [R] there were printed by fairseq.
#include "train/progress.h"

#include <gtest/gtest.h>

namespace nopos::engine {
namespace {

const Stats interval{{"loss", 7.876},  {"ppl", 234.89},   {"wps", 2337.9},    {"ups", 9.21},
                     {"wpb", 254.2},   {"bsz", 8},        {"num_updates", 5}, {"lr", 0.001},
                     {"gnorm", 2.697}, {"train_wall", 1}, {"wall", 1}};
const Stats epoch_stats{{"loss", 6.748},  {"ppl", 107.52},   {"wps", 1811.2},     {"ups", 7.14},
                        {"wpb", 253.6},   {"bsz", 7.9},      {"num_updates", 30}, {"lr", 0.0012},
                        {"gnorm", 1.661}, {"train_wall", 3}, {"wall", 4}};
const Stats validation{{"loss", 6.449}, {"ppl", 87.34},      {"wps", 8546.7},     {"wpb", 250.7},
                       {"bsz", 7.8},    {"num_updates", 20}, {"best_loss", 6.449}};

/// What a progress of `format` sends to the log.
template <class Use>
std::vector<std::string> logged(LogFormat format, std::int64_t interval_length, const std::string& subset,
                                const Use& use) {
  std::vector<std::string> lines;
  Console console({});
  const LogSink previous = set_log_sink([&](LogLevel, std::string_view source, std::string_view message) {
    lines.push_back(std::string(source) + " | " + std::string(message));
  });
  {
    Progress progress(console, format, interval_length, 1, 0, 43, subset);
    use(progress);
  }
  set_log_sink(previous);
  return lines;
}

void five_updates(Progress& progress) {
  for (int update = 1; update <= 5; ++update) {
    progress.advance();
    progress.log(interval, "train_inner", update);
  }
}

TEST(GeneralFormat, PrintsLikePython) {
  EXPECT_EQ(general_format(8), "8");
  EXPECT_EQ(general_format(7.93), "7.93");
  EXPECT_EQ(general_format(1e-05), "1e-05");
  EXPECT_EQ(general_format(0.640176313), "0.640176");
  EXPECT_EQ(general_format(2147483648.0), "2.14748e+09");
  EXPECT_EQ(general_format(254053.7), "254054");
}

TEST(Progress, SimpleLogsEveryInterval) {
  EXPECT_EQ(
      logged(LogFormat::simple, 5, "", five_updates),
      (std::vector<std::string>{
          "train_inner | epoch 001:      5 / 43 loss=7.876, ppl=234.89, wps=2337.9, ups=9.21, wpb=254.2, "
          "bsz=8, num_updates=5, lr=0.001, gnorm=2.697, train_wall=1, wall=1"}));
}

TEST(Progress, SimpleSumsUpEpochsAndValidations) {
  EXPECT_EQ(logged(LogFormat::simple, 5, "", [](Progress& p) { p.print(epoch_stats, "train"); }),
            (std::vector<std::string>{
                "train | epoch 001 | loss 6.748 | ppl 107.52 | wps 1811.2 | ups 7.14 | wpb 253.6 | bsz 7.9 | "
                "num_updates 30 | lr 0.0012 | gnorm 1.661 | train_wall 3 | wall 4"}));
  EXPECT_EQ(logged(LogFormat::simple, 5, "valid", [](Progress& p) { p.print(validation, "valid"); }),
            (std::vector<std::string>{
                "valid | epoch 001 | valid on 'valid' subset | loss 6.449 | ppl 87.34 | wps 8546.7 | wpb "
                "250.7 | bsz 7.8 | num_updates 20 | best_loss 6.449"}));
}

TEST(Progress, JsonHoldsTextsAndPrefixesSummaries) {
  EXPECT_EQ(logged(LogFormat::json, 5, "", five_updates),
            (std::vector<std::string>{
                R"(train_inner | {"epoch": 1, "update": 0.116, "loss": "7.876", "ppl": "234.89", )"
                R"("wps": "2337.9", "ups": "9.21", "wpb": "254.2", "bsz": "8", "num_updates": "5", )"
                R"("lr": "0.001", "gnorm": "2.697", "train_wall": "1", "wall": "1"})"}));
  EXPECT_EQ(logged(LogFormat::json, 5, "valid", [](Progress& p) { p.print(validation, "valid"); }),
            (std::vector<std::string>{
                R"(valid | {"epoch": 1, "valid_loss": "6.449", "valid_ppl": "87.34", "valid_wps": "8546.7", )"
                R"("valid_wpb": "250.7", "valid_bsz": "7.8", "valid_num_updates": "20", )"
                R"("valid_best_loss": "6.449"})"}));
}

TEST(Progress, NoneIsSilent) {
  EXPECT_TRUE(logged(LogFormat::none, 1, "", [](Progress& progress) {
                five_updates(progress);
                progress.print(epoch_stats, "train");
              }).empty());
}

TEST(Bar, ShowsWhereItStandsAndFitsTheTerminal) {
  const BarFacts facts{"epoch 001", 10, 40, 5, 15.0, 2, {{"ppl", 243.82}, {"loss", 7.93}, {"lr", 0.002}}};
  EXPECT_EQ(bar_line(facts, 200),
            "epoch 001:  25%|#####---------------| 10/40 [00:05<00:15, 2.00it/s, loss=7.93, lr=0.002, "
            "ppl=243.82]");
  EXPECT_EQ(bar_line(facts, 79),
            "epoch 001:  25%|##---------| 10/40 [00:05<00:15, 2.00it/s, loss=7.93, lr=0.002]");
  EXPECT_EQ(bar_line(facts, 20), "epoch 001:  25% 10/4");
  EXPECT_EQ(bar_line({"e", 3700, 7400, 3700, 3700.0, 1, {}}, 99),
            "e:  50%|##########----------| 3700/7400 [1:01:40<1:01:40, 1.00it/s]");
  EXPECT_EQ(bar_line({"e", 0, 7400, 1, {}, 0, {}}, 99),
            "e:   0%|--------------------| 0/7400 [00:01<?, 0.00it/s]");
}

// A run of days: the cells and the time so far make room for what matters.
TEST(Bar, KeepsLossAndRateAt80Columns) {
  const Stats stats{{"loss", 4.932}, {"ppl", 30.53}, {"wps", 2337.9}, {"lr", 0.000883712}};
  const std::string line = bar_line({"epoch 012", 97000, 286000, 36000, 70000.0, 2.69, stats}, 79);
  EXPECT_EQ(line, "epoch 012:  33% 97000/286000 [<19:26:40, 2.69it/s, loss=4.932, lr=0.000883712]");
}

TEST(Progress, TheBarIsThatOfTheRun) {
  Console console({});
  Progress progress(console, LogFormat::bar, 100, 3, 0, 43);
  EXPECT_TRUE(progress.wants_figures()) << "the first update has figures to show";
  progress.show({});
  EXPECT_TRUE(progress.wants_figures());
  progress.show({{"loss", 7.9}});
  EXPECT_FALSE(progress.wants_figures()) << "a second has not passed";
  // 20 of 100 updates are made in 10 s, 10 of them by this process: 1 a second, 80 s to go
  progress.show_run({10, 100, seconds_now() - 10, {}}, 20);
  progress.advance();
  const BarFacts facts = progress.facts(seconds_now());
  EXPECT_EQ(facts.done, 20);
  EXPECT_EQ(facts.total, 100);
  EXPECT_NEAR(facts.rate, 1, 0.1);
  EXPECT_NEAR(facts.left.value(), 80, 8);
  // it ends after 30 s at the latest
  progress.show_run({10, 100, seconds_now() - 10, 30.0}, 20);
  EXPECT_NEAR(progress.facts(seconds_now()).left.value(), 20, 1);
  // where nobody knows the end, the bar is the epoch's
  progress.show_run({10, 0, seconds_now() - 10, {}}, 20);
  EXPECT_EQ(progress.facts(seconds_now()).total, 43);
}

TEST(Progress, TheFormatIsABarOnATerminalUnlessToldOtherwise) {
  EXPECT_EQ(log_format({}, false, true), LogFormat::bar);
  EXPECT_EQ(log_format({}, false, false), LogFormat::simple);
  EXPECT_EQ(log_format({}, true, true), LogFormat::simple);
  EXPECT_EQ(log_format("tqdm", true, true), LogFormat::bar);
  EXPECT_EQ(log_format("tqdm", false, false), LogFormat::simple);
  EXPECT_EQ(log_format("simple", false, true), LogFormat::simple);
  EXPECT_EQ(log_format("json", false, true), LogFormat::json);
  EXPECT_EQ(log_format("none", false, true), LogFormat::none);
}

}  // namespace
}  // namespace nopos::engine
