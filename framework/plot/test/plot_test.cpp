// Ticks, curves and layout by their functions; files and messages through the command line.
#include <cairo.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>

#include "command.h"
#include "run_curves.h"
#include "ticks.h"

namespace nopos::plot {
namespace {

using namespace nopos::test;

const std::string host = NOPOS_BUILD_DIR "/bin/nopos-host";

std::vector<std::string> labels(const std::vector<double>& ticks) {
  std::vector<std::string> texts;
  for (const double tick : ticks) texts.push_back(tick_label(tick));
  return texts;
}

using Labels = std::vector<std::string>;

TEST(Ticks, LinearOnesAreMultiplesOf1And2And5) {
  EXPECT_EQ(labels(linear_ticks(0, 30000, 8)),
            (Labels{"0", "5,000", "10,000", "15,000", "20,000", "25,000", "30,000"}));
  EXPECT_EQ(labels(linear_ticks(-0.01, 0.31, 4)), (Labels{"0", "0.1", "0.2", "0.3"}));
  EXPECT_EQ(labels(linear_ticks(6.77, 7.93, 7)), (Labels{"6.8", "7", "7.2", "7.4", "7.6", "7.8"}));
  EXPECT_EQ(labels(linear_ticks(1, 2, 2)), (Labels{"1", "2"}));
}

TEST(Ticks, LogarithmicOnesFollowTheDecades) {
  EXPECT_EQ(labels(log_ticks(1, 10, 4)), (Labels{"1", "2", "5", "10"}));
  EXPECT_EQ(labels(log_ticks(1, 100, 5)), (Labels{"1", "3", "10", "30", "100"}));
  EXPECT_EQ(labels(log_ticks(1e-6, 1e-3, 4)), (Labels{"1e-06", "1e-05", "0.0001", "0.001"}));
  EXPECT_EQ(labels(log_ticks(6.1, 6.9, 4)), (Labels{"6.2", "6.4", "6.6", "6.8"}));
}

class Plot : public testing::Test {
 protected:
  CommandResult plot(std::vector<std::string> words) const {
    words.insert(words.begin(), {host, "plot"});
    return run(words, {.directory = folder.path()});
  }
  void write_run(const std::string& name, const std::string& lines) const {
    std::filesystem::create_directories(folder / name);
    write_file(folder / (name + "/metrics.jsonl"), lines);
  }
  void write_good_run(const std::string& name) const {
    write_run(name, R"({"tag": "run", "num_updates": 0, "time": 1}
{"tag": "train_inner", "epoch": 1, "num_updates": 10, "time": 2, "loss": 7.93, "lr": 0.001, "gnorm": 1.083}
{"tag": "train_inner", "epoch": 1, "num_updates": 20, "time": 3, "loss": 7.334, "lr": 0.002, "gnorm": null}
{"tag": "valid", "epoch": 1, "num_updates": 29, "time": 4, "loss": 6.779, "ppl": 109.84}
{"tag": "train_inner", "epoch": 2, "num_updates": 30, "time": 5, "loss": 7.0, "lr": 0.003, "gnorm": 0.9}
)");
  }
  TemporaryFolder folder;
};

TEST_F(Plot, WhatWasTrainedAwayIsNotInTheCurves) {
  write_run("a", R"({"tag": "run", "num_updates": 0}
{"tag": "train_inner", "num_updates": 10, "loss": 9}
{"tag": "train_inner", "num_updates": 20, "loss": 8}
{"tag": "valid", "num_updates": 20, "loss": 8.5}
{"tag": "run", "num_updates": 10}
{"tag": "train_inner", "num_updates": 20, "loss": null}
{"tag": "train_inner", "num_upd)");  // still being written
  const RunCurves curves = read_run("x=" + (folder / "a").string());
  EXPECT_EQ(curves.name, "x");
  const Curve* loss = curves.find("train_inner", "loss");
  ASSERT_NE(loss, nullptr);
  ASSERT_EQ(loss->size(), 2u);
  EXPECT_EQ(loss->at(0).value, 9);
  EXPECT_EQ(loss->at(1).num_updates, 20);
  EXPECT_TRUE(std::isnan(loss->at(1).value));
  EXPECT_TRUE(curves.find("valid", "loss")->empty());
}

TEST_F(Plot, SvgHasTextCurvesAndWhatAReaderIsTold) {
  write_good_run("nopos");
  const auto result = plot({"nopos", "--title", "a < b & c", "--output", "x.svg"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "wrote x.svg\n");
  const std::string svg = read_file(folder / "x.svg");
  for (const char* part : {"<title id=\"title\">a &lt; b &amp; c</title>", "<desc id=\"description\">",
                           "nopos: lowest valid loss 6.779 at update 29</text>", ">gnorm</text>",
                           ">loss (bits per token)</text>", ">updates</text>", ">lr</text>",
                           "stroke=\"#0072b2\"", "fill=\"#0072b2\""}) {
    EXPECT_NE(svg.find(part), std::string::npos) << part;
  }
  const auto parsed =
      run({"python3", "-c", "import sys, xml.dom.minidom as x; x.parse(sys.argv[1])", folder / "x.svg"});
  EXPECT_EQ(parsed.exit_code, 0) << parsed.err;
}

TEST_F(Plot, PngHasTheSizeAskedForAndTheColorsOfTheRuns) {
  write_good_run("a");
  write_good_run("b");
  const auto result =
      plot({"a", "b", "--width", "600", "--height", "500", "--scale", "1.5", "--output", "x.png"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const std::unique_ptr<cairo_surface_t, decltype(&cairo_surface_destroy)> image(
      cairo_image_surface_create_from_png((folder / "x.png").c_str()), cairo_surface_destroy);
  ASSERT_EQ(cairo_surface_status(image.get()), CAIRO_STATUS_SUCCESS);
  ASSERT_EQ(cairo_image_surface_get_width(image.get()), 900);
  ASSERT_EQ(cairo_image_surface_get_height(image.get()), 750);
  const unsigned char* pixels = cairo_image_surface_get_data(image.get());
  const int stride = cairo_image_surface_get_stride(image.get());
  const auto count = [&](unsigned red, unsigned green, unsigned blue) {
    int found = 0;
    for (int y = 0; y < 750; ++y) {
      for (int x = 0; x < 900; ++x) {
        const unsigned char* pixel = pixels + y * stride + 4 * x;  // blue, green, red
        found += pixel[0] == blue && pixel[1] == green && pixel[2] == red;
      }
    }
    return found;
  };
  EXPECT_GT(count(0, 114, 178), 50);
  EXPECT_GT(count(213, 94, 0), 50);
  EXPECT_GT(count(255, 255, 255), 900 * 750 / 2);
}

TEST_F(Plot, WhatLiesBesideRunsIsLeftOutWithAWarning) {
  write_good_run("a");
  write_file(folder / "notes.txt", "a note");
  std::filesystem::create_directory(folder / "empty");
  const auto result = plot({"a", "notes.txt", "empty", "--output", "x.svg"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  for (const char* stray : {"notes.txt is not a run", "empty is not a run"}) {
    EXPECT_NE(result.err.find(stray), std::string::npos) << result.err;
  }
  EXPECT_EQ(plot({"notes.txt", "empty"}).exit_code, 8);
  EXPECT_EQ(plot({"a", "gone"}).exit_code, 8);  // a slip of the pen, not a stray file
  write_run("broken", "{\"tag\": \"run\", \"num_updates\": 0}\n{\"tag\": \"valid\"\n");
  EXPECT_EQ(plot({"a", "broken"}).exit_code, 8);
}

TEST_F(Plot, BadInputIsNamed) {
  write_good_run("good");
  write_run("empty", "");
  write_run("broken", "{\"tag\": \"run\", \"num_updates\": 0}\n{\"tag\": \"valid\"\n");
  write_run("text", "{\"tag\": \"valid\", \"num_updates\": 1, \"loss\": \"7\"}\n");
  const struct {
    std::vector<std::string> words;
    int exit_code;
    std::string message;
  } cases[]{{{}, 2, "plot needs a run"},
            {{"gone"}, 8, "there is no gone"},
            {{"empty"}, 8, "empty/metrics.jsonl has no metrics yet (0 lines)"},
            {{"broken"}, 8, "broken/metrics.jsonl, line 2: found '{\"tag\": \"valid\"'; expected"},
            {{"text"}, 8, "text/metrics.jsonl, line 1: 'loss' is neither a number nor null"},
            {{"good", "--figures", "los"}, 3, "no run has the metric 'los', did you mean 'loss'?"},
            {{"good", "--subset", "test"}, 3, "no run has validations of 'test'; --subset may name valid"},
            {{"good", "--log-scale", "ppl"}, 2, "--log-scale names 'ppl', which is not among --figures"},
            {{"good", "--height", "100"}, 3, "a height of 100 is too small"},
            {{"good", "--output", "x.pdf"}, 2, "must be .svg or .png"}};
  for (const auto& one : cases) {
    const auto result = plot(one.words);
    EXPECT_EQ(result.exit_code, one.exit_code) << result.err;
    EXPECT_NE(result.err.find(one.message), std::string::npos) << result.err;
  }
}

TEST_F(Plot, ACutLineIsLeftOutAndNamed) {
  write_good_run("cut");
  const std::string whole = nopos::test::read_file(folder / "cut/metrics.jsonl");
  const std::size_t middle = whole.find('\n') + 20;
  for (const std::string& rest : {whole.substr(0, middle), std::string("\0\0\0", 3)}) {
    write_run("cut", whole + rest + "\n" + R"({"tag": "valid", "num_updates": 9000, "loss": 1.5})" + "\n");
    const auto result = plot({"cut", "--output", "cut.svg"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_NE(result.err.find("warning: left out 1 line: cut/metrics.jsonl, line "), std::string::npos)
        << result.err;
  }
}

}  // namespace
}  // namespace nopos::plot
