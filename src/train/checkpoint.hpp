// Checkpoints of a training run in a folder: each a folder of its own, whole or not there. Without
// torch.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/lock_file.hpp"

namespace ringfeed {

inline constexpr const char* kDocumentFile = "checkpoint.json";
inline constexpr const char* kWeightsFile = "weights.safetensors";
inline constexpr const char* kOptimizerFile = "optimizer.pt";
inline constexpr const char* kAverageFile = "average.safetensors";

/// One checkpoint, every byte of it as it was written.
struct Checkpoint {
  std::string path;
  nlohmann::json document;  ///< what publish() was given
  std::string weights;      ///< a safetensors file
  std::string optimizer;    ///< of torch::save()
  std::string average;      ///< a safetensors file; empty: there is none

  /// Throws Error{kNotFound}; Error{kBadData} that names what is damaged, and the checkpoint before
  /// it.
  static Checkpoint read(const std::string& path);
};

/// What to do about a checkpoint that cannot be used: "remove ..., or resume from ...".
std::string remedy_without(const std::string& path);

/// Used by one process at a time, which a lock in the folder sees to.
class CheckpointFolder {
 public:
  /// Makes the folder when it is missing, and removes what a killed process left half-written in
  /// it. `keep`: as many of the newest stay. Throws Error{kConflict} that names the process which
  /// uses the folder.
  CheckpointFolder(std::string path, std::uint64_t keep);
  ~CheckpointFolder();
  CheckpointFolder(CheckpointFolder&&) noexcept = default;
  CheckpointFolder& operator=(CheckpointFolder&&) noexcept = default;

  /// The path of the newest one. Throws Error{kBadData} when that is not whole.
  std::optional<std::string> newest() const;

  /// The path of the one that publish() will write.
  std::string next() const { return path_of(next_); }

  /// `write` writes the files into the folder it is given, that of an average where there is one;
  /// then they, and `document`, are durable and in sight at once. `best`: the path of one that
  /// stays beside the newest; empty: none.
  void publish(const nlohmann::json& document,
               const std::function<void(const std::string& folder)>& write,
               const std::string& best = {});

 private:
  std::string path_of(std::uint64_t number) const;
  void remove_old(const std::string& best) const;
  void remove(std::string_view name) const;

  std::string path_;
  std::unique_ptr<LockFile> lock_;
  std::uint64_t keep_;
  std::uint64_t next_ = 0;
};

}  // namespace ringfeed
