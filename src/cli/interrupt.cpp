// A thread that waits for the signals, which are blocked everywhere else.
#include "cli/interrupt.hpp"

#include <unistd.h>

#include <csignal>

namespace ringfeed::cli {
namespace {

sigset_t watched() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  struct sigaction hangup = {};
  if (::sigaction(SIGHUP, nullptr, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
    sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

Interrupt::Interrupt(Sigterm sigterm, bool is_rank) : sigterm_(sigterm), is_rank_(is_rank) {
  const sigset_t set = watched();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  const timespec at_once = {};
  const int waiting = sigtimedwait(&set, nullptr, &at_once);  // it came before the program began
  if (waiting > 0) hear(waiting);
  watcher_ = std::jthread([this](std::stop_token end) { watch(end); });
}

Interrupt::~Interrupt() {
  watcher_.request_stop();
  pthread_kill(watcher_.native_handle(), SIGTERM);  // wakes it
  watcher_.join();
  const sigset_t set = watched();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void Interrupt::watch(const std::stop_token& end) {
  const sigset_t set = watched();
  while (true) {
    const int signal = sigwaitinfo(&set, nullptr);
    if (end.stop_requested()) return;
    if (signal > 0) hear(signal);
  }
}

void Interrupt::hear(int signal) {
  if (signal == SIGHUP) signal = SIGTERM;
  if (signal_.exchange(signal) != 0 && !is_rank_) _exit(128 + signal);
  auto& source = signal == SIGTERM && sigterm_ == Sigterm::kFinishes ? finish_ : stop_;
  source.request_stop();
}

void Interrupt::take(int signal) {
  int none = 0;
  signal_.compare_exchange_strong(none, signal);
}

int Interrupt::signal() const {
  const int signal = signal_.load();
  return signal == 0 && is_rank_ ? SIGTERM : signal;
}

int Interrupt::run(const Output& output, std::string_view words,
                   const std::function<int()>& work) const {
  const Error cancelled(ErrorCode::kCancelled, "");
  try {
    const int code = work();  // a rank has told its launcher of an error
    return code == cancelled.exit_code() && signal() != 0 ? 128 + signal() : code;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kCancelled || signal() == 0) throw;
    if (signal() != SIGPIPE) output.warn(words.empty() ? error.what() : words);
    return 128 + signal();
  }
}

}  // namespace ringfeed::cli
