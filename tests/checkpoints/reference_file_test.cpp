/// The reader on fairseq's own files, against what PyTorch read from them.

#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>

#include "command.h"
#include "description.h"

namespace nopos::engine {
namespace {

TEST(ReferenceFile, TheReaderSeesWhatPyTorchSees) {
  const char* place = std::getenv("NOPOS_SHARED");
  const std::filesystem::path shared = place != nullptr ? place : NOPOS_SOURCE_DIR "/../shared";
  const std::filesystem::path folder = shared / "golden" / "toy" / "checkpoints";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no reference checkpoints in " << folder;
  for (const auto& [file, recorded] :
       {std::pair{"nopos.pt", "reference_full_head.txt"}, {"ada.pt", "reference_adaptive.txt"}}) {
    std::istringstream read(test::describe(folder / file));
    std::istringstream expected(
        nopos::test::read_file(std::string(NOPOS_SOURCE_DIR "/tests/checkpoints/") + recorded));
    int lines = 0;
    for (std::string ours, theirs; std::getline(expected, theirs); ++lines) {
      ASSERT_TRUE(std::getline(read, ours)) << theirs;
      // tensors are recorded without their checksum
      EXPECT_EQ(theirs.find("\ttensor\t") == std::string::npos ? ours : ours.substr(0, theirs.size()),
                theirs);
    }
    EXPECT_GT(lines, 800);
    EXPECT_TRUE(read.peek() == EOF);
  }
}

}  // namespace
}  // namespace nopos::engine
