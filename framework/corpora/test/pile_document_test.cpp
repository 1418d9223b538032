#include "pile_document.h"

#include <gtest/gtest.h>

namespace nopos {
namespace {

TEST(PileDocument, TextAndSetWhateverStandsBesideThem) {
  for (const char* line : {R"({"text": "a\n\u00e9\ud83d\ude00", "meta": {"pile_set_name": "Github"}})",
                           R"({"meta":{"pile_set_name":"Github"},"text":"a\né😀"} )",
                           R"({"id": 3, "text": "a\né😀", "x": {"text": 1, "meta": []}, "y": [{"text": "b"}],
                               "meta": {"pile_set_name": "Github"}, "z": null})",
                           R"({"text": "first", "text": "a\né😀", "meta": {"pile_set_name": "Github"}})"}) {
    PileDocument document;
    EXPECT_EQ(read_pile_document(line, document), std::nullopt) << line;
    EXPECT_EQ(document.text, "a\né😀") << line;
    EXPECT_EQ(document.set, "Github") << line;
  }
}

TEST(PileDocument, SaysWhatIsWrongWithALine) {
  struct Case {
    std::string line, fault;
  };
  const std::vector<Case> cases{
      {"", "byte 1 is not valid JSON: syntax error while parsing value - unexpected end of input"},
      {"text", "byte 2 is not valid JSON: syntax error while parsing value - invalid literal"},
      {R"({"text": "a", "meta": {"pile_set_name": "G"})",
       "byte 45 is not valid JSON: syntax error while parsing object - unexpected end of input"},
      {R"({"text": "a", "meta": {"pile_set_name": "G"}} {})", "byte 47 is not valid JSON: syntax error"},
      {R"({"text": "\ud800", "meta": {"pile_set_name": "G"}})", "byte 17 is not valid JSON: syntax error"},
      {"{\"text\": \"caf\xe9\", \"meta\": {\"pile_set_name\": \"G\"}}",
       "byte 14 is 0xE9, which is not UTF-8 here"},
      {"[1, 2]", "the line is a list, expected an object"},
      {"\"text\"", "the line is a string, expected an object"},
      {"{}", "\"text\" is missing"},
      {R"({"meta": {"pile_set_name": "G"}})", "\"text\" is missing"},
      {R"({"text": "a"})", "\"meta\" is missing"},
      {R"({"text": 17, "meta": {"pile_set_name": "G"}})", "\"text\" is a number, expected a string"},
      {R"({"text": null, "meta": {"pile_set_name": "G"}})", "\"text\" is null, expected a string"},
      {R"({"text": {"text": "a"}, "meta": {"pile_set_name": "G"}})",
       "\"text\" is an object, expected a string"},
      {R"({"text": "a", "meta": "Github"})", "\"meta\" is a string, expected an object"},
      {R"({"text": "a", "meta": [{"pile_set_name": "G"}]})", "\"meta\" is a list, expected an object"},
      {R"({"text": "a", "meta": {}})", "\"meta\" has 0 keys, expected \"pile_set_name\" alone"},
      {R"({"text": "a", "meta": {"pile_set_name": "G", "url": "u"}})",
       "\"meta\" has 2 keys (pile_set_name, url), expected \"pile_set_name\" alone"},
      {R"({"text": "a", "meta": {"name": "G"}})",
       "\"meta\" has 1 key (name), expected \"pile_set_name\" alone"},
      {R"({"text": "a", "meta": {"pile_set_name": true}})",
       "\"pile_set_name\" is a truth value, expected a string"},
      {R"({"text": "a", "meta": {"pile_set_name": ["G"]}})",
       "\"pile_set_name\" is a list, expected a string"},
  };
  for (const Case& c : cases) {
    PileDocument document;
    const auto fault = read_pile_document(c.line, document);
    ASSERT_TRUE(fault) << c.line;
    EXPECT_TRUE(fault->starts_with(c.fault)) << c.line << "\n" << *fault << "\nexpected: " << c.fault;
  }
}

TEST(PileDocument, DeepNestingIsNoDanger) {
  const std::string deep(1000000, '[');
  PileDocument document;
  EXPECT_TRUE(read_pile_document("{\"x\": " + deep, document));
}

}  // namespace
}  // namespace nopos
