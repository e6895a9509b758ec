// What a run records when its files cannot be written. What is in them is read back by their own
// readers in tests/program/test_record.py.
#include "report/run_record.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "process.hpp"
#include "temp_folder.hpp"

namespace ringfeed {
namespace {

using testing::run_forked;
using testing::TempFolder;

TEST(RunRecord, RanksHaveFilesOfTheirOwn) {
  EXPECT_EQ(path_of_rank("a.b/run.prom", 0), "a.b/run.prom");
  EXPECT_EQ(path_of_rank("a.b/run.prom", 12), "a.b/run.rank12.prom");
  EXPECT_EQ(path_of_rank("a.b/run", 1), "a.b/run.rank1");
}

TEST(RunRecord, OnlyRankZeroLogs) {
  const TempFolder temp;
  RunRecord record({.log = temp / "run.jsonl",
                    .tensorboard = temp / "events",
                    .metrics = {},
                    .page = {},
                    .warn = {}},
                   1);
  record.step({.steps = 1});
  EXPECT_TRUE(std::filesystem::is_empty(temp.path()));
}

TEST(RunRecord, AFullDiskEndsEachOfThemWithOneWarning) {
  const TempFolder temp;
  const auto end = run_forked([&] {
    std::vector<std::string> warnings;
    {
      RunRecord record({.log = temp / "run.jsonl",
                        .tensorboard = temp / "events",
                        .metrics = {},
                        .page = {},
                        .warn = [&](const std::string& line) { warnings.push_back(line); }},
                       0);
      const rlimit small{.rlim_cur = 8192, .rlim_max = 8192};
      ::setrlimit(RLIMIT_FSIZE, &small);
      std::signal(SIGXFSZ, SIG_IGN);
      for (std::uint64_t i = 1; i <= 5000; ++i) record.step({.steps = i, .samples = 1});
    }
    const bool right = warnings.size() == 2 &&
                       warnings[0].find("training goes on without it") != std::string::npos &&
                       warnings[0].find("run.jsonl") != std::string::npos &&
                       warnings[1].find("events") != std::string::npos;
    for (const auto& line : warnings) std::fprintf(stderr, "%s\n", line.c_str());
    return right ? 0 : 1;
  });
  EXPECT_EQ(end.exit_code, 0) << end.output;
}

}  // namespace
}  // namespace ringfeed
