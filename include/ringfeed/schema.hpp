// Schema: what a sample is. Its columns have names, and each is a tensor of a fixed shape, a list
// of varying length, bytes or text. It is stored as an Arrow schema (docs/format.md); the rest of
// the code works with this view of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace arrow {
class Schema;
}

namespace ringfeed {

/// Types of elements.
enum class DType : std::uint8_t {
  kUInt8,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kFloat16,
  kFloat32,
  kFloat64,
  kBool,  ///< one byte per element in a batch, one bit in Arrow
};

/// Bytes per element in a batch.
std::size_t size_of(DType dtype) noexcept;
/// "uint8", "float32", ...: the names of NumPy and torch.
std::string_view name_of(DType dtype) noexcept;
/// Returns whether values are whole numbers; bool is none.
bool is_integer(DType dtype) noexcept;
/// Returns whether values are floating-point numbers.
bool is_float(DType dtype) noexcept;
/// The inverse of name_of. Throws Error{kInvalidArgument} that lists the names.
DType dtype_from_name(std::string_view name);

/// Kinds of columns.
enum class ColumnKind : std::uint8_t {
  kTensor,  ///< the same shape in each sample; an empty shape is a scalar
  kList,    ///< one dimension whose length differs from sample to sample
  kBinary,  ///< bytes
  kString,  ///< UTF-8 text
};

/// "tensor", "list", "binary", "string".
std::string_view name_of(ColumnKind kind) noexcept;
/// The inverse; nothing for another text.
std::optional<ColumnKind> kind_from_name(std::string_view name) noexcept;

/// Most dimensions of a tensor column.
inline constexpr std::size_t kTensorDimensionsMax = 16;
/// Most columns of a schema.
inline constexpr std::size_t kColumnsMax = 65'536;
/// Most bytes of a column's name.
inline constexpr std::size_t kColumnNameBytesMax = 1024;
/// Most classes of a column.
inline constexpr std::size_t kClassNamesMax = 65'536;
/// Most bytes of a class's name.
inline constexpr std::size_t kClassNameBytesMax = 1024;

/// Column of a schema.
struct ColumnSpec {
  std::string name;
  ColumnKind kind = ColumnKind::kTensor;
  DType dtype = DType::kFloat32;  ///< kUInt8 for kBinary and kString
  std::vector<std::int64_t>
      shape;  ///< shape of one sample; kTensor only, each dimension at least 1
  /// The names of classes by their number, of a scalar int64 column whose values are numbers of
  /// classes; else empty.
  std::vector<std::string> classes = {};

  /// Elements per sample of a kTensor column (1 for a scalar).
  std::int64_t elements() const noexcept;
  /// Bytes per sample of a kTensor column in a batch.
  std::size_t sample_bytes() const noexcept;
  /// "float32 [8, 8]", "int64", "list<int32>", "string": for people.
  std::string type_name() const;
  bool operator==(const ColumnSpec&) const = default;
};

/// Places of columns in a schema, each once, ascending.
using ColumnPlaces = std::vector<std::uint32_t>;

/// Columns of a sample.
struct Schema {
  std::vector<ColumnSpec> columns;

  /// Returns null when there is no column of that name.
  const ColumnSpec* find(std::string_view name) const noexcept;
  /// The column of that name. Throws Error{kInvalidArgument} that names the columns there are.
  const ColumnSpec& at(std::string_view name) const;
  /// Its place in `columns`. Throws as at() does.
  std::size_t index_of(std::string_view name) const;
  /// The places of the columns of these names, of all columns without any. Throws as at() does.
  ColumnPlaces places_of(const std::vector<std::string>& names) const;
  /// The columns at these places alone.
  Schema only(const ColumnPlaces& places) const;
  bool operator==(const Schema&) const = default;

  /// Checks that a data set can have these columns: 1 to kColumnsMax of different names, each of 1
  /// to kColumnNameBytesMax bytes of UTF-8 text, with shapes of at most kTensorDimensionsMax
  /// dimensions, and tensors that together take at most 8 MiB of a sample; names of classes that
  /// each stand once. What is written and what is read are held against it alike. Throws
  /// Error{kBadData} that names the column and the limit.
  void check() const;

  /// Makes the Arrow schema: tensors are fixed-size lists with Arrow's canonical fixed-shape-tensor
  /// metadata, scalars are plain, nothing is nullable.
  std::shared_ptr<arrow::Schema> to_arrow() const;
  /// Reads an Arrow schema. Throws Error{kBadData} that names the column and its type when a type
  /// cannot be held.
  static Schema from_arrow(const arrow::Schema& schema);
};

}  // namespace ringfeed
