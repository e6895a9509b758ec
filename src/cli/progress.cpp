// The bar: "writing:  43%|####      | 780/1.80k samples [00:01<00:02, 612/s]".
#include "cli/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/byte_size.hpp"

namespace ringfeed::cli {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(100);
constexpr auto kPlainLine = std::chrono::seconds(10);
constexpr int kBarWidth = 20;

std::string amount(double value, Unit unit) {
  if (unit == Unit::kBytes) return format_bytes(static_cast<std::uint64_t>(value));
  constexpr std::string_view kSteps[] = {"", "k", "M", "G", "T"};
  std::size_t step = 0;
  while (value >= 1000.0 && step + 1 < std::size(kSteps)) {
    value /= 1000.0;
    ++step;
  }
  return step == 0 ? fmt::format("{:.0f}", value) : fmt::format("{:.2f}{}", value, kSteps[step]);
}

std::string clock_of(double seconds) {
  const auto whole = static_cast<std::int64_t>(seconds);
  if (whole >= 3600)
    return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{:02}:{:02}", whole / 60, whole % 60);
}

}  // namespace

Progress::Progress(bool quiet) : quiet_(quiet), terminal_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() { finish(); }

void Progress::update(std::string_view stage, std::uint64_t done, std::uint64_t total, Unit unit) {
  if (quiet_) return;
  const auto now = Clock::now();
  if (stage != stage_) {
    finish();
    stage_ = stage;
    started_ = now;
    last_ = now;
  }
  done_ = done;
  total_ = total;
  unit_ = unit;
  const auto pause = terminal_ ? Clock::duration(kRedraw) : Clock::duration(kPlainLine);
  if (now - last_ < pause) return;
  last_ = now;
  draw(now);
}

void Progress::draw(Clock::time_point now) {
  const double seconds = std::chrono::duration<double>(now - started_).count();
  const double rate = seconds > 0 ? static_cast<double>(done_) / seconds : 0;
  const std::string_view counted = unit_ == Unit::kSamples ? " samples" : "";
  std::string line = fmt::format("{}: ", stage_);
  if (total_ > 0) {
    const double share = std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
    const int filled = static_cast<int>(share * kBarWidth);
    const double left = rate > 0 ? static_cast<double>(total_ - std::min(done_, total_)) / rate : 0;
    line += fmt::format("{:3.0f}%|{:#<{}}{: <{}}| {}/{}{} [{}<{}, {}/s]", share * 100, "", filled,
                        "", kBarWidth - filled, amount(static_cast<double>(done_), unit_),
                        amount(static_cast<double>(total_), unit_), counted, clock_of(seconds),
                        clock_of(left), amount(rate, unit_));
  } else {
    line += fmt::format("{}{} [{}, {}/s]", amount(static_cast<double>(done_), unit_), counted,
                        clock_of(seconds), amount(rate, unit_));
  }
  if (terminal_) {
    fmt::print(stderr, "\r{}\x1b[K", line);
  } else {
    fmt::print(stderr, "{}\n", line);
  }
  std::fflush(stderr);
  drawn_ = true;
}

void Progress::finish() {
  if (terminal_ && drawn_) {
    draw(Clock::now());
    fmt::print(stderr, "\n");
  }
  drawn_ = false;
  stage_.clear();
}

void Progress::clear() {
  if (terminal_ && drawn_) fmt::print(stderr, "\r\x1b[K");
  drawn_ = false;
}

}  // namespace ringfeed::cli
