// The prompt: echo off, one line, echo as it was, whatever happens.
#include "cli/password_prompt.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>

#include "base/printable.hpp"
#include "base/system_error.hpp"

namespace ringfeed::cli {
namespace {

/// Longer than a line of the terminal can be (4,096 bytes with its end).
constexpr std::size_t kLineBytesMax = 4096;
constexpr std::array<int, 4> kEndings = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

volatile std::sig_atomic_t caught_signal = 0;

/// While it lives, signals that end the program are noted instead, and only arrive in ppoll() with
/// unblocked(). Suspending is off: it would leave the terminal to others without echo.
class SignalsHeld {
 public:
  SignalsHeld() {
    caught_signal = 0;
    sigset_t held;
    sigemptyset(&held);
    for (const int signal : kEndings) sigaddset(&held, signal);
    pthread_sigmask(SIG_BLOCK, &held, &unblocked_);
    struct sigaction note = {};
    note.sa_handler = [](int signal) { caught_signal = signal; };
    for (std::size_t i = 0; i < kEndings.size(); ++i) {
      sigaction(kEndings[i], nullptr, &before_[i]);
      if (before_[i].sa_handler != SIG_IGN) sigaction(kEndings[i], &note, nullptr);
    }
    struct sigaction ignore = {};
    ignore.sa_handler = SIG_IGN;
    sigaction(SIGTSTP, &ignore, &suspend_before_);
  }
  /// A signal that was caught now does what it does.
  ~SignalsHeld() {
    for (std::size_t i = 0; i < kEndings.size(); ++i) sigaction(kEndings[i], &before_[i], nullptr);
    sigaction(SIGTSTP, &suspend_before_, nullptr);
    if (caught_signal != 0) std::raise(caught_signal);
    pthread_sigmask(SIG_SETMASK, &unblocked_, nullptr);
  }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;

  const sigset_t& unblocked() const noexcept { return unblocked_; }

 private:
  sigset_t unblocked_;
  std::array<struct sigaction, kEndings.size()> before_{};
  struct sigaction suspend_before_ = {};
};

class Terminal {
 public:
  Terminal() : descriptor_(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)) {}
  ~Terminal() {
    if (silent_) ::tcsetattr(descriptor_, TCSAFLUSH, &before_);
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  int descriptor() const noexcept { return descriptor_; }
  /// False when it is no terminal after all.
  bool silence() {
    if (descriptor_ < 0 || ::tcgetattr(descriptor_, &before_) != 0) return false;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHOE | ECHOK | ECHONL);
    silent.c_lflag |= ICANON | ISIG;
    silent_ = ::tcsetattr(descriptor_, TCSAFLUSH, &silent) == 0;
    return silent_;
  }
  void show(std::string_view text) const {
    // A terminal that went away is noticed by the reading.
    [[maybe_unused]] const auto written = ::write(descriptor_, text.data(), text.size());
  }

 private:
  int descriptor_;
  termios before_ = {};
  bool silent_ = false;
};

}  // namespace

std::optional<Secret> ask_password(const std::string& user) {
  const SignalsHeld signals;
  Terminal terminal;
  if (!terminal.silence()) return std::nullopt;
  terminal.show(user.empty() ? "Password: " : fmt::format("Password of {}: ", printable(user)));
  pollfd wait = {terminal.descriptor(), POLLIN, 0};
  while (::ppoll(&wait, 1, nullptr, &signals.unblocked()) < 0) {
    if (errno != EINTR) throw_system_error(errno, "waiting for the password");
    if (caught_signal != 0) {
      terminal.show("\n");
      return std::nullopt;  // not reached by the caller: the signal ends the program on the way
    }
  }
  char line[kLineBytesMax];
  const auto count = ::read(terminal.descriptor(), line, sizeof(line));
  terminal.show("\n");
  std::string_view text(line, count > 0 ? static_cast<std::size_t>(count) : 0);
  if (text.ends_with('\n')) text.remove_suffix(1);
  std::optional<Secret> password;
  if (!text.empty()) password = Secret(text);
  ::explicit_bzero(line, sizeof(line));
  return password;
}

}  // namespace ringfeed::cli
