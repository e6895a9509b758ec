// Data parallelism over real processes: the gradients are those of one process with the whole
// batch.
#include <gtest/gtest.h>

#include <cstdio>
#include <ringfeed/error.hpp>

#include "temp_folder.hpp"
#include "train/ranks.hpp"

namespace ringfeed {
namespace {

using testing::ranks_that;
using testing::TempFolder;

struct Case {
  int ranks;
  const char* loss;
  const char* dtype;
};

class Gradients : public ::testing::TestWithParam<Case> {};

TEST_P(Gradients, AreThoseOfTheWholeBatch) {
  const TempFolder folder;
  const Case& test = GetParam();
  ASSERT_NO_THROW(
      launch_ranks(ranks_that(test.ranks, {"gradients", test.loss, test.dtype, folder / "worst"})));
  std::printf(
      "note: gradients of %d ranks, %s, %s: at most %s of the largest away from one rank's\n",
      test.ranks, test.loss, test.dtype, testing::read_all(folder / "worst").c_str());
}

INSTANTIATE_TEST_SUITE_P(Ranks, Gradients,
                         ::testing::Values(Case{2, "ce", "float64"}, Case{3, "ce", "float64"},
                                           Case{5, "ce", "float64"}, Case{2, "wce", "float64"},
                                           Case{3, "wce", "float64"}, Case{5, "wce", "float64"},
                                           Case{3, "mse", "float64"}, Case{3, "bce", "float64"},
                                           Case{2, "mse", "float32"}, Case{3, "bce", "float32"},
                                           Case{5, "wce", "float32"}),
                         [](const auto& test) {
                           return std::to_string(test.param.ranks) + test.param.loss +
                                  test.param.dtype;
                         });

TEST(DistributedDataParallel, GivesBuffersOfRank0ToAll) {
  EXPECT_NO_THROW(launch_ranks(ranks_that(3, {"buffers"})));
}

TEST(DistributedDataParallel, BuffersStayWithTheirRanksWhenAsked) {
  EXPECT_NO_THROW(launch_ranks(ranks_that(2, {"own-buffers"})));
}

class Options : public ::testing::TestWithParam<const char*> {};

TEST_P(Options, GiveTheMeanOverTheRanks) {
  EXPECT_NO_THROW(launch_ranks(ranks_that(3, {"parallel-options", GetParam()})));
}

INSTANTIATE_TEST_SUITE_P(DistributedDataParallel, Options,
                         ::testing::Values("unused", "static", "copied", "float16", "bfloat16",
                                           "no-sync"));

TEST(SyncBatchNorm, IsThatOfTheWholeBatch) {
  for (const char* dtype : {"float64", "float32"}) {
    EXPECT_NO_THROW(launch_ranks(ranks_that(3, {"sync-batch-norm", dtype})));
    EXPECT_NO_THROW(launch_ranks(ranks_that(1, {"sync-batch-norm", dtype})));
  }
}

TEST(DistributedDataParallel, RefusesModelsThatDiffer) {
  try {
    launch_ranks(ranks_that(2, {"different-models"}));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument) << error.what();
    EXPECT_NE(std::string(error.what()).find("the model differs between the ranks"),
              std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace ringfeed
