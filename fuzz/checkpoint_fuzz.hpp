// What the fuzzer feeds to the reader of checkpoints, and what must hold of the answer;
// tests/train/corpus_test.cpp replays fuzz/corpus/checkpoint through the same function.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <ringfeed/error.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/folder.hpp"
#include "base/sealed.hpp"
#include "train/checkpoint.hpp"

namespace ringfeed::fuzz {

/// A checkpoint whose weights and optimizer are files of no bytes; its document is to be written.
class CheckpointOnDisk {
 public:
  CheckpointOnDisk()
      : path_(std::filesystem::temp_directory_path() / ("ringfeed-fuzz-" + random_name())) {
    std::filesystem::create_directory(path_);
    for (const char* name : {kWeightsFile, kOptimizerFile}) std::ofstream(path_ / name).flush();
  }
  ~CheckpointOnDisk() { std::filesystem::remove_all(path_); }
  CheckpointOnDisk(const CheckpointOnDisk&) = delete;
  CheckpointOnDisk& operator=(const CheckpointOnDisk&) = delete;

  /// Returns whether the checkpoint is read with this document.
  bool is_read_with(std::string_view document) const {
    std::ofstream(path_ / "checkpoint.json", std::ios::binary) << document << std::flush;
    try {
      const auto checkpoint = Checkpoint::read(path_.string());
      if (!checkpoint.weights.empty() || !checkpoint.optimizer.empty())
        throw std::logic_error("bytes that are in no file");
      return true;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kBadData) throw;
      return false;
    }
  }

 private:
  std::filesystem::path path_;
};

/// Reads the input as a whole document, and as the body of one under a right checksum. Returns
/// whether either was accepted.
inline bool fuzz_checkpoint(const std::uint8_t* data, std::size_t size) {
  static const CheckpointOnDisk checkpoint;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const bool accepted = checkpoint.is_read_with(input);
  return checkpoint.is_read_with(seal("checkpoint", input)) || accepted;
}

}  // namespace ringfeed::fuzz
