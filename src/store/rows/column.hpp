// A column of a row table and the column of a sample that it becomes: which pairs fit, and how
// cells are turned into Arrow memory and back (docs/format.md, "Row tables").
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <ringfeed/schema.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/rows/cql_type.hpp"

namespace arrow {
struct ArrayData;
}

namespace ringfeed {
struct ColumnView;
}

namespace ringfeed::rows {

struct RowColumn {
  ColumnSpec spec;
  std::string name;  ///< in the table
  std::string type;  ///< in the table, as CQL writes it
  bool operator==(const RowColumn&) const = default;
};

/// What a column of this CQL type becomes on its own. Throws Error{kInvalidArgument} that names the
/// column, its type and the remedy when nothing can.
RowColumn column_of_cql(std::string_view name, std::string_view type);

/// The CQL type that a column of a sample is written as: float32 tensors as vector<float, n> where
/// the server has vectors, other tensors as blob, the rest as what has all its values.
RowColumn column_of_sample(const ColumnSpec& spec, bool has_vectors);
/// Whether all samples that column_of_sample() is made for can be written to a column of this type:
/// of the same form, or, of tensors, a blob or a list.
bool can_be_written(const RowColumn& column, std::string_view type);

/// What is wrong with the pair; empty when each right cell gives a sample.
std::string misfit(const RowColumn& column);

/// Bytes of one sample in a batch as far as they are the same for all; `varies` tells whether there
/// are more.
std::uint64_t fixed_bytes(const RowColumn& column, bool& varies) noexcept;

/// A cell that cannot be a sample's value.
struct BadCell {
  std::size_t row = 0;
  std::string what;
};

/// The cells of one column, one per row (no data: a null), as Arrow memory of the column's spec.
/// Throws BadCell.
std::shared_ptr<arrow::ArrayData> decode_cells(const RowColumn& column,
                                               std::span<const std::string_view> cells);

/// Where the cells of a column can be used as they are: each is a sample's bytes, as long as
/// spec.sample_bytes().
struct InPlace {
  bool swapped = false;  ///< as numbers of 4 bytes in the other byte order
};

/// Throws BadCell when a value of decode_cells() is NaN or infinite.
void check_finite(const ColumnSpec& spec, const arrow::ArrayData& column);
/// The same for cells that are used in place.
void check_finite(const ColumnSpec& spec, const InPlace& in_place,
                  std::span<const std::string_view> cells);

/// One value as a cell: the inverse. `out` is replaced.
void encode_cell(const RowColumn& column, const ColumnView& view, std::size_t row,
                 std::string& out);

/// Where the cells can be used as they are; nothing: they have to be decoded.
std::optional<InPlace> in_place(const RowColumn& column);

/// A cell of any type for messages: "id=7d1c0b3a-...", "name='x'".
std::string cell_text(std::string_view type, std::string_view cell);

}  // namespace ringfeed::rows
