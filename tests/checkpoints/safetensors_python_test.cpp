/// Hugging Face's own reader and writer of safetensors against ours.

#include <gtest/gtest.h>

#include <sstream>

#include "command.h"
#include "python_environment.h"
#include "safetensors.h"

namespace nopos {
namespace {

const std::vector<SafeTensor> tensors = {{"bytes", "U8", {3}, std::string_view("abc")},
                                         {"half", "BF16", {1, 2}, std::string_view("\x80\x3f\0\x40", 4)},
                                         {"none", "F32", {0, 4}, {}},
                                         {"long", "I64", {}, std::string_view("12345678")},
                                         {"flags", "BOOL", {2}, std::string_view("\1\0", 2)}};

std::string described(const std::vector<SafeTensor>& list) {
  std::map<std::string, std::string> lines;
  for (const SafeTensor& tensor : list) {
    std::ostringstream line;
    line << tensor.name << ' ' << tensor.dtype;
    for (const std::int64_t size : tensor.shape) line << ' ' << size;
    line << " :";
    for (const unsigned char byte : tensor.bytes) line << ' ' << static_cast<int>(byte);
    lines[tensor.name] = line.str();
  }
  std::string text;
  for (const auto& [name, line] : lines) text += line + '\n';
  return text;
}

TEST(SafetensorsPython, ReadsOursAndWritesForUs) {
  const std::string python = test::python_with("python-safetensors", {"safetensors==0.6.2"});
  const test::TemporaryFolder folder;
  std::string file;
  write_safetensors(tensors, {{"format", "pt"}}, [&](std::string_view bytes) { file += bytes; });
  test::write_file(folder / "ours", file);
  const auto result = test::run({python, "-c", R"(
import sys
from safetensors import deserialize, serialize_file
read = deserialize(open(sys.argv[1], 'rb').read())
for name, tensor in sorted(read):
    print(name, tensor['dtype'], *tensor['shape'], ':', *tensor['data'])
names = {'U8': 'uint8', 'BF16': 'bfloat16', 'F32': 'float32', 'I64': 'int64', 'BOOL': 'bool'}
serialize_file({n: {**t, 'dtype': names[t['dtype']], 'data': bytes(t['data'])} for n, t in read}, sys.argv[2], {'format': 'np'})
)",
                                 folder / "ours", folder / "theirs"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, described(tensors));
  const SafetensorsReader theirs(folder / "theirs");
  EXPECT_EQ(described(theirs.tensors()), described(tensors));
  EXPECT_EQ(theirs.metadata(), (std::map<std::string, std::string>{{"format", "np"}}));
}

}  // namespace
}  // namespace nopos
