#include "nopos/options.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <new>

#include "nopos/error.h"

namespace {

bool memory_is_full = false;

}  // namespace

// this program's: LibC's, unless a test says that there is no more
void* operator new(std::size_t size) {
  void* memory = memory_is_full ? nullptr : std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace nopos {
namespace {

bool throws_without_memory(const auto& body) {
  memory_is_full = true;
  bool thrown = false;
  try {
    body();
  } catch (const std::bad_alloc&) {
    thrown = true;
  }
  memory_is_full = false;
  return thrown;
}

TEST(Values, ACopyWithoutMemoryIsAnException) {
  const std::vector<Value> values{std::string(100, 'x'), std::vector<std::int64_t>(100),
                                  std::vector<double>(100)};
  for (const Value& value : values) {
    EXPECT_TRUE(throws_without_memory([&] { const Value copy(value); }));
    Value other;
    EXPECT_TRUE(throws_without_memory([&] { other = value; }));
    EXPECT_EQ(other, Value());
  }
}

struct Sample {
  std::vector<double> rates{0.25}, betas{0.9, 0.999}, none;
  std::vector<std::int64_t> sizes{1};
  std::optional<std::vector<double>> shares;
  std::int64_t seed = 1;
  double norm = 0, scale = 1;
  NOPOS_OPTIONS(o) {
    o.add("rates", &Sample::rates, "", AtLeast{0});
    o.add("betas", &Sample::betas, "", Range{0, 1});
    o.add("none", &Sample::none, "");
    o.add("sizes", &Sample::sizes, "", AtLeast{1});
    o.add("shares", &Sample::shares, "");
    o.add("seed", &Sample::seed, "");
    o.add("norm", &Sample::norm, "", AtLeast{0});
    o.add("scale", &Sample::scale, "", Above{0});
    o.ignored("workers", 4, "", "one thread does it", AtLeast{1});
    o.ignored("backend", "nccl", "", "one thread does it", OneOf{{"nccl", "gloo"}});
    o.refused("balance", not_given<std::string>, "", "it is not built");
  }
};

/// What `text` is refused with; empty: it is taken.
std::string refusal(const std::string& option, const std::string& text) {
  for (const OptionInfo& info : describe_options<Sample>()) {
    if (info.name != option) continue;
    try {
      parse_value(info, text, "group");
      return {};
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::configuration);
      return error.what();
    }
  }
  return "no such option";
}

struct Case {
  const char *option, *text, *refusal;
};

TEST(ListOptions, HaveSomethingInThemAndAsManyNumbersAsTheyMean) {
  const Case cases[] = {
      {"rates", "",
       "group: option 'rates' is an empty list, but must be a list of numbers, such as 0.9,0.98."},
      {"rates", "[]", "option 'rates' is an empty list"},
      {"rates", " ", "option 'rates' is an empty list"},
      {"rates", "0.1,,0.2", "option 'rates' is '0.1,,0.2', but must be a list of numbers"},
      {"sizes", "()", "group: option 'sizes' is an empty list, but must be a list of integers, such as 1,2."},
      {"sizes", "0", "option 'sizes' is 0, but must be at least 1"},
      {"shares", "", "option 'shares' is an empty list"},
      {"betas", "0.9", "option 'betas' is 0.9, but must be a list of 2 numbers, such as 0.9,0.999."},
      {"betas", "0,9,0,98", "but must be a list of 2 numbers"},
      {"betas", "", "option 'betas' is an empty list, but must be a list of 2 numbers"}};
  for (const Case& one : cases) {
    EXPECT_NE(refusal(one.option, one.text).find(one.refusal), std::string::npos)
        << one.option << " '" << one.text << "': " << refusal(one.option, one.text);
  }
  for (const auto& [option, text] : {std::pair("rates", "1"),
                                     {"rates", "(1, 2,)"},
                                     {"betas", "[0.9, 0.98]"},
                                     {"none", ""},
                                     {"shares", "None"},
                                     {"sizes", "1,2,3"}}) {
    EXPECT_EQ(refusal(option, text), "") << option;
  }
}

TEST(ListOptions, AreCheckedAlikeFromAFile) {
  const Settings empty[] = {{{"rates", std::vector<double>{}}},
                            {{"sizes", std::vector<std::int64_t>{}}},
                            {{"sizes", std::vector<double>{}}},
                            {{"betas", std::vector<double>{0.9, 0.98, 0.99}}}};
  for (const Settings& settings : empty) EXPECT_THROW(read_options<Sample>(settings, "group"), Error);
  EXPECT_EQ(read_options<Sample>({{"rates", std::int64_t{2}}}, "group").rates, std::vector<double>{2});
}

TEST(Options, SayWhereADecimalCommaIsMeant) {
  EXPECT_NE(
      refusal("rates", "0,001")
          .find("is '0,001', but must be a list of numbers, such as 0.9,0.98; use a decimal point: 0.001."),
      std::string::npos)
      << refusal("rates", "0,001");
  EXPECT_NE(refusal("norm", "0,5").find("use a decimal point: 0.5."), std::string::npos);
  EXPECT_EQ(refusal("norm", "much").find("point"), std::string::npos);
  EXPECT_EQ(refusal("sizes", "1,2"), "");
  EXPECT_NE(refusal("sizes", "1,02"), "");
}

TEST(Options, NumbersAreFiniteAndIntegersSmallEnoughToCountWith) {
  EXPECT_NE(refusal("norm", "inf").find("is inf, but must be a finite number"), std::string::npos);
  EXPECT_NE(refusal("norm", "1e400"), "");
  EXPECT_NE(refusal("rates", "0.1,-inf"), "");
  EXPECT_NE(refusal("sizes", "9223372036854775807").find("but must be between 1 and 9007199254740991"),
            std::string::npos);
  EXPECT_NE(refusal("seed", "-9223372036854775808").find("between -9007199254740991 and 9007199254740991"),
            std::string::npos);
  EXPECT_EQ(refusal("seed", "9007199254740991"), "");
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_THROW(read_options<Sample>({{"norm", infinity}}, "group"), Error);
}

TEST(Options, ABoundThatIsNotReachedIsRefused) {
  EXPECT_EQ(refusal("scale", "0"), "group: option 'scale' is 0.0, but must be above 0.0.");
  EXPECT_NE(refusal("scale", "-1"), "");
  EXPECT_EQ(refusal("scale", "1e-300"), "");
}

TEST(Options, ThoseWithoutAMemberAreDescribedAndChecked) {
  const auto described = describe_options<Sample>();
  const auto find = [&](const std::string& name) {
    return *std::find_if(described.begin(), described.end(),
                         [&](const auto& one) { return one.name == name; });
  };
  EXPECT_EQ(find("workers").type, OptionType::integer);
  EXPECT_EQ(find("workers").default_value, Value(std::int64_t{4}));
  EXPECT_EQ(find("workers").effect, Effect::no_effect);
  EXPECT_EQ(find("workers").effect_reason, "one thread does it");
  EXPECT_EQ(find("backend").default_value, Value(std::string("nccl")));
  EXPECT_TRUE(find("balance").optional);
  EXPECT_EQ(find("balance").type, OptionType::text);
  EXPECT_EQ(find("balance").effect, Effect::refused);
  EXPECT_NO_THROW(read_options<Sample>({{"workers", std::int64_t{9}}, {"balance", Value()}}, "group"));
  EXPECT_THROW(read_options<Sample>({{"workers", std::int64_t{0}}}, "group"), Error);
  EXPECT_THROW(read_options<Sample>({{"backend", std::string("mpi")}}, "group"), Error);
  EXPECT_THROW(read_options<Sample>({{"balance", std::string("1")}}, "group"), Error);
}

}  // namespace
}  // namespace nopos
