// Holds a ledger against the data set it is of: that each epoch had each sample once, as it is
// stored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <ringfeed/connection.hpp>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace ringfeed {

/// Options of audit().
struct AuditOptions {
  std::size_t offenders_max = 10;  ///< most offences that are named
  /// Called with the bytes read and their total: first those of the data set, then those of the
  /// ledger.
  std::function<void(std::string_view stage, std::uint64_t done, std::uint64_t total)> progress =
      {};
  std::stop_token stop = {};  ///< request to stop: Error{kCancelled}
};

/// Counts of what an audit found.
struct AuditResult {
  std::uint64_t epochs = 0;    ///< gone through from their first to their last step
  std::uint64_t samples = 0;   ///< handed out, over all ranks and epochs
  std::uint64_t left_out = 0;  ///< samples that epochs do not have by their order (Tail::kDrop)
  std::uint64_t lost = 0;      ///< samples that an epoch did not have, and should have had
  std::uint64_t repeated = 0;  ///< samples that an epoch had before
  std::uint64_t wrong = 0;     ///< samples with other bytes than are stored
  std::uint64_t offences = 0;  ///< these, and lines and files that are missing or out of place
  std::vector<std::string> offenders;  ///< the first offences in words
  /// Notes on what is right and worth knowing, as an epoch that is not finished, or
  /// a start that does not count because a later one began anew.
  std::vector<std::string> notes;

  /// Returns whether nothing is wrong.
  bool exact() const noexcept { return offences == 0; }
};

/// Compares a ledger with its data set. Each start counts up to the position that a later one went
/// on from. Where the URL does not name them, the split is the ledger's, and the version the newest
/// with the ledger's rows and columns. Holds 8 bytes a sample. Errors: those of Dataset::open() and
/// BlockReader; kNotFound (no ledger in the folder), kInvalidArgument (it is of other rows, or
/// another split), kBadData (not a ledger, or changed after it was written).
AuditResult audit(const std::string& folder, std::string_view url, const AuditOptions& options = {},
                  const ConnectionOptions& connection = {});

}  // namespace ringfeed
