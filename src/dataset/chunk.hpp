// A chunk: the record batch that is stored and read as one. Its bytes are one encapsulated Arrow
// IPC message (docs/format.md), the same in a local file and in a database cell.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <ringfeed/schema.hpp>
#include <string_view>
#include <vector>

namespace arrow {
struct ArrayData;
class Buffer;
class Field;
class RecordBatch;
class Schema;
}  // namespace arrow

namespace ringfeed {

/// Most bytes of one sample.
inline constexpr std::uint64_t kSampleBytesMax = std::uint64_t{8} << 20;
/// Most bytes of one encoded chunk; a database refuses 16 MiB.
inline constexpr std::uint64_t kChunkBytesMax = std::uint64_t{15} << 20;
/// The length of an encoded chunk, and the place of each column's memory in it, is a multiple of
/// this.
inline constexpr std::uint64_t kChunkAlignment = 8;

/// How many chunks this process has encoded and decoded, so that a test can tell what a way of the
/// data costs.
struct ChunkConversions {
  std::uint64_t encoded = 0;
  std::uint64_t decoded = 0;
};
ChunkConversions chunk_conversions() noexcept;

/// Throws Error{kBadData} that starts with `where` unless the batch has exactly the schema's
/// columns and no nulls.
void check_columns(const arrow::RecordBatch& batch, const Schema& schema, std::string_view where);

/// A batch without nulls, of at least one row. The same samples give the same bytes, also as a
/// slice of more. Throws Error{kBadData} when they would exceed kChunkBytesMax.
std::shared_ptr<arrow::Buffer> encode_chunk(const arrow::RecordBatch& batch);

/// The columns point into `bytes`, which they keep alive; nothing is copied. `arrow_schema` is
/// Schema::to_arrow(). Throws Error{kBadData} that starts with `where` when the bytes are not a
/// chunk of that schema with exactly `samples` rows: whatever the bytes are, what is returned is
/// safe to read.
std::shared_ptr<arrow::RecordBatch> decode_chunk(std::shared_ptr<arrow::Buffer> bytes,
                                                 const std::shared_ptr<arrow::Schema>& arrow_schema,
                                                 std::uint32_t samples, std::string_view where);

/// Samples of a tensor column that lie scattered in memory which others own, each `sample_bytes`
/// long (at least kScatteredBytesMin).
struct Scattered {
  std::vector<std::string_view> samples;
  /// The memory of samples [starts[i], starts[i + 1]) is kept by owners[i]; the last goes to the
  /// end.
  std::vector<std::size_t> starts;
  std::vector<std::shared_ptr<const void>> owners;
  bool swapped = false;  ///< as numbers of 4 bytes in the other byte order
};

/// Shorter ones Arrow has in the views themselves.
inline constexpr std::size_t kScatteredBytesMin = 13;

/// A record batch may have them without a copy: as Arrow's binary_view, in a field of this kind.
std::shared_ptr<arrow::ArrayData> scattered_column(const Scattered& scattered);
std::shared_ptr<arrow::Field> scattered_field(const arrow::Field& field, bool swapped);

/// The same samples without scattered columns: what encode_chunk() and check_columns() take.
std::shared_ptr<arrow::RecordBatch> gathered(const std::shared_ptr<arrow::RecordBatch>& batch,
                                             const Schema& schema);

/// The memory of one column. Valid as long as the record batch.
struct ColumnView {
  /// The first element of the first sample; null only when there is no element at all. For
  /// bit-packed columns the byte that bit_offset counts from.
  const std::byte* data = nullptr;
  /// From one sample to the next. 0: bit-packed, or of varying length.
  std::size_t stride_bytes = 0;
  /// Bits, least significant first: element e of sample s is bit bit_offset + s * elements + e, and
  /// of a list column bit bit_offset + offsets[s] + e.
  bool bit_packed = false;
  std::int64_t bit_offset = 0;
  /// kList, kBinary, kString: rows + 1 element numbers into data; sample s is [offsets[s],
  /// offsets[s + 1]). Else null.
  const std::int32_t* offsets = nullptr;
  /// size_of(dtype) of the column (1 for bit-packed ones: the size in a batch).
  std::size_t element_bytes = 0;
  /// Of a scattered column: the place of each sample, instead of data and stride_bytes.
  std::shared_ptr<const std::vector<const std::byte*>> scattered;
  bool swapped = false;  ///< as in Scattered

  const std::byte* sample(std::size_t row) const noexcept {
    return scattered == nullptr ? data + row * stride_bytes : (*scattered)[row];
  }
};

/// One view per column of the schema, whose columns the batch must have (check_columns), tensors
/// perhaps as scattered ones. Slices are respected, and a fixed-shape-tensor extension array is
/// seen as its storage.
std::vector<ColumnView> column_views(const arrow::RecordBatch& batch, const Schema& schema);

}  // namespace ringfeed
