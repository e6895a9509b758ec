// Which pairs of columns fit, and what they are called.
#include "store/rows/column.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ringfeed/error.hpp>

#include "base/option.hpp"
#include "cql/value.hpp"
#include "dataset/text_list.hpp"

namespace ringfeed::rows {
namespace {

std::string hex_text(std::string_view bytes, std::size_t bytes_max) {
  std::string text = "0x";
  for (const char c : bytes.substr(0, bytes_max))
    text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return bytes.size() > bytes_max ? text + "..." : text;
}

/// Numbers of the table's type that are a dtype's numbers too, or are checked to be.
bool converts(CqlKind kind, DType dtype) {
  const auto own = dtype_of(kind);
  return own && (*own == dtype || (kind == CqlKind::kSmallint && dtype == DType::kUInt8) ||
                 (kind == CqlKind::kFloat && dtype == DType::kFloat16));
}

std::string misfit_of_tensor(const ColumnSpec& spec, const CqlType& type,
                             std::string_view type_text) {
  if (type.form == CqlType::Form::kScalar && type.kind == CqlKind::kBlob) return "";
  if (!converts(type.kind, spec.dtype)) {
    const auto own = dtype_of(type.kind);
    return own ? fmt::format("{} has elements of {}, not {}", type_text, name_of(*own),
                             name_of(spec.dtype))
               : fmt::format("{} is no tensor", type_text);
  }
  if (type.form == CqlType::Form::kList) return "";
  const std::int64_t elements = type.form == CqlType::Form::kVector ? type.dimension : 1;
  if (spec.elements() == elements) return "";
  return fmt::format("{} has {} elements, the shape [{}] takes {}", type_text, elements,
                     fmt::join(spec.shape, ", "), spec.elements());
}

}  // namespace

RowColumn column_of_cql(std::string_view name, std::string_view type_text) {
  const CqlType type = CqlType::parse(type_text);
  RowColumn column{{std::string(name), ColumnKind::kTensor, DType::kUInt8, {}},
                   std::string(name),
                   std::string(type_text)};
  switch (type.kind) {
    case CqlKind::kText:
    case CqlKind::kUuid:
      column.spec.kind = ColumnKind::kString;
      return column;
    case CqlKind::kBlob:
      column.spec.kind = ColumnKind::kBinary;
      return column;
    case CqlKind::kOther:
      throw Error(ErrorCode::kInvalidArgument,
                  is_text_list(type_text)
                      ? fmt::format("column {}: {}, or leave it out with {}", name,
                                    kTextListRefusal, option_name("drop"))
                      : fmt::format("column {} is of type {}, which a sample cannot hold; leave it "
                                    "out with {}",
                                    name, type_text, option_name("drop")));
    default:
      break;
  }
  column.spec.dtype = *dtype_of(type.kind);
  if (type.form == CqlType::Form::kList) column.spec.kind = ColumnKind::kList;
  if (type.form == CqlType::Form::kVector) column.spec.shape = {type.dimension};
  return column;
}

bool can_be_written(const RowColumn& column, std::string_view type_text) {
  if (is_narrow(type_text)) return false;
  const CqlType type = CqlType::parse(type_text);
  if (type == CqlType::parse(column.type)) return true;
  const bool other_form = type.form == CqlType::Form::kList ||
                          type == CqlType{CqlType::Form::kScalar, CqlKind::kBlob, 0};
  return column.spec.kind == ColumnKind::kTensor && !column.spec.shape.empty() && other_form &&
         misfit({column.spec, column.name, std::string(type_text)}).empty();
}

RowColumn column_of_sample(const ColumnSpec& spec, bool has_vectors) {
  const auto typed = [&](std::string type) { return RowColumn{spec, spec.name, std::move(type)}; };
  switch (spec.kind) {
    case ColumnKind::kString:
      return typed("text");
    case ColumnKind::kBinary:
      return typed("blob");
    case ColumnKind::kList:
      return typed(fmt::format("frozen<list<{}>>", cql_name_of(spec.dtype)));
    case ColumnKind::kTensor:
      break;
  }
  if (spec.shape.empty()) return typed(std::string(cql_name_of(spec.dtype)));
  if (spec.dtype == DType::kFloat32 && has_vectors)
    return typed(fmt::format("vector<float, {}>", spec.elements()));
  return typed("blob");
}

std::string misfit(const RowColumn& column) {
  const CqlType type = CqlType::parse(column.type);
  const bool scalar = type.form == CqlType::Form::kScalar;
  const auto needs = [&](std::string_view what) {
    return fmt::format("a {} is made of {}, not of {}", column.spec.type_name(), what, column.type);
  };
  switch (column.spec.kind) {
    case ColumnKind::kString:
      return scalar && (type.kind == CqlKind::kText || type.kind == CqlKind::kUuid)
                 ? ""
                 : needs("text or uuid");
    case ColumnKind::kBinary:
      return scalar && type.kind == CqlKind::kBlob ? "" : needs("blob");
    case ColumnKind::kList:
      return type.form == CqlType::Form::kList && converts(type.kind, column.spec.dtype)
                 ? ""
                 : needs("a list");
    case ColumnKind::kTensor:
      break;
  }
  return misfit_of_tensor(column.spec, type, column.type);
}

std::uint64_t fixed_bytes(const RowColumn& column, bool& varies) noexcept {
  if (column.spec.kind == ColumnKind::kTensor) return column.spec.sample_bytes();
  varies = true;
  return sizeof(std::int32_t);
}

std::string cell_text(std::string_view type_text, std::string_view cell) {
  constexpr std::size_t kBytesShown = 64;
  const CqlType type = CqlType::parse(type_text);
  if (type.form != CqlType::Form::kScalar) return hex_text(cell, kBytesShown);
  const auto size = cell_bytes(type.kind);
  if (size && cell.size() != *size) return hex_text(cell, kBytesShown);
  switch (type.kind) {
    case CqlKind::kTinyint:
      return fmt::format("{}", cql::read_big_endian<std::int8_t>(cell.data()));
    case CqlKind::kSmallint:
      return fmt::format("{}", cql::read_big_endian<std::int16_t>(cell.data()));
    case CqlKind::kInt:
      return fmt::format("{}", cql::read_big_endian<std::int32_t>(cell.data()));
    case CqlKind::kBigint:
    case CqlKind::kTimestamp:
      return fmt::format("{}", cql::read_big_endian<std::int64_t>(cell.data()));
    case CqlKind::kText: {
      std::string text = "'";
      for (const char c : cell.substr(0, kBytesShown)) text += c >= 0 && c < ' ' ? '?' : c;
      return text + (cell.size() > kBytesShown ? "...'" : "'");
    }
    case CqlKind::kUuid: {
      std::string text;
      for (std::size_t i = 0; i < cell.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
        text += fmt::format("{:02x}", static_cast<unsigned char>(cell[i]));
      }
      return text;
    }
    default:
      return hex_text(cell, kBytesShown);
  }
}

}  // namespace ringfeed::rows
