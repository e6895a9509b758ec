// Starts ranks as processes of this host and waits for them. No torch and no signal handling here:
// a pipe per rank tells both what went wrong in it and, by its end, that it is gone; a stop_token
// says when to end.
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <ringfeed/error.hpp>
#include <ringfeed/launch.hpp>
#include <utility>

#include "base/option.hpp"
#include "base/system_error.hpp"
#include "run/world.hpp"

extern char** environ;

namespace ringfeed {
namespace {

using Clock = std::chrono::steady_clock;

/// A report is written at once and must fit a pipe (POSIX guarantees 4,096 bytes).
constexpr std::size_t kReportBytesMax = 4096;
/// A rank that lost the others waits this long for the rank that can say why.
constexpr auto kExplanationWait = std::chrono::seconds(1);

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      reset();
      number_ = std::exchange(other.number_, -1);
    }
    return *this;
  }
  int number() const noexcept { return number_; }
  void reset() noexcept {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }

 private:
  int number_ = -1;
};

Descriptor checked(int number, std::string_view what) {
  if (number < 0) throw_system_error(errno, what);
  return Descriptor(number);
}

/// What a rank says of its failure: its code as a letter, then the message.
std::string encode_report(ErrorCode code, std::string_view message) {
  std::string report(1, static_cast<char>('a' + static_cast<int>(code)));
  report += message;
  report.resize(std::min(report.size(), kReportBytesMax));
  return report;
}

struct Rank {
  int rank = 0;
  pid_t pid = -1;
  Descriptor pipe;
  std::string report;
  int status = 0;

  bool alive() const noexcept { return pid > 0; }
  bool failed() const noexcept { return status != 0 || !report.empty(); }

  ErrorCode code() const noexcept {
    const int number = report.empty() ? -1 : report[0] - 'a';
    const bool known = number >= 0 && number <= static_cast<int>(ErrorCode::kInternal);
    return known ? static_cast<ErrorCode>(number) : ErrorCode::kInternal;
  }

  /// SIGINT or SIGTERM, by which it was told to end: it died of it, or was cancelled, and its exit
  /// code says by which. Or SIGPIPE: nobody reads what it prints. 0: none of them.
  int told() const noexcept {
    if (code() == ErrorCode::kCancelled)
      return WEXITSTATUS(status) == 128 + SIGINT ? SIGINT : SIGTERM;
    const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (signal == SIGHUP) return SIGTERM;
    return signal == SIGINT || signal == SIGTERM || signal == SIGPIPE ? signal : 0;
  }

  /// Whether the cause is likely to be another rank.
  bool lost_the_others() const noexcept {
    return code() == ErrorCode::kUnavailable || code() == ErrorCode::kTimeout;
  }

  /// How it was cancelled, in words.
  std::string told_words() const {
    const int signal = told();
    return fmt::format("rank {} was told to end by signal {} ({}){}", rank, signal,
                       strsignal(signal), report.size() > 1 ? ": " + report.substr(1) : "");
  }

  Error error() const {
    if (report.size() > 1) return Error(code(), report.substr(1));
    if (WIFSIGNALED(status)) {
      const int signal = WTERMSIG(status);
      return Error(
          ErrorCode::kInternal,
          fmt::format("rank {} was ended by signal {} ({}){}", rank, signal, strsignal(signal),
                      signal == SIGKILL ? "; did the host run out of memory?" : ""));
    }
    return Error(ErrorCode::kInternal,
                 fmt::format("rank {} ended with exit code {}", rank, WEXITSTATUS(status)));
  }
};

/// A listening socket on a free port of the loopback interface. Rank 0 inherits it, so no other
/// program can take the port in between, and ranks that connect before it is ready wait in its
/// queue.
Descriptor listen_on_loopback(std::uint16_t& port) {
  Descriptor socket =
      checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "opening a socket for the ranks");
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(socket.number(), generic, size) != 0 || ::listen(socket.number(), kRanksMax) != 0 ||
      ::getsockname(socket.number(), generic, &size) != 0) {
    throw_system_error(errno, "listening on 127.0.0.1 for the ranks");
  }
  port = ntohs(address.sin_port);
  return socket;
}

