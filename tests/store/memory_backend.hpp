// A backend whose disk is memory that outlives its writers, and on which any operation can be the
// last one: the writer is killed before or behind it, or in the middle of it, or it fails, or its
// answer is lost.
#pragma once

#include <arrow/buffer.h>

#include <cstdint>
#include <map>
#include <optional>
#include <ringfeed/error.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/hash.hpp"
#include "store/version_backend.hpp"
#include "store/version_journal.hpp"

namespace ringfeed::testing {

/// What a kill throws: nothing of the writer runs behind it.
struct Killed {};

enum class Trouble : std::uint8_t {
  kKilledBefore,  ///< the operation has no effect
  kKilledAmid,    ///< what it writes is torn
  kKilledAfter,
  kFails,  ///< without effect
  kLost,   ///< it took effect, and its answer is an error
};
inline constexpr Trouble kTroubles[] = {Trouble::kKilledBefore, Trouble::kKilledAmid,
                                        Trouble::kKilledAfter, Trouble::kFails, Trouble::kLost};

/// What is durable.
struct MemoryDisk {
  using Chunks = std::vector<std::string>;

  std::optional<int> owner;  ///< the try that is the only writer; ended or killed, it is nobody
  std::map<std::string, Chunks> parts;
  std::vector<std::string> journal;
  std::map<std::uint64_t, std::string> manifests;

  std::vector<std::uint64_t> versions() const {
    std::vector<std::uint64_t> numbers;
    for (const auto& [number, text] : manifests) numbers.push_back(number);
    return numbers;
  }
  Manifest manifest(std::uint64_t version) const {
    return Manifest::decode(manifests.at(version), "memory");
  }
  /// What a reader would say of a version: empty when all of it is there.
  std::string damage_of(const Manifest& manifest) const {
    for (const auto& part : manifest.parts) {
      const auto found = parts.find(part.name);
      if (found == parts.end()) return "missing " + part.name;
      std::vector<std::uint64_t> hashes;
      for (const auto& chunk : found->second) hashes.push_back(hash_bytes(chunk));
      if (hashes != part.chunk_hash) return "damaged " + part.name;
    }
    return "";
  }
  bool operator==(const MemoryDisk&) const = default;
};

/// Which operation of a try goes wrong, counted from 0, and how.
struct MemoryFault {
  std::uint64_t operation = UINT64_MAX;
  Trouble trouble = Trouble::kFails;
};

class MemoryBackend final : public VersionBackend {
 public:
  /// `operations` counts those of this try.
  MemoryBackend(MemoryDisk& disk, MemoryFault fault, std::uint64_t& operations)
      : disk_(disk), fault_(fault), operations_(operations) {}

  ~MemoryBackend() override {
    if (killed_ || !ours_) return;
    std::erase_if(disk_.parts, [](const auto& each) { return each.first.starts_with(kOpen); });
    disk_.owner.reset();
  }

  VersionPlan plan(const WriteIntent& intent) override {
    const auto versions = disk_.versions();
    return plan_version(
        intent, versions, [&](std::uint64_t version) { return disk_.manifest(version); }, "memory");
  }
  void look_at_published(const VersionPlan& plan) override {
    // What a writer left that was killed behind the step that publishes.
    if (disk_.owner || disk_.journal.empty()) return;
    if (!run_of_line(disk_.journal[0], journal_subject(plan.manifest))) return;
    operation([&] { disk_.journal.clear(); });
  }
  void begin(const VersionPlan&) override {
    if (disk_.owner) throw Error(ErrorCode::kConflict, "memory: another writer is at it");
    operation([&] {
      disk_.owner = 1;
      ours_ = true;
    });
  }
  void abandon() override {
    operation([&] { disk_.owner.reset(); });
    ours_ = false;
  }
  std::vector<RowRun> recover(Manifest& manifest) override {
    subject_ = journal_subject(manifest);
    version_ = manifest.version;
    std::vector<RowRun> runs;
    std::set<std::string> names;
    for (const auto& line : disk_.journal) {
      auto run = run_of_line(line, subject_);
      Manifest of_run;
      if (run) of_run.parts = run->parts;
      if (!run || !disk_.damage_of(of_run).empty()) break;
      for (const auto& part : run->parts) names.insert(part.name);
      runs.push_back(std::move(*run));
    }
    operation([&] { disk_.journal.resize(runs.size()); });
    operation([&] {
      std::erase_if(disk_.parts, [&](const auto& each) {
        return is_own(each.first) && !names.contains(each.first);
      });
    });
    return runs;
  }
  void open(Part& part, std::uint64_t in_split, std::uint64_t) override {
    part.name = std::to_string(version_) + "/" + part.split + "-" + std::to_string(part.group) +
                "-" + std::to_string(in_split);
    operation([&] { disk_.parts[open_name(part)].clear(); });
  }
  void append(const Part& part, const Chunk& chunk) override {
    const std::string bytes = chunk.encoded()->ToString();
    auto& chunks = disk_.parts.at(open_name(part));
    operation([&] { chunks.push_back(bytes); },
              [&] { chunks.push_back(bytes.substr(0, bytes.size() / 2)); });
  }
  void seal(RowRun& run) override {
    for (const auto& part : run.parts) {
      operation([&] {
        auto open = disk_.parts.extract(open_name(part));
        open.key() = part.name;
        disk_.parts.insert(std::move(open));
      });
    }
    const std::string line = journal_line(subject_, run);
    operation([&] { disk_.journal.push_back(line); },
              [&] { disk_.journal.push_back(line.substr(0, line.size() / 2)); });
  }
  void publish(const Manifest& manifest) override {
    if (!published_) {
      operation([&] {
        disk_.manifests[manifest.version] = manifest.text_to_publish();
        published_ = true;
      });
    }
    operation([&] { disk_.journal.clear(); });
    operation([&] { disk_.owner.reset(); });
    ours_ = false;
  }

 private:
  static std::string open_name(const Part& part) { return kOpen + std::to_string(part.group); }
  static constexpr const char* kOpen = "open-";

  /// Of the version that is written; what an earlier one names is not touched.
  bool is_own(const std::string& name) const {
    return name.starts_with(kOpen) || name.starts_with(std::to_string(version_) + "/");
  }

  /// Has its effect at once, unless this is the one that goes wrong. `torn` is the effect of one
  /// that was cut off; without it there is none.
  template <typename Effect, typename Torn>
  void operation(const Effect& effect, const Torn& torn) {
    if (operations_++ != fault_.operation) return effect();
    switch (fault_.trouble) {
      case Trouble::kKilledAmid:
        torn();
        break;
      case Trouble::kKilledAfter:
      case Trouble::kLost:
        effect();
        break;
      default:
        break;
    }
    if (fault_.trouble == Trouble::kFails || fault_.trouble == Trouble::kLost) {
      throw Error(ErrorCode::kUnavailable, "memory: no answer",
                  /*outcome_known=*/fault_.trouble == Trouble::kFails);
    }
    killed_ = true;
    disk_.owner.reset();  // whoever comes finds its process gone
    throw Killed{};
  }
  template <typename Effect>
  void operation(const Effect& effect) {
    operation(effect, [] {});
  }

  MemoryDisk& disk_;
  const MemoryFault fault_;
  std::uint64_t& operations_;
  Manifest subject_;
  std::uint64_t version_ = 0;
  bool ours_ = false;  ///< disk_.owner
  bool killed_ = false;
  bool published_ = false;
};

}  // namespace ringfeed::testing
