// The blocks of a split one after the other, asked for ahead of who takes them.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <ringfeed/store.hpp>
#include <utility>

namespace ringfeed {

/// For one thread.
class BlocksAhead {
 public:
  /// Holds blocks of `bytes_max` at most, but at least one. Of the blocks it takes those of a part.
  BlocksAhead(std::unique_ptr<BlockReader> reader, std::uint64_t bytes_max,
              const SplitPart& part = {});

  bool at_end() const { return taken_ == end_; }
  /// Not at the end: bytes of the next block.
  std::uint64_t next_bytes() const { return reader_->blocks()[taken_].bytes; }
  /// Not at the end: the next block. Throws what its reading threw.
  Chunk take();
  /// The next block is left out.
  void skip();

 private:
  void ask();

  const std::uint64_t bytes_max_;
  std::uint64_t end_ = 0;
  std::uint64_t taken_ = 0;
  std::uint64_t asked_ = 0;
  std::uint64_t held_bytes_ = 0;  ///< of blocks asked for and not taken
  std::mutex mutex_;              ///< of the two below
  std::condition_variable arrived_;
  std::map<std::uint64_t, std::pair<Chunk, std::exception_ptr>> chunks_;
  std::unique_ptr<BlockReader> reader_;  // last: its answers use the above
};

}  // namespace ringfeed
