// Ranks that end well, badly, on request, or with their launcher; none is ever left behind.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <ringfeed/error.hpp>
#include <thread>

#include "temp_folder.hpp"
#include "train/ranks.hpp"

namespace ringfeed {
namespace {

using testing::ranks_program;
using testing::ranks_that;
using testing::TempFolder;

/// The error that launching gives.
Error error_of(const LaunchOptions& options) {
  try {
    launch_ranks(options);
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorCode::kInternal, "no error at all");
}

constexpr int kPatienceMs = 60'000;

/// Where hanging ranks say that they run.
class Fifo {
 public:
  explicit Fifo(std::string path) : path_(std::move(path)) {
    if (::mkfifo(path_.c_str(), 0600) != 0) throw std::runtime_error("mkfifo");
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CLOEXEC);  // for writing too: it never ends
  }
  ~Fifo() { ::close(descriptor_); }
  const std::string& path() const { return path_; }
  std::vector<pid_t> pids(int count) {
    std::vector<pid_t> result(static_cast<std::size_t>(count));
    for (auto& pid : result) {
      pollfd wait = {descriptor_, POLLIN, 0};
      if (::poll(&wait, 1, kPatienceMs) != 1) throw std::runtime_error("no rank has said its pid");
      if (::read(descriptor_, &pid, sizeof(pid)) != sizeof(pid))
        throw std::runtime_error("read of a fifo");
    }
    return result;
  }

 private:
  std::string path_;
  int descriptor_;
};

void expect_gone(const std::vector<pid_t>& pids) {
  for (const pid_t pid : pids) {
    EXPECT_EQ(::kill(pid, 0), -1) << "process " << pid << " still runs";
    EXPECT_EQ(errno, ESRCH);
  }
}

TEST(Launcher, ReturnsWhenAllEndedWell) {
  EXPECT_NO_THROW(launch_ranks(ranks_that(3, {"finish"})));
}

TEST(Launcher, GivesRanksVariablesInPlaceOfItsOwn) {
  ::setenv("RINGFEED_TEST_VARIABLE", "mine", 1);
  LaunchOptions options = ranks_that(2, {"variable", "RINGFEED_TEST_VARIABLE", "a=b"});
  options.environment = {"RINGFEED_TEST_VARIABLE=a=b"};
  EXPECT_NO_THROW(launch_ranks(options));
  options.environment = {"RINGFEED_TEST_VARIABLE_2=a=b"};
  EXPECT_EQ(std::string(error_of(options).what()), "RINGFEED_TEST_VARIABLE is 'mine'");
  ::unsetenv("RINGFEED_TEST_VARIABLE");
}

TEST(Launcher, NamesARankKilledByASignal) {
  const Error error = error_of(ranks_that(3, {"die", "1", "signal"}));
  EXPECT_EQ(std::string(error.what()),
            "rank 1 was ended by signal 9 (Killed); did the host run out of memory?");
  EXPECT_EQ(error.exit_code(), 1);
}

TEST(Launcher, NamesARankThatExits) {
  const Error error = error_of(ranks_that(2, {"die", "0", "exit"}));
  EXPECT_EQ(std::string(error.what()), "rank 0 ended with exit code 3");
  EXPECT_EQ(error.exit_code(), 1);
}

TEST(Launcher, GivesTheErrorOfTheRankThatFailedNotOfThoseThatLostIt) {
  for (const char* rank : {"0", "1", "2"}) {
    const Error error = error_of(ranks_that(3, {"die", rank, "error"}));
    EXPECT_EQ(std::string(error.what()), "part-0.arrow: chunk 7 is damaged");
    EXPECT_EQ(error.code(), ErrorCode::kBadData);
  }
}

TEST(Launcher, GivesAForeignExceptionOfARank) {
  const Error error = error_of(ranks_that(2, {"die", "1", "bug"}));
  EXPECT_EQ(std::string(error.what()), "what must not be");
  EXPECT_EQ(error.code(), ErrorCode::kInternal);
}

TEST(Launcher, EndsRanksThatWaitForASilentOne) {
  const TempFolder folder;
  Fifo fifo(folder / "fifo");
  const Error error = error_of(ranks_that(2, {"silent", fifo.path()}));
  EXPECT_EQ(error.code(), ErrorCode::kTimeout) << error.what();
  EXPECT_TRUE(std::string(error.what()).starts_with("rank 0: a collective timed out"))
      << error.what();
  EXPECT_TRUE(std::string(error.what()).ends_with("; no word of rank 1")) << error.what();
  expect_gone(fifo.pids(1));
}

TEST(Launcher, EndsTheOthersWhenOneDies) {
  const TempFolder folder;
  Fifo fifo(folder / "fifo");
  std::optional<Error> error;
  std::jthread launching([&] { error = error_of(ranks_that(3, {"hang", fifo.path()})); });
  const auto pids = fifo.pids(3);
  ::kill(pids[1], SIGSEGV);
  launching.join();
  EXPECT_NE(std::string(error->what()).find("was ended by signal 11"), std::string::npos)
      << error->what();
  expect_gone(pids);
}

/// What launching two ranks ends with when `request` is made once they run. None of them is left.
Error error_after(std::stop_token LaunchOptions::* request, const char* what,
                  std::chrono::milliseconds grace = LaunchOptions().grace) {
  const TempFolder folder;
  Fifo fifo(folder / "fifo");
  std::stop_source source;
  LaunchOptions options = ranks_that(2, {what, fifo.path()});
  options.*request = source.get_token();
  options.grace = grace;
  std::optional<Error> error;
  std::jthread launching([&] { error = error_of(options); });
  const auto pids = fifo.pids(2);
  source.request_stop();
  launching.join();
  expect_gone(pids);
  return *error;
}

TEST(Launcher, StopsOnRequest) {
  for (const char* what : {"hang", "hang-on"}) {  // the second ignores signals
    const Error error = error_after(&LaunchOptions::stop, what, std::chrono::milliseconds(100));
    EXPECT_EQ(error.code(), ErrorCode::kCancelled) << error.what();
  }
}

TEST(Launcher, RanksThatCannotFinishYetEndAtOnce) {
  const Error error = error_after(&LaunchOptions::finish, "hang");
  EXPECT_EQ(error.code(), ErrorCode::kCancelled) << error.what();
}

TEST(Launcher, RanksThatFinishAreWaitedFor) {
  const Error error =
      error_after(&LaunchOptions::finish, "hang-until-told", std::chrono::milliseconds(0));
  EXPECT_EQ(error.code(), ErrorCode::kCancelled);
  EXPECT_EQ(std::string(error.what()), "the step is over");
}

TEST(Launcher, StopsOnARequestMadeBefore) {
  const TempFolder folder;
  Fifo fifo(folder / "fifo");
  std::stop_source source;
  source.request_stop();
  LaunchOptions options = ranks_that(2, {"hang", fifo.path()});
  options.stop = source.get_token();
  EXPECT_EQ(error_of(options).code(), ErrorCode::kCancelled);
}

/// A signal to the second of two ranks, and what becomes of it.
struct Told {
  Error error;
  std::vector<int> signals;
};

Told told_by(int signal, const char* what, std::stop_token finish = {}) {
  const TempFolder folder;
  Fifo fifo(folder / "fifo");
  Told told{Error(ErrorCode::kInternal, ""), {}};
  LaunchOptions options = ranks_that(2, {what, fifo.path()});
  options.finish = std::move(finish);
  options.told = [&](int number) { told.signals.push_back(number); };
  std::jthread launching([&] { told.error = error_of(options); });
  const auto pids = fifo.pids(2);
  ::kill(pids[1], signal);
  launching.join();
  expect_gone(pids);
  return told;
}

TEST(Launcher, ARankThatIsToldToEndCancelsTheRun) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) {
    const Told told = told_by(signal, "hang");
    EXPECT_EQ(told.error.code(), ErrorCode::kCancelled) << told.error.what();
    EXPECT_NE(std::string(told.error.what()).find("was told to end by signal"), std::string::npos)
        << told.error.what();
    EXPECT_EQ(told.signals, std::vector{signal == SIGHUP ? SIGTERM : signal});
  }
  const Told told = told_by(SIGTERM, "hang-until-told");
  EXPECT_TRUE(std::string(told.error.what())
                  .ends_with("was told to end by signal 15 (Terminated): the step is over"))
      << told.error.what();
  EXPECT_EQ(told.signals, std::vector{SIGTERM});
}

