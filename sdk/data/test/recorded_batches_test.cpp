// All cases of batch_by_size that were recorded from fairseq; data_test carries the first hundred.
#include <cstdlib>

#include "batch_cases.h"

namespace nopos {
namespace {

TEST(BatchBySize, EqualsAllRecordedCases) {
  const char* given = std::getenv("NOPOS_SHARED");
  const std::filesystem::path all =
      std::filesystem::path(given != nullptr ? given : NOPOS_SOURCE_DIR "/../shared") /
      "golden/toy/batch_by_size.jsonl";
  if (!std::filesystem::exists(all)) GTEST_SKIP() << "the folder of reference data is not there";
  EXPECT_EQ(test::check_batch_by_size(all), 1000);
}

}  // namespace
}  // namespace nopos
