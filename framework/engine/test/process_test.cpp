#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "process/process_memory.h"
#include "process/process_setup.h"

namespace nopos::engine {
namespace {

constexpr std::int64_t mib = 1 << 20;

at::Tensor bytes(std::int64_t size) { return at::empty({size}, at::kByte); }

class KeptMemory : public testing::Test {
 protected:
  static void SetUpTestSuite() { keep_memory(); }
};

TEST_F(KeptMemory, HandsAFreedBlockOutAgain) {
  void* const first = bytes(5 * mib).data_ptr();  // freed at once
  EXPECT_EQ(bytes(5 * mib - 1000).data_ptr(), first);
  const at::Tensor held = bytes(5 * mib);
  EXPECT_NE(bytes(5 * mib).data_ptr(), held.data_ptr());
}

TEST_F(KeptMemory, MakesOneBlockOfFreedNeighbours) {
  void* const whole = bytes(200 * mib).data_ptr();
  std::vector<at::Tensor> parts(4);
  for (at::Tensor& part : parts) part = bytes(50 * mib);
  for (const std::size_t i : {1, 3, 2, 0}) parts[i].reset();
  EXPECT_EQ(bytes(200 * mib).data_ptr(), whole);
}

TEST_F(KeptMemory, AlignsWhatItHandsOut) {
  for (const std::int64_t size : {1L, 100L, mib - 1, mib, mib + 1, 3 * mib, 20 * mib + 1}) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(bytes(size).data_ptr()) % 64, 0U) << size;
  }
  EXPECT_EQ(bytes(0).numel(), 0);
}

// Sizes that never come back would pile up if nothing were returned: 100 blocks, 1.6 GiB in all.
TEST_F(KeptMemory, BoundsWhatItKeeps) {
  const std::int64_t before = peak_memory();
  for (std::int64_t i = 1; i <= 100; ++i) bytes(i * i * mib / 225 + mib).fill_(1);
  EXPECT_LT(peak_memory() - before, 300 * mib);
}

TEST_F(KeptMemory, GivesEachThreadItsOwnBlocks) {
  const auto work = [](std::uint8_t mark) {
    for (int i = 0; i < 200; ++i) {
      const at::Tensor mine = bytes(mib + (i % 7) * 300000);
      auto* const data = mine.data_ptr<std::uint8_t>();
      std::memset(data, mark, static_cast<std::size_t>(mine.numel()));
      for (std::int64_t at = 0; at < mine.numel(); at += 4096) ASSERT_EQ(data[at], mark);
    }
  };
  std::vector<std::jthread> threads;
  for (std::uint8_t mark = 1; mark <= 4; ++mark) threads.emplace_back(work, mark);
}

TEST(Usage, SumsUpTokensSpeedAndMemory) {
  EXPECT_GT(peak_memory(), 10 * mib);
  const std::string text = usage_summary(1234567, 10.04);
  EXPECT_EQ(text.substr(0, text.find(", peak")), "1,234,567 tokens in 10.0 s, 122,964 tokens/s");
  EXPECT_NE(text.find(" GiB"), std::string::npos);
  EXPECT_EQ(usage_summary(999, 0).substr(0, 31), "999 tokens in 0.0 s, 0 tokens/s");
}

}  // namespace
}  // namespace nopos::engine
