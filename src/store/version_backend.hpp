// What a store does itself while a version is written: where its bytes go, and what makes it the
// only writer. What is done when is VersionProtocol's.
#pragma once

#include <cstdint>
#include <ringfeed/chunk.hpp>
#include <ringfeed/error.hpp>
#include <ringfeed/manifest.hpp>
#include <ringfeed/store.hpp>
#include <span>
#include <vector>

#include "store/version_journal.hpp"
#include "store/version_plan.hpp"

namespace ringfeed {

/// One try to write one version, on one thread. Any call may throw, and the process may end in any:
/// begin() and recover() of the next try find what was left. Destroyed after begin() and before
/// publish() or abandon() it leaves what the next try can use, and nothing else.
class VersionBackend {
 public:
  virtual ~VersionBackend() = default;

  /// Compares what is intended with what is published.
  virtual VersionPlan plan(const WriteIntent& intent) = 0;
  /// Looks at a version that the plan says is published already, and whose manifest is there.
  virtual void look_at_published(const VersionPlan& plan) = 0;
  /// Numbers, ascending, of its own row groups of which something is gone.
  virtual std::span<const std::uint64_t> missing() const { return {}; }
  /// Makes this the only writer. Throws Error{kConflict} when there is another one.
  virtual void begin(const VersionPlan& plan) = 0;
  /// Ends what begin() began: another writer published the version just before.
  virtual void abandon() = 0;
  /// Gives the runs, from the first one on, that an earlier try sealed and whose bytes are there;
  /// takes away what else it left. Numbers the version. Without begin() before it, where the plan
  /// says that it remakes one, there are none.
  virtual std::vector<RowRun> recover(Manifest& manifest) = 0;

  /// Begins a part of a run, of which the split and the column group are known: gives it a name,
  /// and a head where it has one. `in_split` counts the version's own runs of this split from 0,
  /// `first_row_group` its own row groups.
  virtual void open(Part& part, std::uint64_t in_split, std::uint64_t first_row_group) = 0;
  /// Writes the next chunk of an open part, or begins to.
  virtual void append(const Part& part, const Chunk& chunk) = 0;
  /// Ends the parts of the open run; gives them tails where they have one. A later try recovers
  /// them from the moment all of them are durable.
  virtual void seal(RowRun& run) = 0;
  /// Makes the version visible, whole and durable, and ends what begin() began. After an error it
  /// may be called again.
  virtual void publish(const Manifest& manifest) = 0;

  /// Writes what is gone of the next of the missing row groups.
  virtual void put_back(std::span<const Chunk>) {
    throw Error(ErrorCode::kInternal, "a chunk is put into a published version");
  }
  /// Ends what makes a published version whole again; `remakes`: its manifest, too.
  virtual void publish_repaired(const Manifest&, bool /*remakes*/) {}
};

}  // namespace ringfeed
