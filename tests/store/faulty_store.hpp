// A store over another one whose reads go wrong by a seeded plan: errors, delays, wrong bytes,
// answers with rows missing, and reads that are never answered.
#pragma once

#include <arrow/record_batch.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <ringfeed/error.hpp>
#include <ringfeed/store.hpp>
#include <thread>
#include <utility>
#include <vector>

#include "base/hash.hpp"
#include "base/random.hpp"

namespace ringfeed::testing {

enum class Fault : std::uint8_t {
  kNone,
  kError,       ///< of any code that a store may answer with
  kDelay,       ///< of up to FaultPlan::delay_max
  kWrongBytes,  ///< a bit of the chunk's bytes is turned round before they are checked
  kPartial,     ///< the last row is missing
  kLost,        ///< no answer before the reader is at its end
};

struct FaultPlan {
  std::uint64_t seed = 0;
  /// Of 1,000 reads, by Fault; the rest goes well.
  std::array<std::uint64_t, 6> of_thousand = {};
  /// What happens to the nth read of the store, counted from 0; before the rates.
  std::map<std::uint64_t, Fault> at_read = {};
  std::chrono::microseconds delay_max = std::chrono::milliseconds(2);

  Fault fault_at(std::uint64_t read) const {
    if (const auto found = at_read.find(read); found != at_read.end()) return found->second;
    std::uint64_t drawn = random_at(read).below(1'000);
    for (std::size_t fault = 0; fault < of_thousand.size(); ++fault) {
      if (drawn < of_thousand[fault]) return static_cast<Fault>(fault);
      drawn -= of_thousand[fault];
    }
    return Fault::kNone;
  }
  Random random_at(std::uint64_t read) const { return Random(seed * 0x9E3779B97F4A7C15 + read); }
};

/// The codes that kError draws from.
inline constexpr std::array kFaultCodes = {ErrorCode::kUnavailable, ErrorCode::kTimeout,
                                           ErrorCode::kNotFound, ErrorCode::kBadData,
                                           ErrorCode::kPermission};

class FaultyReader final : public BlockReader {
 public:
  FaultyReader(std::unique_ptr<BlockReader> inner, const Schema& schema, FaultPlan plan,
               std::shared_ptr<std::atomic<std::uint64_t>> reads)
      : plan_(std::move(plan)),
        schema_(std::make_shared<const Schema>(schema)),
        reads_(std::move(reads)),
        inner_(std::move(inner)) {
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }

  ~FaultyReader() override {
    inner_.reset();  // its answers come through here
    thread_.request_stop();
    changed_.notify_all();
    thread_.join();
    for (auto& late : late_) late.answer();
    for (auto& done : lost_)
      done(nullptr, failure(ErrorCode::kUnavailable, "the connection was lost"));
  }

  std::span<const BlockInfo> blocks() const override { return inner_->blocks(); }

  void read(std::uint64_t number, Done done) override {
    const std::uint64_t read = reads_->fetch_add(1);
    const Fault fault = plan_.fault_at(read);
    if (fault == Fault::kLost) {
      const std::lock_guard lock(mutex_);
      lost_.push_back(std::move(done));
      return;
    }
    inner_->read(
        number, [this, read, fault, done = std::move(done)](Chunk chunk, std::exception_ptr error) {
          answer(read, fault, std::move(chunk), std::move(error), done);
        });
  }

 private:
  using Clock = std::chrono::steady_clock;
  struct Late {
    Clock::time_point at;
    std::function<void()> answer;
  };

  static std::exception_ptr failure(ErrorCode code, const char* text) {
    return std::make_exception_ptr(Error(code, text));
  }

  void answer(std::uint64_t read, Fault fault, Chunk chunk, std::exception_ptr error,
              const Done& done) {
    Random random = plan_.random_at(read);
    random.next();  // the first one chose the fault
    switch (error ? Fault::kNone : fault) {
      case Fault::kError:
        return done(nullptr, failure(kFaultCodes[random.below(kFaultCodes.size())], "injected"));
      case Fault::kDelay: {
        const auto most = static_cast<std::uint64_t>(plan_.delay_max.count());
        const auto delay = std::chrono::microseconds(random.below(most + 1));
        const std::lock_guard lock(mutex_);
        late_.push_back({Clock::now() + delay, [done, chunk] { done(chunk, nullptr); }});
        changed_.notify_all();
        return;
      }
      case Fault::kWrongBytes:
        return done(nullptr, wrong_bytes(chunk, random));
      case Fault::kPartial:
        return done({chunk.columns()->Slice(0, chunk.samples() - 1), schema_}, nullptr);
      default:
        return done(std::move(chunk), std::move(error));
    }
  }

  /// What a store does with them: it compares their hash.
  std::exception_ptr wrong_bytes(const Chunk& chunk, Random& random) const {
    std::string bytes = chunk.encoded()->ToString();
    const std::uint64_t hash = hash_bytes(bytes);
    bytes[random.below(bytes.size())] ^= static_cast<char>(1 << random.below(8));
    if (hash_bytes(bytes) == hash) std::abort();
    return failure(ErrorCode::kBadData, "a chunk's bytes are not those that were stored");
  }

  void run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
      const auto next = std::ranges::min_element(late_, {}, &Late::at);
      if (next == late_.end()) {
        changed_.wait(lock, stop, [&] { return !late_.empty(); });
      } else if (next->at > Clock::now()) {
        const auto at = next->at;
        changed_.wait_until(lock, stop, at, [] { return false; });
      } else {
        const auto answer = std::move(next->answer);
        late_.erase(next);
        lock.unlock();
        answer();
        lock.lock();
      }
    }
  }

  const FaultPlan plan_;
  const std::shared_ptr<const Schema> schema_;
  const std::shared_ptr<std::atomic<std::uint64_t>> reads_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<Late> late_;
  std::vector<Done> lost_;
  std::unique_ptr<BlockReader> inner_;
  std::jthread thread_;
};

class FaultyStore final : public Store {
 public:
  FaultyStore(std::shared_ptr<Store> inner, FaultPlan plan)
      : inner_(std::move(inner)), plan_(std::move(plan)) {}

  std::vector<std::uint64_t> versions() override { return inner_->versions(); }
  Manifest manifest(std::uint64_t version) override { return inner_->manifest(version); }
  std::unique_ptr<BlockReader> reader(const Manifest& manifest, std::string_view split,
                                      const ColumnPlaces& columns, int workers) override {
    const auto schema = columns.empty() ? manifest.schema : manifest.schema.only(columns);
    return std::make_unique<FaultyReader>(inner_->reader(manifest, split, columns, workers), schema,
                                          plan_, reads_);
  }
  std::unique_ptr<VersionWriter> write(const WriteIntent& intent, OnStep on_step) override {
    return inner_->write(intent, std::move(on_step));
  }
  std::uint64_t verify(const Manifest& manifest,
                       const std::function<void(std::uint64_t)>& progress) override {
    return inner_->verify(manifest, progress);
  }
  void remove(std::uint64_t version) override { inner_->remove(version); }

 private:
  const std::shared_ptr<Store> inner_;
  const FaultPlan plan_;
  const std::shared_ptr<std::atomic<std::uint64_t>> reads_ =
      std::make_shared<std::atomic<std::uint64_t>>(0);
};

}  // namespace ringfeed::testing
