// A chunk: the samples that a store keeps and reads as one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace arrow {
class Buffer;
class RecordBatch;
class Schema;
}  // namespace arrow

namespace ringfeed {

struct Schema;

/// Samples as encoded bytes, as columns, or as both. What it was not made of is made when it is
/// first asked for, and then kept: nothing is converted twice. A value that is cheap to copy; its
/// copies share what they hold. Thread-safe.
class Chunk {
 public:
  /// Form that encoded bytes must have, and how errors name them.
  struct Encoded {
    std::shared_ptr<arrow::Buffer> bytes;         ///< keeps the memory alive
    std::shared_ptr<arrow::Schema> arrow_schema;  ///< Schema::to_arrow()
    std::uint32_t samples = 0;
    std::optional<std::uint64_t> hash = {};  ///< their XXH3-64, which the maker has compared
    std::string where = {};                  ///< the start of messages: store, part and chunk
  };

  /// No chunk: what comes with a failure.
  Chunk() noexcept = default;
  Chunk(std::nullptr_t) noexcept {}
  explicit Chunk(Encoded encoded);
  /// `columns` are those of `schema`, without nulls. A tensor column may be Arrow's binary_view of
  /// its samples' bytes instead, where they lie scattered in what was received
  /// (dataset/chunk.hpp).
  Chunk(std::shared_ptr<arrow::RecordBatch> columns, std::shared_ptr<const Schema> schema);

  bool operator==(std::nullptr_t) const noexcept { return held_ == nullptr; }

  // The rest needs a chunk.

  std::uint32_t samples() const noexcept;
  /// Decodes the bytes at the first call. The columns may point into mapped memory. Throws
  /// Error{kBadData} when the bytes are not a chunk of the schema with samples() rows, or when
  /// their file was cut.
  const std::shared_ptr<arrow::RecordBatch>& columns() const;
  /// Encodes the columns at the first call. Throws Error{kBadData} when they take more than
  /// 15 MiB.
  const std::shared_ptr<arrow::Buffer>& encoded() const;
  /// The XXH3-64 of encoded().
  std::uint64_t hash() const;
  /// The length of the encoded bytes, or of the columns' memory while there are none. Converts
  /// nothing.
  std::uint64_t bytes() const;
  /// Returns the same samples in a chunk of its own: what is made of it is not kept by this one,
  /// and encoded bytes in a mapped file are copied: nobody can change them any more.
  Chunk detached() const;

 private:
  struct Held;
  std::shared_ptr<Held> held_;
};

}  // namespace ringfeed
