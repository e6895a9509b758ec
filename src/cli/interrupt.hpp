// Ctrl-C and SIGTERM as a stop_token: work stops at the next safe place; a second signal ends the
// program at once.
#pragma once

#include <atomic>
#include <functional>
#include <stop_token>
#include <string_view>
#include <thread>

#include "cli/command.hpp"

namespace ringfeed::cli {

/// Made before any other thread, so that no other thread is interrupted.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  std::stop_token token() const { return source_.get_token(); }
  /// Runs the work of a command, whose exit code it returns. When a signal cancelled it: one line
  /// `words`, and 130 after SIGINT, 143 after SIGTERM.
  int run(const Output& output, std::string_view words, const std::function<int()>& work) const;

 private:
  void watch(const std::stop_token& end);

  std::stop_source source_;
  std::atomic<int> signal_ = 0;
  std::jthread watcher_;
};

}  // namespace ringfeed::cli
