// Headers of safetensors as `convert` reads them.
#include "limited_run.h"
#include "toy_run.h"

namespace nopos::test {
namespace {

namespace fs = std::filesystem;

class HostileSafetensors : public testing::Test {
 protected:
  void write(const std::string& header, std::size_t bytes, const std::string& names) const {
    fs::remove(folder / "back.pt");
    const std::uint64_t size = header.size();
    write_file(folder / "model.safetensors", std::string(reinterpret_cast<const char*>(&size), sizeof size) +
                                                 header + std::string(bytes, '\0'));
    write_file(folder / "config.json",
               R"({"nopos_checkpoint": {"root": {"model": null}, "tensors": )" + names + "}}");
  }
  std::vector<std::string> convert() const {
    return {host, "convert", folder.path(), "--to", folder / "back.pt"};
  }
  TemporaryFolder folder;
};

TEST_F(HostileSafetensors, OffsetsThatAreNoWholeNumbersAreRefusedForNamesOfAnyLength) {
  for (const char* offset : {"-1", "1e3", "1.5", "\"x\"", "12345678901234567890123", "true", "null"}) {
    for (const std::size_t length : {1, 15, 16, 41, 100000}) {
      const std::string name(length, 'n');
      for (const bool first : {false, true}) {
        SCOPED_TRACE(std::string(offset) + (first ? " first, " : " last, ") + std::to_string(length));
        const std::string offsets = first ? std::string(offset) + ",4" : std::string("0,") + offset;
        write("{\"" + name + R"(":{"dtype":"F32","shape":[1],"data_offsets":[)" + offsets + "]}}", 4, "[]");
        expect_refusal(convert(), 8, {"model.safetensors", "an offset of 'n", "is not an integer"});
      }
    }
  }
}

TEST_F(HostileSafetensors, ManyTensorsAreReadInTimeThatGrowsWithThem) {
  std::string header = "{", names = "[";
  constexpr int count = 50000;
  for (int i = 0; i < count; ++i) {
    const std::string name = "\"tensor." + std::to_string(i) + ".weight\"", comma = i == 0 ? "" : ",";
    header += comma + name + R"(:{"dtype":"U8","shape":[1],"data_offsets":[)" + std::to_string(i) + "," +
              std::to_string(i + 1) + "]}";
    names += comma + name;
  }
  write(header + "}", count, names + "]");
  const CommandResult result = run_limited(convert());
  EXPECT_EQ(result.exit_code, 0) << result.err;
  // and as a checkpoint of 50,000 keys
  const CommandResult shown = run_limited({host, "inspect-checkpoint", folder / "back.pt", "--json"});
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_NE(shown.out.find("tensor.49999.weight"), std::string::npos);
  const CommandResult again = run_limited({host, "convert", folder / "back.pt", "--to", folder / "again"});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_GE(fs::file_size(folder / "again/model.safetensors"), fs::file_size(folder / "model.safetensors"));
}

TEST_F(HostileSafetensors, WhatStandsAroundTheHeaderIsRefused) {
  for (const std::string& header : {std::string(" {}"), std::string("\n{}"), std::string("\xef\xbb\xbf{}"),
                                    std::string("\0{}", 3), std::string("[]"), std::string()}) {
    write(header, 0, "[]");
    expect_refusal(convert(), 8, {"its header does not begin with '{'"});
  }
  write(std::string("{}\0", 3), 0, "[]");
  expect_refusal(convert(), 8, {"there is a NUL byte here"});
  write("{}   ", 0, "[]");  // filled up as the format has it
  EXPECT_EQ(run_limited(convert()).exit_code, 0);
  write("{\"a\":" + repeated(100000, "["), 0, "[]");
  expect_refusal(convert(), 8, {"nested more than 3 deep"});
}

}  // namespace
}  // namespace nopos::test
