// Progress in the look of tqdm on a terminal, a plain line every 10 s elsewhere; on stderr.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace ringfeed::cli {

enum class Unit : std::uint8_t { kBytes, kSamples };

class Progress {
 public:
  explicit Progress(bool quiet);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `total` 0: not known. Cheap to call often. A new stage starts a new line.
  void update(std::string_view stage, std::uint64_t done, std::uint64_t total, Unit unit);
  /// Ends the line, if there is one.
  void finish();
  /// Takes the line away, if there is one, so that another can be printed.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  void draw(Clock::time_point now);

  bool quiet_;
  bool terminal_;
  bool drawn_ = false;
  std::string stage_;
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0;
  Unit unit_ = Unit::kBytes;
  Clock::time_point started_;
  Clock::time_point last_;
};

}  // namespace ringfeed::cli
