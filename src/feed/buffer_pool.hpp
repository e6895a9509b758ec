// Batch memory that is used again: a fresh mapping per batch would cost more in page faults than
// the copy itself.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace ringfeed {

/// Thread-safe; buffers may outlive the pool.
class BufferPool {
 public:
  /// As FeedOptions::allocate; who makes buffers has to see to their use again.
  using Allocate = std::function<std::shared_ptr<void>(std::size_t bytes)>;

  /// Keeps at most `buffers_max` free buffers. `allocate`: makes them all, and keeps none.
  explicit BufferPool(std::size_t buffers_max, Allocate allocate = {});

  /// At least `bytes`, 64-byte aligned. Comes back to the pool when the last copy of the pointer is
  /// gone.
  std::shared_ptr<std::byte> take(std::size_t bytes);

 private:
  struct Shelf;
  const Allocate allocate_;
  std::shared_ptr<Shelf> shelf_;
};

}  // namespace ringfeed