TEST(Launcher, WhereOneRankFinishesTheOthersMay) {
  std::stop_source finish;
  const Told told = told_by(SIGTERM, "hang-until-told", finish.get_token());
  EXPECT_EQ(told.error.code(), ErrorCode::kCancelled) << told.error.what();
  EXPECT_EQ(std::string(told.error.what()), "the step is over");
  EXPECT_EQ(told.signals, std::vector{SIGTERM});
}

TEST(Launcher, ARankThatIsKilledIsAFailure) {
  const Told told = told_by(SIGKILL, "hang");
  EXPECT_EQ(told.error.code(), ErrorCode::kInternal) << told.error.what();
  EXPECT_EQ(told.error.exit_code(), 1);
  EXPECT_TRUE(told.signals.empty());
}

TEST(Launcher, RanksDieWithAKilledLauncher) {
  const TempFolder folder;
  Fifo fifo(folder / "fifo");
  // Orphans become children of this process, so it can wait for their end.
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  const std::string program = ranks_program();
  const pid_t launcher = ::fork();
  ASSERT_GE(launcher, 0);
  if (launcher == 0) {
    ::execl(program.c_str(), program.c_str(), "launch", "3", "hang-on", fifo.path().c_str(),
            nullptr);
    ::_exit(98);
  }
  const auto pids = fifo.pids(3);
  ::kill(launcher, SIGKILL);
  int status = 0;
  ASSERT_EQ(::waitpid(launcher, &status, 0), launcher);
  for (const pid_t pid : pids) {
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
  }
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST(Launcher, RefusesWhatCannotBeStarted) {
  EXPECT_EQ(error_of({.ranks = 0}).code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(error_of({.ranks = 1025}).code(), ErrorCode::kInvalidArgument);
  const Error error = error_of({.ranks = 2, .program = "/no/such/program", .arguments = {"it"}});
  EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  EXPECT_EQ(std::string(error.what()), "cannot start '/no/such/program' as a rank");
}

TEST(RunRank, LetsErrorsThroughOutsideOfALaunch) {
  EXPECT_FALSE(is_launched_rank());
  EXPECT_EQ(run_rank([] {}), 0);
  EXPECT_THROW(run_rank([] { throw Error(ErrorCode::kBadData, "it"); }), Error);
}

}  // namespace
}  // namespace ringfeed
