// Ctrl-C, SIGTERM and SIGHUP as stop_tokens: work stops at the next safe place, or ends what it has
// in hand; a second signal ends the program at once.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string_view>
#include <thread>

#include "cli/command.hpp"

namespace ringfeed::cli {

/// Made before any other thread, so that no other thread is interrupted. SIGHUP counts as SIGTERM,
/// unless it is ignored, as under nohup.
class Interrupt {
 public:
  /// What SIGTERM asks for: to stop as after Ctrl-C, or to finish what is in hand.
  enum class Sigterm : std::uint8_t { kStops, kFinishes };

  /// `is_rank`: of several, which are ended by whoever started them. A second signal is then no
  /// request to end at once, for signals are handed on beside those that reach all processes; and
  /// this rank may end because another one got the signal.
  explicit Interrupt(Sigterm sigterm = Sigterm::kStops, bool is_rank = false);
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  std::stop_token stop() const { return stop_.get_token(); }
  /// Asked to stop by SIGTERM alone, with Sigterm::kFinishes.
  std::stop_token finish() const { return finish_.get_token(); }
  /// Counts as if the signal had come: a rank that this process started got it.
  void take(int signal);
  /// Runs the work of a command, whose exit code it returns. When a signal cancelled it: one line
  /// `words` (empty: those of its error), and 130 after SIGINT, 143 after SIGTERM. Nothing, and
  /// 141, after a rank's SIGPIPE: who read the output has had enough.
  int run(const Output& output, std::string_view words, const std::function<int()>& work) const;

 private:
  void watch(const std::stop_token& end);
  void hear(int signal);
  /// That cancelled the work; 0: none did.
  int signal() const;

  const Sigterm sigterm_;
  const bool is_rank_;
  std::stop_source stop_;
  std::stop_source finish_;
  std::atomic<int> signal_ = 0;
  std::jthread watcher_;
};

}  // namespace ringfeed::cli