/// The environment of a rank: this process's, with torchrun's variables and the caller's in place
/// of any there were.
std::vector<std::string> environment_of(int rank, const LaunchOptions& options, std::uint16_t port,
                                        int report, int store) {
  std::vector<std::string> variables = options.environment;
  const auto is_given = [&options](std::string_view name) {
    return std::any_of(
        options.environment.begin(), options.environment.end(),
        [name](std::string_view given) { return given.substr(0, given.find('=')) == name; });
  };
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string_view text = *each;
    const std::string_view name = text.substr(0, text.find('='));
    const bool ours = name == "RANK" || name == "WORLD_SIZE" || name == "LOCAL_RANK" ||
                      name == "LOCAL_WORLD_SIZE" || name == "MASTER_ADDR" ||
                      name == "MASTER_PORT" || name.starts_with("TORCHELASTIC_") ||
                      name == kReportVariable || name == kStoreVariable || is_given(name);
    if (!ours) variables.emplace_back(text);
  }
  for (const char* name : {"RANK", "LOCAL_RANK"})
    variables.push_back(fmt::format("{}={}", name, rank));
  for (const char* name : {"WORLD_SIZE", "LOCAL_WORLD_SIZE"})
    variables.push_back(fmt::format("{}={}", name, options.ranks));
  variables.emplace_back("MASTER_ADDR=127.0.0.1");
  variables.push_back(fmt::format("MASTER_PORT={}", port));
  variables.push_back(fmt::format("{}={}", kReportVariable, report));
  if (rank == 0) variables.push_back(fmt::format("{}={}", kStoreVariable, store));
  return variables;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (auto& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

/// In the child, between fork and exec: only calls that are safe there.
[[noreturn]] void become_rank(const char* program, char* const* arguments, char* const* environment,
                              int report, int store, pid_t parent, std::string_view cannot_start) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  ::setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGINT, SIG_DFL);  // a shell's background jobs ignore it
  ::fcntl(report, F_SETFD, 0);
  if (store >= 0) ::fcntl(store, F_SETFD, 0);
  ::execve(program, arguments, environment);
  if (::write(report, cannot_start.data(), cannot_start.size()) < 0) ::_exit(126);
  ::_exit(127);
}

class Launcher {
 public:
  explicit Launcher(const LaunchOptions& options)
      : options_(options), wake_(checked(::eventfd(0, EFD_CLOEXEC), "making an eventfd")) {}

  ~Launcher() {
    for (auto& rank : ranks_) {
      if (!rank.alive()) continue;
      ::kill(rank.pid, SIGKILL);
      reap(rank);
    }
  }

  void start() {
    std::uint16_t port = 0;
    const Descriptor store = listen_on_loopback(port);
    const std::string program = options_.program.empty() ? "/proc/self/exe" : options_.program;
    const std::string cannot_start =
        encode_report(ErrorCode::kNotFound, fmt::format("cannot start '{}' as a rank", program));
    std::vector<std::string> arguments = options_.arguments;
    const auto argument_pointers = pointers(arguments);
    const pid_t parent = ::getpid();
    for (int number = 0; number < options_.ranks; ++number) {
      int ends[2];
      if (::pipe2(ends, O_CLOEXEC) != 0) throw_system_error(errno, "making a pipe for a rank");
      Descriptor reading(ends[0]);
      const Descriptor writing(ends[1]);
      auto environment = environment_of(number, options_, port, writing.number(), store.number());
      const auto environment_pointers = pointers(environment);
      const pid_t pid = ::fork();
      if (pid < 0) throw_system_error(errno, fmt::format("starting rank {}", number));
      if (pid == 0) {
        become_rank(program.c_str(), argument_pointers.data(), environment_pointers.data(),
                    writing.number(), number == 0 ? store.number() : -1, parent, cannot_start);
      }
      Rank& rank = ranks_.emplace_back();
      rank.rank = number;
      rank.pid = pid;
      rank.pipe = std::move(reading);
    }
  }

  void wait() {
    const auto wake = [this] {
      const std::uint64_t one = 1;
      // Cannot fail: the counter is far from full.
      [[maybe_unused]] const auto written = ::write(wake_.number(), &one, sizeof(one));
    };
    const std::stop_callback on_stop(options_.stop, wake);
    const std::stop_callback on_finish(options_.finish, wake);
    while (
        std::any_of(ranks_.begin(), ranks_.end(), [](const Rank& rank) { return rank.alive(); })) {
      wait_for_event();
      decide();
    }
    if (options_.stop.stop_requested()) throw Error(ErrorCode::kCancelled, "interrupted");
    if (told_ != nullptr && options_.told) options_.told(told_->told());
    if (told_ != nullptr && finished_ == nullptr)
      throw Error(ErrorCode::kCancelled, told_->told_words());
    if (!failures_.empty()) {
      if (finishing_ && explanation()->told() == SIGTERM)  // before it could listen to it
        throw Error(ErrorCode::kCancelled, "interrupted before the ranks had begun");
      throw explanation()->error();
    }
    if (finished_ != nullptr) throw Error(ErrorCode::kCancelled, finished_->report.substr(1));
  }

 private:
  enum class Stage { kRunning, kExplaining, kEnding, kKilled };

