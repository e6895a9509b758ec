// Memory for the pages of a Parquet file: what a page's header claims is bounded before it is
// taken.
#pragma once

#include <arrow/memory_pool.h>

#include <atomic>
#include <cstdint>
#include <string>

namespace ringfeed {

/// Most bytes of pages that are held unpacked at once: one of each column is.
inline constexpr std::int64_t kPagesBytesMax = std::int64_t{1} << 30;

/// Takes from Arrow's default pool, up to kPagesBytesMax. Thread-safe.
class PagePool final : public arrow::MemoryPool {
 public:
  using MemoryPool::Allocate;
  using MemoryPool::Free;
  using MemoryPool::Reallocate;

  arrow::Status Allocate(std::int64_t size, std::int64_t alignment, std::uint8_t** out) override;
  arrow::Status Reallocate(std::int64_t old_size, std::int64_t new_size, std::int64_t alignment,
                           std::uint8_t** pointer) override;
  void Free(std::uint8_t* buffer, std::int64_t size, std::int64_t alignment) override;

  /// What was asked for when it was too much; 0: it never was.
  std::int64_t refused() const noexcept { return refused_; }

  std::int64_t bytes_allocated() const override { return held_; }
  std::int64_t total_bytes_allocated() const override { return below_->total_bytes_allocated(); }
  std::int64_t num_allocations() const override { return below_->num_allocations(); }
  std::string backend_name() const override { return below_->backend_name(); }

 private:
  /// Counts so many bytes more, unless they are too many.
  arrow::Status take(std::int64_t more, std::int64_t size);

  arrow::MemoryPool* const below_ = arrow::default_memory_pool();
  std::atomic<std::int64_t> held_ = 0;
  std::atomic<std::int64_t> refused_ = 0;
};

}  // namespace ringfeed
