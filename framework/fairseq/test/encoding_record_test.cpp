#include "encoding_record.h"

#include <gtest/gtest.h>

#include "checkpoint_keys.h"
#include "errors_and_logs.h"

namespace nopos {
namespace {

using Group = EncodingPlan::Group;

/// The entry `nopos` as far as encodings go, written and read again.
Pickle recorded(const std::vector<WrittenEncoding>& encodings, const EncodingPlan& plan) {
  Pickle pickle;
  std::vector<Pickle::Node> list;
  for (const auto& [label, name] : encodings) {
    Pickle::Pairs pairs{{"name", pickle.text(name)}};
    if (!label.empty()) pairs.emplace_back("label", pickle.text(label));
    list.push_back(pickle.dict(pairs));
  }
  Pickle::Pairs own{{"positional_encoding", pickle.list(std::move(list))}};
  if (!plan.groups.empty()) own.emplace_back(keys::encoding_layers, pickled_plan(pickle, plan));
  return read_pickle(write_pickle(*pickle.dict(own)), "test");
}

std::string text_of(const std::vector<WrittenEncoding>& encodings, const EncodingPlan& plan) {
  const Pickle pickle = recorded(encodings, plan);
  return of_entry::encoding_text(*pickle.root, "x.pt");
}

TEST(EncodingRecord, ComesBack) {
  EXPECT_EQ(text_of({{"", "alibi"}}, {}), "alibi");
  EXPECT_EQ(text_of({{"", "sinusoidal"}, {"", "alibi"}}, {}), "sinusoidal+alibi");
  EXPECT_EQ(text_of({{"slow", "alibi"}}, {}), "slow=alibi");
  EXPECT_EQ(text_of({{"local", "rope"}, {"", "fox"}}, {{Group{5, {"local", "fox"}, 1024}, Group{1, {}, 0}}}),
            "5xlocal=rope+fox@1024,none");
  const EncodingPlan plan{{Group{3, {"rope"}, 9}, Group{1, {}, 0}}};
  const Pickle pickle = recorded({{"", "rope"}}, plan);
  EXPECT_EQ(of_entry::plan(*pickle.root, "x.pt"), plan);
}

TEST(EncodingRecord, DamageIsNamed) {
  const auto error = [](const std::vector<WrittenEncoding>& encodings, const EncodingPlan& plan) {
    const std::string text = test::error_of([&] { text_of(encodings, plan); });
    EXPECT_EQ(text.find("8: x.pt: nopos.positional_encoding_layers: "), 0U) << text;
    return text.substr(0, text.find(": the file is damaged")).substr(text.find("layers: ") + 8);
  };
  EXPECT_EQ(error({{"", "rope"}}, {{Group{1, {"alibi"}, 0}}}), "no encoding is 'alibi'");
  EXPECT_EQ(error({{"", "rope"}}, {{Group{1, {}, 4}}}), "no layer has 'rope'");
  EXPECT_EQ(error({{"", "rope"}, {"", "rope"}}, {{Group{1, {"rope"}, 4}}}), "two encodings 'rope'");
  EXPECT_EQ(error({{"", "rope"}}, {{Group{1, {"rope", "rope"}, 0}}}), "an encoding twice in one group");
  EXPECT_EQ(error({{"", "rope"}}, {{Group{0, {"rope"}, 0}}}), "a group of 0 layers");
  EXPECT_EQ(error({{"", "rope"}}, {{Group{1, {"rope"}, -1}}}), "a window of -1");
  EXPECT_EQ(error({{"a b", "rope"}}, {}), "'a b' is no label");
  EXPECT_EQ(error({{"", "rope"}}, {std::vector<Group>(1001, {1, {"rope"}, 0})}), "1001 entries in one list");
}

}  // namespace
}  // namespace nopos
