// Both sides of a chunk are made under one lock: whoever comes second finds it done.
#include <arrow/buffer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/byte_size.h>

#include <mutex>
#include <optional>
#include <ringfeed/chunk.hpp>
#include <ringfeed/error.hpp>
#include <utility>

#include "base/hash.hpp"
#include "base/lost_pages.hpp"
#include "dataset/arrow_status.hpp"
#include "dataset/chunk.hpp"
#include "dataset/mapped_buffer.hpp"

namespace ringfeed {

struct Chunk::Held {
  const std::uint32_t samples;
  const std::shared_ptr<const Schema> schema;         ///< null when it was made of bytes
  const std::shared_ptr<arrow::Schema> arrow_schema;  ///< null when it was made of columns
  const std::string where;
  std::mutex mutex = {};  ///< of the three below, which do not change once they are there
  std::shared_ptr<arrow::RecordBatch> columns = nullptr;
  std::shared_ptr<arrow::Buffer> encoded = nullptr;
  std::optional<std::uint64_t> hash = {};
};

Chunk::Chunk(Encoded encoded)
    : held_(new Held{.samples = encoded.samples,
                     .schema = nullptr,
                     .arrow_schema = std::move(encoded.arrow_schema),
                     .where = std::move(encoded.where),
                     .encoded = std::move(encoded.bytes),
                     .hash = encoded.hash}) {}

Chunk::Chunk(std::shared_ptr<arrow::RecordBatch> columns, std::shared_ptr<const Schema> schema)
    : held_(new Held{.samples = static_cast<std::uint32_t>(columns->num_rows()),
                     .schema = std::move(schema),
                     .arrow_schema = nullptr,
                     .where = {},
                     .columns = std::move(columns)}) {}

std::uint32_t Chunk::samples() const noexcept { return held_->samples; }

const std::shared_ptr<arrow::RecordBatch>& Chunk::columns() const {
  const std::lock_guard lock(held_->mutex);
  if (held_->columns == nullptr) {
    const LostPages lost;
    std::shared_ptr<arrow::RecordBatch> columns;
    try {
      columns = decode_chunk(held_->encoded, held_->arrow_schema, held_->samples, held_->where);
    } catch (const Error&) {
      lost.check();  // what is lost is why
      throw;
    }
    lost.check();
    held_->columns = std::move(columns);
  }
  return held_->columns;
}

const std::shared_ptr<arrow::Buffer>& Chunk::encoded() const {
  const std::lock_guard lock(held_->mutex);
  if (held_->encoded == nullptr)
    held_->encoded = encode_chunk(*gathered(held_->columns, *held_->schema));
  return held_->encoded;
}

std::uint64_t Chunk::hash() const {
  const auto& bytes = encoded();
  const std::lock_guard lock(held_->mutex);
  if (!held_->hash) held_->hash = hash_bytes(std::string_view(*bytes));
  return *held_->hash;
}

std::uint64_t Chunk::bytes() const {
  const std::lock_guard lock(held_->mutex);
  if (held_->encoded != nullptr) return static_cast<std::uint64_t>(held_->encoded->size());
  return static_cast<std::uint64_t>(
      value_of(arrow::util::ReferencedBufferSize(*held_->columns), "a chunk"));
}

Chunk Chunk::detached() const {
  const std::lock_guard lock(held_->mutex);
  if (held_->encoded == nullptr) return {held_->columns, held_->schema};
  auto bytes = held_->encoded;
  if (dynamic_cast<const MappedBuffer*>(bytes.get()) != nullptr)
    bytes = value_of(bytes->CopySlice(0, bytes->size()), "a chunk");
  return Chunk({.bytes = std::move(bytes),
                .arrow_schema = held_->arrow_schema != nullptr ? held_->arrow_schema
                                                               : held_->schema->to_arrow(),
                .samples = held_->samples,
                .hash = held_->hash,
                .where = held_->where});
}

}  // namespace ringfeed
