// The right to write one version. It is taken, renewed and turned into a published version by
// lightweight transactions on the version's row, so that of any number of writers at most one can
// publish; what the others write goes to no reader.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "store/cassandra/tables.hpp"

namespace ringfeed::cassandra {

/// Who writes: told apart from every other process, and found dead from the same machine.
struct Owner {
  /// This process.
  static Owner self();
  std::string text() const;
  /// False when `text` is of a process of this machine that is gone.
  static bool may_live(std::string_view text);

  std::string host;
  std::string boot;  ///< of the machine's run
  std::int64_t pid = 0;
  std::uint64_t start_ticks = 0;
  std::uint64_t nonce = 0;
};

class Claim {
 public:
  /// Takes over the row of a dead writer with the same fingerprint, or a new number. Throws Error:
  /// kConflict when another writer is at it, kUnavailable.
  Claim(const Tables& tables, std::uint64_t fingerprint, std::chrono::seconds lease);
  /// Unless it is published or lost: the next try may take it over at once.
  ~Claim();
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

  std::uint64_t version() const noexcept { return version_; }
  /// Before a chunk with a number up to this one is written.
  void reserve(std::uint64_t number);
  /// Throws Error{kConflict} when another writer has taken over since.
  void check() const;
  /// The same, by asking the server.
  void ask() const;
  /// The one step that makes the version visible. Throws Error{kConflict} when another writer has
  /// taken over, Error (outcome not known) when no node tells.
  void publish(std::uint32_t manifest_pieces);
  /// Ends the claim for good; its chunks are of no use any more.
  void abandon() noexcept;

 private:
  void acquire(std::uint64_t fingerprint);
  void renew();
  void renew_until(const std::stop_token& stop);
  bool is_ours() const;
  [[noreturn]] void throw_lost() const;

  const Tables& tables_;
  const std::chrono::seconds lease_;
  const std::string owner_;
  std::uint64_t version_ = 0;
  std::uint64_t reserved_ = 0;
  std::optional<cql::Statement> renewal_;
  std::atomic<bool> lost_ = false;
  bool ended_ = false;  ///< published, or given up for good
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread renewing_;
};

/// Changes a version's row under a condition, and settles what is in doubt by reading it. Returns
/// whether the change took effect. `is_done` tells from the row whether it did.
bool change_row(const Tables& tables, const std::string& cql, const cql::Values& values,
                std::uint64_t version, bool patient,
                const std::function<bool(const std::optional<VersionRow>&)>& is_done);

/// Takes away chunks, as (claim, number). What is not there is passed over.
void remove_chunks(const Tables& tables,
                   const std::vector<std::pair<std::int64_t, std::int64_t>>& chunks);

/// Takes away the manifest of a version, and its journal.
void remove_manifest(const Tables& tables, std::uint64_t version);

}  // namespace ringfeed::cassandra
