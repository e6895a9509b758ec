// Loops over a reader and a feed, by the clock.
#include "tune/measure.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <numeric>
#include <random>
#include <ringfeed/error.hpp>
#include <utility>
#include <vector>

#include "base/meter.hpp"

namespace ringfeed::tune {
namespace {

using Clock = std::chrono::steady_clock;

/// A pass is over so fast, or memory so full, that more would only be a longer list.
constexpr std::uint64_t kReadsMax = 1'000'000;
/// Of the checking threads: above it they are what limits the pass, and not the store.
constexpr double kBusy = 0.8;

double cpu_seconds() {
  rusage used = {};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds_of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
}

void check(const std::stop_token& stop) {
  if (stop.stop_requested()) throw Error(ErrorCode::kCancelled, "interrupted; nothing was changed");
}

/// Blocks in a random order, again and again.
class Blocks {
 public:
  explicit Blocks(std::size_t count) : order_(count) {
    std::iota(order_.begin(), order_.end(), 0);
    std::shuffle(order_.begin(), order_.end(), std::mt19937_64(1));
  }
  std::uint64_t next() { return order_[next_++ % order_.size()]; }

 private:
  std::vector<std::uint64_t> order_;
  std::size_t next_ = 0;
};

/// Reads under way, by their bytes.
class UnderWay {
 public:
  void start(BlockReader& reader, std::uint64_t block, std::uint64_t most) {
    const BlockInfo info = reader.blocks()[block];
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return now_ == 0 || now_ + info.bytes <= most || failure_; });
    if (failure_) std::rethrow_exception(failure_);
    now_ += info.bytes;
    lock.unlock();
    reader.read(block, [this, info](const Chunk& chunk, std::exception_ptr failure) {
      if (!failure) failure = decode(chunk);
      const std::lock_guard done(mutex_);
      now_ -= info.bytes;
      bytes_ += info.bytes;
      samples_ += info.samples;
      if (failure && !failure_) failure_ = std::move(failure);
      changed_.notify_one();
    });
  }
  struct Answered {
    double bytes = 0;
    double samples = 0;
  };
  /// So far, but at least one block.
  Answered answered() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return samples_ > 0 || failure_; });
    if (failure_) std::rethrow_exception(failure_);
    return {static_cast<double>(bytes_), static_cast<double>(samples_)};
  }
  /// Waits for all of them.
  void finish() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return now_ == 0; });
    if (failure_) std::rethrow_exception(failure_);
  }
  void add_meters(Meters& meters) const { decoding_.add_to(meters); }

 private:
  /// Returns what it throws. A feed decodes on the threads of the reader, too.
  std::exception_ptr decode(const Chunk& chunk) {
    const CheckMeter::Span span(decoding_);
    try {
      chunk.columns();
      return nullptr;
    } catch (...) {
      return std::current_exception();
    }
  }

  CheckMeter decoding_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t now_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t samples_ = 0;
  std::exception_ptr failure_;
};

/// What was done by then.
struct Reading {
  Clock::time_point time;
  UnderWay::Answered answered;
  double cpu_seconds = 0;
  double checked_seconds = 0;
};

double checked_seconds(const BlockReader& reader, const UnderWay& reads) {
  Meters meters;
  reader.add_meters(meters);
  reads.add_meters(meters);
  return sum_of(meters, "ringfeed_check_seconds");
}

}  // namespace

double measure_block_seconds(const Dataset& dataset, Seconds time, const std::stop_token& stop) {
  UnderWay reads;
  const auto reader = dataset.reader(1);
  Blocks blocks(reader->blocks().size());
  std::vector<double> times;
  const auto end = Clock::now() + time;
  do {
    check(stop);
    const auto start = Clock::now();
    reads.start(*reader, blocks.next(), 0);
    reads.finish();
    times.push_back(Seconds(Clock::now() - start).count());
  } while (Clock::now() < end && times.size() < kReadsMax);
  const auto median = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), median, times.end());
  return *median;
}

StoreRate measure_store(const Dataset& dataset, std::uint64_t under_way, int cores, Seconds time,
                        const std::stop_token& stop) {
  UnderWay reads;  // before the reader, whose end answers what is left
  const auto reader = dataset.reader(cores);
  Blocks blocks(reader->blocks().size());
  const auto read_for = [&](Seconds part) {
    const auto start = Clock::now();
    do {
      check(stop);
      reads.start(*reader, blocks.next(), under_way);
    } while (Clock::now() - start < part);
    return Reading{Clock::now(), reads.answered(), cpu_seconds(), checked_seconds(*reader, reads)};
  };
  // A store needs some time to come to its speed, and what is under way at the end is not waited
  // for: on a slow link that would take longer than all else.
  Reading from = {Clock::now(), {}, cpu_seconds(), 0};
  const Reading warm = read_for(time / 2);
  const Reading end = read_for(time / 2);
  if (end.answered.samples > warm.answered.samples) from = warm;
  const double seconds = Seconds(end.time - from.time).count();
  const double bytes = end.answered.bytes - from.answered.bytes;
  const double samples = end.answered.samples - from.answered.samples;
  const double cpu = end.cpu_seconds - from.cpu_seconds;
  // A local store reads while it checks: what took no time of a core is the disk's.
  const double checking = std::min(end.checked_seconds - from.checked_seconds, cpu);
  const double busy = checking / (seconds * cores);
  return {.bytes_per_second = bytes / seconds,
          .store_seconds = (busy > kBusy ? (1 - busy) * seconds : seconds) / samples,
          .check_seconds = checking / samples,
          .cpu_seconds = (cpu - checking) / samples};
}

double measure_assembly(std::shared_ptr<const Dataset> dataset, FeedOptions options, Seconds time,
                        const std::stop_token& stop) {
  options.epochs = 0;
  Feed feed(std::move(dataset), std::move(options));
  const auto end = Clock::now() + time;
  do {
    check(stop);
    feed.next();
  } while (Clock::now() < end);
  const FeedStats stats = feed.stats();
  return stats.assemble_seconds / static_cast<double>(std::max<std::uint64_t>(stats.samples, 1));
}

}  // namespace ringfeed::tune
