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

#include "base/file.hpp"

namespace ringfeed {

inline constexpr const char* kWeightsFile = "weights.safetensors";
inline constexpr const char* kOptimizerFile = "optimizer.pt";

/// One checkpoint, every byte of it as it was written.
struct Checkpoint {
  std::string path;
  nlohmann::json document;  ///< what publish() was given
  std::shared_ptr<const MappedFile> weights;
  std::shared_ptr<const MappedFile> optimizer;

  /// Throws Error{kNotFound}; Error{kBadData} that names what is damaged.
  static Checkpoint read(const std::string& path);
};

/// Used by one process at a time.
class CheckpointFolder {
 public:
  /// Makes the folder when it is missing, and removes what a killed process left half-written in
  /// it. `keep`: as many of the newest stay.
  CheckpointFolder(std::string path, std::uint64_t keep);

  /// The path of the newest one.
  std::optional<std::string> newest() const;

  /// `write` writes the two files into the folder it is given; then they, and `document`, are
  /// durable and in sight at once.
  void publish(const nlohmann::json& document,
               const std::function<void(const std::string& folder)>& write);

 private:
  std::string path_of(std::uint64_t number) const;
  void remove_old() const;

  std::string path_;
  std::uint64_t keep_;
  std::uint64_t next_ = 0;
};

}  // namespace ringfeed
