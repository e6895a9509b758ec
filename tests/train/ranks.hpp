// Starts ranks of the test program train_ranks (ranks.cpp).
#pragma once

#include <filesystem>
#include <ringfeed/launch.hpp>
#include <string>
#include <vector>

namespace ringfeed::testing {

inline std::string ranks_program() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "train_ranks";
}

inline LaunchOptions ranks_that(int ranks, std::vector<std::string> what) {
  LaunchOptions options;
  options.ranks = ranks;
  options.program = ranks_program();
  options.arguments = std::move(what);
  options.arguments.insert(options.arguments.begin(), options.program);
  return options;
}

}  // namespace ringfeed::testing
