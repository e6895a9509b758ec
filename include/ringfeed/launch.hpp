// Launch: starts the ranks of a run as processes of this host, and says what a rank does with its
// errors. Works without torch.
//
// A command with --nproc N uses it like this (each rank runs the same command line again):
//
//   if (nproc > 1 && !ringfeed::is_launched_rank()) {
//     ringfeed::launch_ranks({.ranks = nproc, .arguments = {argv, argv + argc}, .stop = token});
//     return 0;  // else: an Error that names the rank, to be printed here
//   }
//   return ringfeed::run_rank([&] {  // errors of a launched rank go to the launcher
//     const auto summary = ringfeed::train(options);
//     if (summary.rank == 0) print(summary);
//   });
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

namespace ringfeed {

/// Options of launch_ranks().
struct LaunchOptions {
  int ranks = 1;                            ///< processes, 1 to 1,024
  std::string program = {};                 ///< path; empty: this very program
  std::vector<std::string> arguments = {};  ///< arguments of each rank, the program's name first
  /// Variables, "NAME=VALUE" each, in place of this process's variables of the same names.
  std::vector<std::string> environment = {};
  /// Request to stop: the ranks get SIGINT and the launch ends with Error{kCancelled}.
  std::stop_token stop = {};
  /// Request to finish: the ranks get SIGTERM, and end when they are ready to. The launch ends with
  /// Error{kCancelled} where a rank said by that error that it had not come to its end.
  std::stop_token finish = {};
  /// Called when a rank was told to end by this signal from outside, SIGINT or SIGTERM (a hangup
  /// counts as SIGTERM): it died of it, or was cancelled and ended with exit code 130 or 143; or by
  /// SIGPIPE, as nobody reads what it prints. The others are ended then as by `stop`; where `finish`
  /// is given and the rank has finished (143), they finish as by that.
  std::function<void(int signal)> told = {};
  /// Time between SIGINT and SIGKILL when ranks are to end, 0 to 60 s.
  std::chrono::milliseconds grace = std::chrono::milliseconds(1500);
};

/// Starts the ranks on this host, with torchrun's variables set, and waits until all have ended
/// well. When one fails the others are ended. The ranks never outlive this process. Each is in a
/// process group of its own: Ctrl-C reaches only this process, and they stop by `stop`. Errors:
/// what a rank reported through run_rank(), else kInternal that names the rank and its signal or
/// exit code; kCancelled, also where a rank was told to end; kInvalidArgument.
void launch_ranks(const LaunchOptions& options);

/// Returns whether launch_ranks() started this process.
bool is_launched_rank() noexcept;

/// Runs `work`. In a launched rank an exception is handed to the launcher, and the exit code is
/// returned; anywhere else exceptions pass through. Returns 0 when there was none.
int run_rank(const std::function<void()>& work);

}  // namespace ringfeed
