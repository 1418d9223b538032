#include "encoding_plan.h"

#include <gtest/gtest.h>

#include "errors_and_logs.h"

namespace nopos {
namespace {

using Group = EncodingPlan::Group;

WrittenPlan parsed(const std::string& text) { return parse_encoding_plan(text, "--positional-encoding"); }

std::string layers(const std::string& text, std::int64_t count) {
  const WrittenPlan written = parsed(text);
  return described(layers_of(written.plan, count), written.encodings);
}

TEST(EncodingPlan, IsReadFromText) {
  EXPECT_EQ(parsed("alibi"), (WrittenPlan{{{Group{1, {"alibi"}, 0}}}, {{"", "alibi"}}}));
  EXPECT_EQ(parsed("sinusoidal+alibi"),
            (WrittenPlan{{{Group{1, {"sinusoidal", "alibi"}, 0}}}, {{"", "sinusoidal"}, {"", "alibi"}}}));
  EXPECT_EQ(parsed("3xrope@4096,none"),
            (WrittenPlan{{{Group{3, {"rope"}, 4096}, Group{1, {"none"}, 0}}}, {{"", "rope"}, {"", "none"}}}));
  EXPECT_EQ(parsed("5xlocal=rope@1024,global=rope"),
            (WrittenPlan{{{Group{5, {"local"}, 1024}, Group{1, {"global"}, 0}}},
                         {{"local", "rope"}, {"global", "rope"}}}));
  EXPECT_EQ(parsed("rope+fox,fox").encodings, (std::vector<WrittenEncoding>{{"", "rope"}, {"", "fox"}}));
  EXPECT_EQ(parsed("a=rope,rope,a=rope").encodings,
            (std::vector<WrittenEncoding>{{"a", "rope"}, {"", "rope"}}));
}

TEST(EncodingPlan, NamesMayBeginWithDigitsAndBeFull) {
  EXPECT_EQ(parsed("2d-rope").encodings[0].name, "2d-rope");
  EXPECT_EQ(parsed("x").encodings[0].name, "x");
  EXPECT_EQ(parsed("2xacme.rotary:positional_encoding/rotary").encodings[0].name,
            "acme.rotary:positional_encoding/rotary");
}

TEST(EncodingPlan, IsWrittenAsItIsRead) {
  for (const char* text : {"alibi", "sinusoidal+alibi", "3xrope,none", "3xrope@4096,none@1",
                           "5xlocal=rope@1024,global=rope", "2xa=rope+fox,fox,a=rope"}) {
    const WrittenPlan written = parsed(text);
    EXPECT_EQ(to_text(written.plan, written.encodings), text);
  }
  EXPECT_EQ(to_text({{Group{2, {"rope"}, 0}, Group{1, {}, 0}}}), "2xrope,none");
  EXPECT_EQ(to_text({{Group{1, {}, 512}}}), "none@512");
}

struct Refused {
  const char *text, *says;
};

class RefusedPlan : public testing::TestWithParam<Refused> {};

TEST_P(RefusedPlan, SaysWhereAndWhatIsExpected) {
  const auto& [text, says] = GetParam();
  const std::string error = test::error_of([text = text] { parsed(text); });
  EXPECT_EQ(error.find("3: --positional-encoding is '"), 0U) << error;
  EXPECT_NE(error.find(says), std::string::npos) << error;
}

INSTANTIATE_TEST_SUITE_P(
    Table, RefusedPlan,
    testing::Values(Refused{"", "nothing is written, but the name of an encoding is expected"},
                    Refused{"alibi+", "it ends after character 6, but the name of an encoding is expected"},
                    Refused{"alibi,", "it ends after character 6, but the name of an encoding is expected"},
                    Refused{"alibi,,none", "character 7 is ',', but the name of an encoding is expected"},
                    Refused{"3x", "it ends after character 2, but the name of an encoding is expected"},
                    Refused{"3x,alibi", "character 3 is ',', but the name"},
                    Refused{"alibi, none", "character 7 is ' ', but the name"},
                    Refused{"alibi none", "character 6 is ' ', but ',', '+', '@' or the end is expected"},
                    Refused{"alibi@", "it ends after character 6, but a window is expected, in tokens"},
                    Refused{"alibi@wide", "character 7 is 'w', but a window is expected, in tokens"},
                    Refused{"alibi@4k", "character 8 is 'k', but ',' or the end is expected"},
                    Refused{"alibi@4+none", "character 8 is '+', but ',' or the end is expected"},
                    Refused{"alibi@0", "the window is 0, but must be at least 1"},
                    Refused{"alibi@-4", "the window is -4, but must be at least 1"},
                    Refused{"alibi@99999999999999999999",
                            "the window is 99999999999999999999, which is too large"},
                    Refused{"0xalibi", "the number of layers before 'x' is 0, but must be at least 1"},
                    Refused{"-1xalibi", "the number of layers before 'x' is -1, but must be at least 1"},
                    Refused{"=alibi", "character 1 is '=', but the name"},
                    Refused{"local=", "it ends after character 6, but the name"},
                    Refused{"a=b=rope", "character 4 is '=', but ',', '+', '@' or the end is expected"},
                    Refused{"1st=rope", "character 1 is '1', but a label is expected before '='"},
                    Refused{"rope,my.own=rope", "character 6 is 'm', but a label is expected before '='"},
                    Refused{"a=rope,a=alibi", "the label 'a' stands for 'rope' and for 'alibi'"},
                    Refused{"3xa=rope,a", "'a' is a label; write a=rope wherever that encoding is used"},
                    Refused{"\xc3\xa9,\x1b", "character 3 is '\\x1b', but the name"}));

TEST(EncodingPlan, RepeatsOverTheLayersAndIsCut) {
  EXPECT_EQ(layers("3xrope@4096,none", 8), "layers 0-2, 4-6: rope@4096; 3, 7: none");
  EXPECT_EQ(layers("3xrope@4096,none", 6), "layers 0-2, 4-5: rope@4096; 3: none");
  EXPECT_EQ(layers("5xlocal=rope@1024,global=rope", 6), "layers 0-4: local=rope@1024; 5: global=rope");
  EXPECT_EQ(layers("rope+fox,fox", 3), "layers 0, 2: rope+fox; 1: fox");
  EXPECT_EQ(layers("none@16,rope,none@16", 4), "layers 0, 2-3: none@16; 1: rope");
  EXPECT_EQ(layers("9223372036854775807xrope", 2), "layers 0-1: rope");
  const std::vector<LayerPlan> expected{{{"rope"}, 7}, {{"rope"}, 7}, {{"fox"}, 0}, {{"rope"}, 7}};
  EXPECT_EQ(layers_of(parsed("2xrope@7,fox").plan, 4), expected);
  EXPECT_TRUE(layers_of({}, 4).empty());
}

TEST(EncodingPlan, EveryGroupNeedsALayer) {
  EXPECT_EQ(test::error_of([] { layers_of(parsed("5xlocal=rope,global=alibi@9").plan, 4); }),
            "3: the positional encoding '5xlocal,global@9' has the group 'global@9' after 5 layers, but the "
            "model has 4: no layer gets it. Remove the group, or make a model of more layers.");
  EXPECT_NE(test::error_of([] { layers_of(parsed("9223372036854775807xrope,fox,none").plan, 4); }), "");
  EXPECT_EQ(test::error_of([] { layers_of(parsed("5xrope").plan, 4); }), "");
  EXPECT_NE(test::error_of([] { layers_of(parsed("rope@4").plan, 0); }), "");
}

TEST(EncodingPlan, AStackHasAnEncodingOnce) {
  const auto check = [](const EncodingPlan& plan) {
    return test::error_of([&] { refuse_repeated_encodings(plan, "--positional-encoding"); });
  };
  EXPECT_EQ(check(parsed("rope,rope+fox,a=rope+rope").plan), "");
  EXPECT_EQ(check(parsed("rope,fox+rope+fox").plan),
            "3: --positional-encoding: the positional encoding fox is given twice for one layer, in "
            "'fox+rope+fox'");
  EXPECT_NE(check(parsed("a=rope+a=rope").plan), "");
}

TEST(EncodingPlan, EqualNeighborsAreOneGroup) {
  const auto short_text = [](const std::string& text) { return to_text(shortened(parsed(text).plan)); };
  EXPECT_EQ(short_text("rope,rope"), "rope");
  EXPECT_EQ(short_text("7xrope"), "rope");
  EXPECT_EQ(short_text("2xrope,3xrope,none,rope"), "5xrope,none,rope");
  EXPECT_EQ(short_text("rope@4,rope"), "rope@4,rope");
  EXPECT_EQ(short_text("9223372036854775807xrope,rope,none"), "9223372036854775807xrope,none");
}

}  // namespace
}  // namespace nopos
