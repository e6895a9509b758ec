// The shelf of free buffers is shared with the buffers that are out, so that they find their way
// back or, when the pool is gone, are freed.
#include "feed/buffer_pool.hpp"

#include <algorithm>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

namespace ringfeed {
namespace {

constexpr std::align_val_t kAlignment{64};

struct Freer {
  void operator()(std::byte* data) const noexcept { ::operator delete(data, kAlignment); }
};

struct Buffer {
  std::unique_ptr<std::byte, Freer> data;
  std::size_t bytes = 0;
  std::thread::id writer;  ///< who last took it
};

}  // namespace

struct BufferPool::Shelf {
  std::mutex mutex;
  std::vector<Buffer> free;
  std::size_t buffers_max = 0;

  /// One of this size, if there is any. Best is what this thread wrote last, which its processor has
  /// in its cache; what another thread wrote may be in that one's, least so the longest free.
  Buffer take(std::size_t size) {
    const auto writer = std::this_thread::get_id();
    const std::lock_guard lock(mutex);
    const auto fits = [&](const Buffer& buffer) { return buffer.bytes >= size; };
    const auto own = std::find_if(free.rbegin(), free.rend(), [&](const Buffer& buffer) {
      return fits(buffer) && buffer.writer == writer;
    });
    const auto found = own != free.rend() ? std::next(own).base()
                                          : std::find_if(free.begin(), free.end(), fits);
    if (found == free.end()) return {};
    Buffer buffer = std::move(*found);
    free.erase(found);
    return buffer;
  }

  void put_back(Buffer buffer) noexcept {
    const std::lock_guard lock(mutex);
    if (free.size() < buffers_max)
      free.push_back(std::move(buffer));  // within the reserved capacity
  }
};

BufferPool::BufferPool(std::size_t buffers_max, Allocate allocate)
    : allocate_(std::move(allocate)), shelf_(std::make_shared<Shelf>()) {
  shelf_->buffers_max = buffers_max;
  shelf_->free.reserve(buffers_max);
}

std::shared_ptr<std::byte> BufferPool::take(std::size_t bytes) {
  if (allocate_) return std::static_pointer_cast<std::byte>(allocate_(bytes));
  Buffer buffer = shelf_->take(bytes);
  if (!buffer.data) {
    buffer.bytes = std::max<std::size_t>(bytes, 64);
    buffer.data.reset(static_cast<std::byte*>(::operator new(buffer.bytes, kAlignment)));
  }
  buffer.writer = std::this_thread::get_id();
  std::byte* data = buffer.data.get();
  auto keeper = std::make_shared<Buffer>(std::move(buffer));
  return {data, [keeper, shelf = shelf_](std::byte*) { shelf->put_back(std::move(*keeper)); }};
}

}  // namespace ringfeed
