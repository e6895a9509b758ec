// The ledger: which samples a rank was given in each step, with a hash of each as it was delivered.
// docs/ledger.md has the format; audit() of <ringfeed/audit.hpp> holds it against the data set.
//
//   ringfeed::Feed feed(data, {.track_samples = true});
//   ringfeed::Ledger ledger({.folder = "ledger", .position = encode_position({}, *data, {})});
//   while (auto batch = feed.next()) {
//     ledger.write(*batch);
//     train_on(*batch);
//   }
//   ledger.close();
#pragma once

#include <cstdint>
#include <memory>
#include <ringfeed/batch.hpp>
#include <string>

namespace ringfeed {

/// Options of a Ledger.
struct LedgerOptions {
  std::string folder;  ///< path; made when missing
  /// Number of this start of the training run: the same on all ranks, new in each start
  /// (next_start()).
  std::uint64_t start = 0;
  int rank = 0;
  int world_size = 1;
  std::string position;  ///< position at which this start goes on, by encode_position() of
                         ///< <ringfeed/feed.hpp>
};

/// Writes one rank's file of one start, on a thread of its own. One thread at a time uses it.
/// Errors: those of the file system, also of what an earlier call gave to that thread.
class Ledger {
 public:
  /// Returns one above the highest start in the folder; 0 where there is none. One rank asks,
  /// before any has made its Ledger, and tells the others.
  static std::uint64_t next_start(const std::string& folder);

  /// Throws Error{kConflict} when this rank's file of this start exists, and when the start before
  /// it was closed and this one is at the beginning: another run, which would hide the first.
  explicit Ledger(LedgerOptions options);
  /// Ends the file without the mark that close() makes; what was written stays.
  ~Ledger();
  Ledger(Ledger&&) noexcept;
  Ledger& operator=(Ledger&&) noexcept;

  /// Writes down a batch of a feed with FeedOptions::track_samples.
  void write(const Batch& batch);
  /// Returns when all that was written is durable. A checkpoint is written after it.
  void flush();
  /// Notes that the run ended here and was not cut off, and flushes. Nothing is written after it.
  void close();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringfeed
