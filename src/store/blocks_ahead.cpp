// Blocks may arrive in any order.
#include "store/blocks_ahead.hpp"

#include <algorithm>

namespace ringfeed {

BlocksAhead::BlocksAhead(std::unique_ptr<BlockReader> reader, std::uint64_t bytes_max,
                         const SplitPart& part)
    : bytes_max_(bytes_max), reader_(std::move(reader)) {
  const std::uint64_t blocks = reader_->blocks().size();
  taken_ = asked_ = blocks * part.number / part.count;
  end_ = blocks * (part.number + 1) / part.count;
}

void BlocksAhead::skip() {
  ++taken_;
  asked_ = std::max(asked_, taken_);
}

Chunk BlocksAhead::take() {
  ask();
  std::unique_lock lock(mutex_);
  arrived_.wait(lock, [&] { return chunks_.contains(taken_); });
  auto [chunk, failure] = std::move(chunks_.extract(taken_).mapped());
  if (failure) std::rethrow_exception(failure);
  held_bytes_ -= reader_->blocks()[taken_++].bytes;
  return std::move(chunk);
}

void BlocksAhead::ask() {
  const auto blocks = reader_->blocks();
  while (asked_ < end_ && (asked_ == taken_ || held_bytes_ + blocks[asked_].bytes <= bytes_max_)) {
    const std::uint64_t number = asked_++;
    held_bytes_ += blocks[number].bytes;
    reader_->read(number, [this, number](Chunk chunk, std::exception_ptr failure) {
      const std::lock_guard lock(mutex_);
      chunks_[number] = {std::move(chunk), failure};
      arrived_.notify_one();
    });
  }
}

}  // namespace ringfeed