  void wait_for_event() {
    std::vector<pollfd> waits;
    for (const auto& rank : ranks_)
      waits.push_back({rank.pipe.number(), POLLIN, 0});  // below 0: not looked at
    waits.push_back({wake_.number(), POLLIN, 0});
    int timeout_ms = -1;
    if (deadline_) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline_ - Clock::now());
      timeout_ms = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
    }
    if (::poll(waits.data(), waits.size(), timeout_ms) < 0) {
      if (errno == EINTR) return;
      throw_system_error(errno, "waiting for the ranks");
    }
    for (std::size_t i = 0; i < ranks_.size(); ++i) {
      if (waits[i].revents != 0) hear(ranks_[i]);
    }
    if (waits.back().revents != 0) {
      std::uint64_t count = 0;
      [[maybe_unused]] const auto size = ::read(wake_.number(), &count, sizeof(count));
    }
  }

  void hear(Rank& rank) {
    char bytes[kReportBytesMax];
    const auto count = ::read(rank.pipe.number(), bytes, sizeof(bytes));
    if (count > 0) {
      if (rank.report.size() < kReportBytesMax)
        rank.report.append(bytes, static_cast<std::size_t>(count));
      return;
    }
    if (count < 0 && errno == EINTR) return;
    reap(rank);
    if (finishing_ && rank.code() == ErrorCode::kCancelled) {
      if (finished_ == nullptr) finished_ = &rank;
    } else if (stage_ >= Stage::kEnding || !rank.failed()) {
      return;  // later ones fail because they are ended
    } else if (rank.told() != 0 && !finishing_) {
      if (told_ == nullptr) told_ = &rank;
    } else {
      failures_.push_back(&rank);
    }
  }

  static void reap(Rank& rank) {
    while (::waitpid(rank.pid, &rank.status, 0) < 0 && errno == EINTR) {
    }
    rank.pid = -1;
    rank.pipe.reset();
  }

  /// The first failure that another rank did not cause; without one, the first.
  const Rank* explanation() const {
    for (const Rank* rank : failures_) {
      if (!rank->lost_the_others()) return rank;
    }
    return failures_.front();
  }

  void decide() {
    const auto now = Clock::now();
    const bool overdue = deadline_ && now >= *deadline_;
    const bool is_told = told_ != nullptr && !finishing_;
    // It finished what it had in hand, and the others do, too.
    const bool has_finished = is_told && told_->told() == SIGTERM &&
                              told_->code() == ErrorCode::kCancelled &&
                              options_.finish.stop_possible();
    if (!finishing_ && stage_ < Stage::kEnding &&
        (has_finished || options_.finish.stop_requested())) {
      finishing_ = true;
      if (has_finished) finished_ = told_;
      signal_all(SIGTERM);
    }
    if (stage_ == Stage::kRunning && !failures_.empty()) {
      stage_ = Stage::kExplaining;
      deadline_ = now + kExplanationWait;
    }
    const bool explained = !failures_.empty() && !explanation()->lost_the_others();
    if (stage_ < Stage::kEnding &&
        (options_.stop.stop_requested() || explained || (is_told && !has_finished) ||
         (stage_ == Stage::kExplaining && overdue))) {
      stage_ = Stage::kEnding;
      deadline_ = now + options_.grace;
      signal_all(SIGINT);
    } else if (stage_ == Stage::kEnding && overdue) {
      stage_ = Stage::kKilled;
      deadline_.reset();
      signal_all(SIGKILL);
    }
  }

  void signal_all(int signal) const {
    for (const auto& rank : ranks_) {
      if (rank.alive()) ::kill(rank.pid, signal);
    }
  }

  const LaunchOptions& options_;
  Descriptor wake_;
  std::vector<Rank> ranks_;
  std::vector<const Rank*> failures_;  ///< in the order they came
  const Rank* told_ = nullptr;         ///< the first that was told to end from outside
  bool finishing_ = false;             ///< SIGTERM was sent
  const Rank* finished_ = nullptr;     ///< the first that ended early for it
  Stage stage_ = Stage::kRunning;
  std::optional<Clock::time_point> deadline_;
};

int report_descriptor() noexcept {
  const char* text = std::getenv(kReportVariable);
  return text == nullptr ? -1 : std::atoi(text);
}

}  // namespace

void launch_ranks(const LaunchOptions& options) {
  check_bounds("nproc", options.ranks);
  if (options.grace < std::chrono::seconds(0) || options.grace > std::chrono::seconds(60)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("the grace of ranks that are ended is 0 to 60 s, not {} ms",
                            options.grace.count()));
  }
  Launcher launcher(options);
  launcher.start();
  launcher.wait();
}

bool is_launched_rank() noexcept { return report_descriptor() >= 0; }

int run_rank(const std::function<void()>& work) {
  const int report = report_descriptor();
  if (report < 0) {
    work();
    return 0;
  }
  const auto tell = [report](const Error& error) {
    const std::string text = encode_report(error.code(), error.what());
    // When the launcher is gone this process is about to be killed: nobody is left to tell.
    [[maybe_unused]] const auto written = ::write(report, text.data(), text.size());
    return error.exit_code();
  };
  try {
    work();
    return 0;
  } catch (const Error& error) {
    return tell(error);
  } catch (const std::exception& error) {
    const std::string_view text = error.what();  // torch adds its stack from the second line on
    return tell(Error(ErrorCode::kInternal, std::string(text.substr(0, text.find('\n')))));
  }
}

}  // namespace ringfeed
