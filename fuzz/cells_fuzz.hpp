// What the fuzzer feeds to the decoders of CQL values, and what must hold of the answer;
// tests/store/corpus_test.cpp replays fuzz/corpus/cells through the same function.
#pragma once

#include <arrow/api.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ringfeed/error.hpp>
#include <ringfeed/schema.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cql/value.hpp"
#include "dataset/chunk.hpp"
#include "store/rows/column.hpp"

namespace ringfeed::fuzz {

/// The cells of a column as the rows of a frame have them: a length (below 0: a null), then the
/// bytes. As far as they are whole.
inline std::vector<std::string_view> cells_of(std::string_view rows) {
  std::vector<std::string_view> cells;
  while (rows.size() >= 4) {
    const auto length = cql::read_big_endian<std::int32_t>(rows.data());
    rows.remove_prefix(4);
    if (length < 0) {
      cells.emplace_back();
      continue;
    }
    if (static_cast<std::size_t>(length) > rows.size()) break;
    cells.push_back(rows.substr(0, static_cast<std::size_t>(length)));
    rows.remove_prefix(cells.back().size());
  }
  return cells;
}

/// What was decoded is whole, and is the cells again where no value was changed on its way.
inline void check_decoded(const rows::RowColumn& column, const std::vector<std::string_view>& cells,
                          std::shared_ptr<arrow::ArrayData> decoded) {
  const Schema schema{{column.spec}};
  const auto batch = arrow::RecordBatch::Make(
      schema.to_arrow(), static_cast<std::int64_t>(cells.size()), {std::move(decoded)});
  if (const auto status = batch->ValidateFull(); !status.ok())
    throw std::logic_error(status.ToString());
  try {
    if (is_float(column.spec.dtype)) rows::check_finite(column.spec, *batch->column_data(0));
  } catch (const rows::BadCell& bad) {
    if (bad.row >= cells.size()) throw std::logic_error("a row that is not there");
  }
  const auto type = rows::CqlType::parse(column.type);
  if (cells.empty() || rows::dtype_of(type.kind) != column.spec.dtype) return;
  const auto views = column_views(*batch, schema);
  for (std::size_t row = 0; row < cells.size(); ++row) {
    std::string again;
    rows::encode_cell(column, views[0], row, again);
    if (cells[row].data() != nullptr && again != cells[row])
      throw std::logic_error("another cell than was decoded");
  }
}

/// True when all cells are samples of the column.
inline bool decode(const rows::RowColumn& column, const std::vector<std::string_view>& cells) {
  try {
    check_decoded(column, cells, rows::decode_cells(column, cells));
    return true;
  } catch (const rows::BadCell& bad) {
    if (bad.row >= cells.size() || bad.what.empty())
      throw std::logic_error("a cell without a fault was called bad");
    return false;
  }
}

/// The input is the type of a column, a line, then cells of it. They are decoded as what the column
/// is by itself, and as each tensor that may be made of it. Returns whether the first was accepted.
inline bool fuzz_cells(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto end = input.find('\n');
  if (end == std::string_view::npos) return false;
  const std::string type(input.substr(0, end));
  const auto cells = cells_of(input.substr(end + 1));
  for (const auto cell : cells) {
    rows::cell_text(type, cell);
    cql::read_text_map(cell);
  }
  bool accepted = false;
  try {
    const auto column = rows::column_of_cql("x", type);
    Schema{{column.spec}}.check();
    if (rows::misfit(column).empty()) accepted = decode(column, cells);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInvalidArgument && error.code() != ErrorCode::kBadData) throw;
  }
  for (const auto dtype :
       {DType::kUInt8, DType::kInt64, DType::kFloat16, DType::kFloat32, DType::kBool}) {
    for (const auto& shape : std::vector<std::vector<std::int64_t>>{{}, {3}, {2, 2}}) {
      const rows::RowColumn column{{"x", ColumnKind::kTensor, dtype, shape}, "x", type};
      if (!rows::misfit(column).empty()) continue;
      decode(column, cells);
      const auto in_place = rows::in_place(column);
      const auto bytes = column.spec.sample_bytes();
      const bool fit = std::ranges::all_of(cells, [&](auto cell) { return cell.size() == bytes; });
      if (!in_place || !fit || !is_float(dtype)) continue;
      try {
        rows::check_finite(column.spec, *in_place, cells);
      } catch (const rows::BadCell& bad) {
        if (bad.row >= cells.size()) throw std::logic_error("a row that is not there");
      }
    }
  }
  return accepted;
}

}  // namespace ringfeed::fuzz
