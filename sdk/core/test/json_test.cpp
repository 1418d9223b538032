#include "nopos/json.h"

#include <gtest/gtest.h>

#include <chrono>

namespace nopos {
namespace {

std::string refusal(std::string_view text, const JsonLimits& limits = {}) {
  try {
    parse_json(text, limits);
    return "taken";
  } catch (const JsonError& error) {
    return error.in("f");
  }
}

std::string repeated(std::size_t count, const std::string& piece) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += piece;
  return text;
}

TEST(ParseJson, KeepsValuesAndTheOrderOfKeys) {
  const std::string text = R"( {"b":1,"a":[true,null,-2,2.5,"x\u00e9",{}],"":{"c":18446744073709551615}} )";
  EXPECT_EQ(parse_json(text).dump(),
            R"({"b":1,"a":[true,null,-2,2.5,"xé",{}],"":{"c":18446744073709551615}})");
  EXPECT_EQ(parse_json("7"), Json(7));
  EXPECT_EQ(parse_json("[]"), Json::array());
}

TEST(ParseJson, SaysWhereItIsMalformed) {
  EXPECT_EQ(refusal("{\"a\": 1,\n  nil}").substr(0, 44), "f, line 2, column 4: malformed JSON: syntax ");
  EXPECT_EQ(refusal("\xef\xbb\xbf{}").substr(0, 54),
            "f, line 1, column 1: malformed JSON: it begins with a ");
  EXPECT_EQ(refusal(std::string_view("{}\n\0", 4)),
            "f, line 2, column 1: malformed JSON: there is a NUL byte here.");
  EXPECT_EQ(refusal("[1e400]"), "f, line 1, column 6: malformed JSON: a number is out of range '1e400'.");
  for (const char* text :
       {"", " ", "{} {}", "{}x", "[1,]", "{\"a\":}", "[01]", "[+1]", "[.5]", "[NaN]", "\"\xff\"",
        "\"\xed\xa0\x80\"", "\"\n\"", "// c\n{}", "{\"a\" 1}", "\"\\ud800\"", "[1"})
    EXPECT_EQ(refusal(text).find("f, line "), 0U) << text << ": " << refusal(text);
}

TEST(ParseJson, ReasonsArePrintable) {
  EXPECT_EQ(refusal("{\"\x1b[31m\": 1}").find('\x1b'), std::string::npos);
  EXPECT_NE(refusal("{\"a\xff\": 1}").find("\\xff"), std::string::npos);
  std::string without_end = "{\"";
  without_end.append(100000, 'a');
  EXPECT_LT(refusal(without_end).size(), 500U);
}

TEST(ParseJson, RefusesAKeyThatStandsTwice) {
  EXPECT_EQ(refusal(R"({"x":[{"a":1,"b":2,"a":3}]})"),
            "f: key 'a' appears twice in one object; remove one of them.");
  EXPECT_EQ(refusal("{\"\\u001b\":1,\"\\u001b\":1}"),
            "f: key '\\x1b' appears twice in one object; remove one of them.");
  EXPECT_EQ(refusal(R"({"a":{"a":{}},"b":{"a":1}})"), "taken");
}

TEST(ParseJson, KeepsToItsLimits) {
  const JsonLimits limits{.depth = 3, .values = 5};
  EXPECT_EQ(refusal("[[[0]]]", limits), "taken");
  EXPECT_EQ(refusal("[[[[0]]]]", limits), "f: its objects and lists are nested more than 3 deep.");
  EXPECT_EQ(refusal("[1,2,3,4]", limits), "taken");
  EXPECT_EQ(refusal("[1,2,3,4,5]", limits), "f: it holds more than 5 values.");
  for (const char* open : {"[", "{\"a\":", "[{\"b\":"})
    EXPECT_NE(refusal(repeated(100000, open)).find("nested more than 64 deep"), std::string::npos) << open;
}

// A tree that looks for each key among those before it takes minutes for the larger one.
TEST(ParseJson, TimeGrowsWithTheText) {
  const auto seconds = [](std::size_t keys) {
    std::string text = "{";
    for (std::size_t i = 0; i < keys; ++i)
      text += (i == 0 ? "\"" : ",\"") + std::string(40, 'k') + std::to_string(i) + "\":" + std::to_string(i);
    text += "}";
    const auto begin = std::chrono::steady_clock::now();
    const Json json = parse_json(text);
    EXPECT_EQ(json.size(), keys);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  EXPECT_LT(seconds(400000), 20);
}

TEST(JsonText, IsUtf8WhateverItHolds) {
  const Json json{{"pa\xffth", "a/\xe4.txt"}, {"list", {"\xc3\xa4", 1}}};
  EXPECT_EQ(json_text(json), R"({"pa\\xffth":"a/\\xe4.txt","list":["ä",1]})");
}

TEST(JsonText, MembersAreAppended) {
  Json json = Json::object();
  add_member(json, "b", 1);
  add_member(json, "a", Json::array({2}));
  EXPECT_EQ(json.dump(), R"({"b":1,"a":[2]})");
}

TEST(WholeNumber, IsOneAsWritten) {
  EXPECT_EQ(whole_number(parse_json("-3")), -3);
  EXPECT_EQ(whole_number(parse_json("9223372036854775807")), INT64_MAX);
  for (const char* text : {"1.0", "1e3", "true", "\"1\"", "null", "[1]", "9223372036854775808", "1e30"})
    EXPECT_EQ(whole_number(parse_json(text)), std::nullopt) << text;
}

}  // namespace
}  // namespace nopos
