// Walks the starts of a run step by step, over all ranks together, and counts what an exact run
// would not have. It does not know how an order is made: only that an epoch has each sample once,
// and that its steps follow one another.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <ringfeed/audit.hpp>
#include <string>
#include <vector>

#include "audit/ledger_file.hpp"

namespace ringfeed {

class Checker {
 public:
  /// `hashes` of the samples by their number; an epoch hands out `epoch_samples` of them.
  Checker(std::vector<std::uint64_t> hashes, std::uint64_t epoch_samples,
          const AuditOptions& options)
      : hashes_(std::move(hashes)),
        epoch_samples_(epoch_samples),
        seen_(hashes_.size(), false),
        options_(options) {}

  /// The starts of a run by their number, all of one data set and order; those of each start agree
  /// on where it goes on and on the number of ranks.
  AuditResult check(std::map<std::uint64_t, LedgerStart>& starts);

 private:
  /// A start as far as it counts.
  struct Start {
    std::uint64_t number = 0;
    LedgerPosition begin;
    int world_size = 1;
    LedgerStart* files = nullptr;
    std::optional<LedgerPosition> limit;  ///< where a later one went on; nothing: this is the last
  };
  /// A rank in a start, and the line that it is at.
  struct Rank {
    int rank = 0;
    LedgerFile* file = nullptr;
    std::optional<LedgerBatch> batch;
    std::string where;
    std::optional<LedgerPosition> end;
  };

  std::vector<Start> starts_of(std::map<std::uint64_t, LedgerStart>& starts);
  void check_start(const Start& start);
  std::vector<Rank> open_ranks(const Start& start);
  void miss_ranks(const Start& start, int begin, int end);
  void advance(Rank& rank);
  void check_in_epoch(std::uint64_t samples, const std::string& where) const;
  void pass_over(Rank& rank);
  void check_step(std::vector<Rank>& ranks);
  void check_samples(const LedgerBatch& batch, const std::string& where);
  void check_ends(const std::vector<Rank>& ranks);
  void go_to(LedgerPosition position, std::optional<std::uint64_t> step);
  void skip_epochs(std::uint64_t epoch);
  void end_epoch();
  void report_progress();
  std::string next_text() const;
  void offend(std::string text);

  const std::vector<std::uint64_t> hashes_;
  const std::uint64_t epoch_samples_;
  std::vector<bool> seen_;  ///< in the epoch of now_
  const AuditOptions& options_;
  AuditResult result_;
  std::uint64_t bytes_total_ = 0;  ///< of the files
  std::uint64_t bytes_read_ = 0;
  LedgerPosition now_;                 ///< what counts so far ends here
  std::optional<std::uint64_t> step_;  ///< that comes next; nothing: not known
  std::uint64_t epoch_begin_ = 0;      ///< where what counts of this epoch begins
  std::uint64_t epoch_seen_ = 0;       ///< samples of it that were seen
};

}  // namespace ringfeed
