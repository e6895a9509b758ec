// Batch memory that is used again: a fresh mapping per batch would cost more in page faults than
// the copy itself.
#pragma once

#include <cstddef>
#include <memory>

namespace ringfeed {

/// Thread-safe; buffers may outlive the pool.
class BufferPool {
 public:
  /// Keeps at most `buffers_max` free buffers.
  explicit BufferPool(std::size_t buffers_max);

  /// At least `bytes`, 64-byte aligned. Comes back to the pool when the last copy of the pointer is
  /// gone.
  std::shared_ptr<std::byte> take(std::size_t bytes);

 private:
  struct Shelf;
  std::shared_ptr<Shelf> shelf_;
};

}  // namespace ringfeed
