#include "nopos/levers.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "nopos/error.h"

namespace nopos {
namespace {

class Levers : public testing::Test {
 protected:
  ~Levers() override { unsetenv("NOPOS_LEVERS_OFF"); }
  static void off(const char* names) { setenv("NOPOS_LEVERS_OFF", names, 1); }
};

TEST_F(Levers, AreInUseUnlessNamed) {
  EXPECT_TRUE(enabled(Lever::kept_memory));
  off("prefetch,mkl_fast_path");
  EXPECT_TRUE(enabled(Lever::kept_memory));
  EXPECT_TRUE(enabled(Lever::deferred_sums));
  EXPECT_FALSE(enabled(Lever::prefetch));
  EXPECT_FALSE(enabled(Lever::mkl_fast_path));
  off("all");
  EXPECT_FALSE(enabled(Lever::deferred_sums));
  off("");
  EXPECT_TRUE(enabled(Lever::prefetch));
}

TEST_F(Levers, RefuseAnUnknownName) {
  off("prefetch,kept_memroy");
  try {
    enabled(Lever::prefetch);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::configuration);
    EXPECT_NE(std::string(error.what()).find("'kept_memroy'"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("did you mean 'kept_memory'?"), std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace nopos
