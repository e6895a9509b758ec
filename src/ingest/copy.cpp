// Chunks are read ahead in any order and put in the manifest's.
#include <arrow/buffer.h>
#include <arrow/record_batch.h>
#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <ringfeed/copy.hpp>
#include <ringfeed/error.hpp>
#include <span>
#include <string>
#include <utility>

#include "base/hash.hpp"
#include "dataset/chunk.hpp"
#include "dataset/ranges.hpp"

namespace ringfeed {
namespace {

constexpr int kReadThreads = 1;

/// Reads the blocks of one split one after the other, ahead of who takes them.
class Blocks {
 public:
  Blocks(Store& store, const Manifest& manifest, const std::string& split, std::uint64_t bytes_max)
      : bytes_max_(bytes_max), reader_(store.reader(manifest, split, kReadThreads)) {}

  /// The next block is left out.
  void skip() {
    ++taken_;
    asked_ = std::max(asked_, taken_);
  }

  Chunk take() {
    ask();
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [&] { return chunks_.contains(taken_); });
    auto [chunk, failure] = std::move(chunks_.extract(taken_).mapped());
    if (failure) std::rethrow_exception(failure);
    held_bytes_ -= reader_->blocks()[taken_++].bytes;
    return std::move(chunk);
  }

 private:
  void ask() {
    const auto blocks = reader_->blocks();
    while (asked_ < blocks.size() &&
           (asked_ == taken_ || held_bytes_ + blocks[asked_].bytes <= bytes_max_)) {
      const std::uint64_t number = asked_++;
      held_bytes_ += blocks[number].bytes;
      reader_->read(number, [this, number](Chunk chunk, std::exception_ptr failure) {
        const std::lock_guard lock(mutex_);
        chunks_[number] = {std::move(chunk), failure};
        arrived_.notify_one();
      });
    }
  }

  const std::uint64_t bytes_max_;
  std::uint64_t taken_ = 0;
  std::uint64_t asked_ = 0;
  std::uint64_t held_bytes_ = 0;  ///< of blocks asked for and not taken
  std::mutex mutex_;              ///< of the two below
  std::condition_variable arrived_;
  std::map<std::uint64_t, std::pair<Chunk, std::exception_ptr>> chunks_;
  std::unique_ptr<BlockReader> reader_;  // last: its answers use the above
};

void check_stop(const CopyOptions& options) {
  if (options.stop.stop_requested()) {
    throw Error(
        ErrorCode::kCancelled,
        "stopped before the end, nothing is published; run the same command again to go on");
  }
}

}  // namespace

CopyResult copy(Store& from, const Manifest& manifest, Store& to, const CopyOptions& options) {
  Origin origin = manifest.origin;
  // A table that others fill has no source to be known by: it is known by what its index says.
  if (!from.is_immutable()) origin.fingerprint = hash_bytes(manifest.encode());
  const WriteIntent intent{manifest.schema, manifest.splits, origin, false};
  const auto writer = to.write(intent, nullptr);
  if (writer->published()) return {writer->publish(), true};
  std::uint64_t total = 0;
  for (const auto& split : manifest.split_infos()) total += split.bytes;

  std::map<std::string, Blocks> splits;
  std::uint64_t number = 0;
  std::uint64_t done = 0;
  for (const auto& part : manifest.parts) {
    auto& blocks =
        splits.try_emplace(part.split, from, manifest, part.split, options.read_ahead_bytes)
            .first->second;
    for (std::size_t i = 0; i < part.chunk_hash.size(); ++i) {
      check_stop(options);
      if (number++ < writer->stored_chunks()) {
        blocks.skip();
      } else {
        const Chunk chunk = gathered(blocks.take(), manifest.schema);
        const auto encoded = encode_chunk(*chunk);
        const std::string_view bytes(reinterpret_cast<const char*>(encoded->data()),
                                     static_cast<std::size_t>(encoded->size()));
        // What is read in place has no chunks yet: they are made here.
        if (from.is_immutable() && hash_bytes(bytes) != part.chunk_hash[i]) {
          throw Error(ErrorCode::kInternal,
                      fmt::format("chunk {} of {} is not encoded as it was read", i, part.name));
        }
        writer->put(part.split, part.chunk_samples[i], bytes, ranges_of(*chunk, manifest.schema));
      }
      done += part.chunk_bytes[i];
      if (options.progress) options.progress("copying", done, total);
    }
  }
  writer->set_permutation(manifest.origin.permutation);
  CopyResult result{writer->publish(), false};
  to.verify(result.manifest, [&](std::uint64_t bytes) {
    if (options.stop.stop_requested())
      throw Error(ErrorCode::kCancelled, "stopped while the copy was verified; it is published");
    if (options.progress) options.progress("verifying", bytes, total);
  });
  return result;
}

}  // namespace ringfeed
