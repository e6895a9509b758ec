// Counts what it hands out.
#include "source/page_pool.hpp"

#include <arrow/status.h>

namespace ringfeed {

arrow::Status PagePool::take(std::int64_t more, std::int64_t size) {
  if (held_.fetch_add(more) + more <= kPagesBytesMax) return arrow::Status::OK();
  held_ -= more;
  refused_ = size;
  return arrow::Status::OutOfMemory("pages are too large");
}

arrow::Status PagePool::Allocate(std::int64_t size, std::int64_t alignment, std::uint8_t** out) {
  ARROW_RETURN_NOT_OK(take(size, size));
  const auto status = below_->Allocate(size, alignment, out);
  if (!status.ok()) held_ -= size;
  return status;
}

arrow::Status PagePool::Reallocate(std::int64_t old_size, std::int64_t new_size,
                                   std::int64_t alignment, std::uint8_t** pointer) {
  ARROW_RETURN_NOT_OK(take(new_size - old_size, new_size));
  const auto status = below_->Reallocate(old_size, new_size, alignment, pointer);
  if (!status.ok()) held_ -= new_size - old_size;
  return status;
}

void PagePool::Free(std::uint8_t* buffer, std::int64_t size, std::int64_t alignment) {
  below_->Free(buffer, size, alignment);
  held_ -= size;
}

}  // namespace ringfeed
