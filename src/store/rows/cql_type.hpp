// Types of CQL columns, as system_schema.columns names them, as far as a sample can hold them.
#pragma once

#include <cstdint>
#include <optional>
#include <ringfeed/schema.hpp>
#include <string>
#include <string_view>

namespace ringfeed::rows {

enum class CqlKind : std::uint8_t {
  kTinyint,
  kSmallint,
  kInt,
  kBigint,  ///< also counter
  kFloat,
  kDouble,
  kBoolean,
  kTimestamp,
  kText,  ///< also ascii and varchar
  kBlob,
  kUuid,   ///< also timeuuid
  kOther,  ///< no column of a sample can be made of it
};

struct CqlType {
  enum class Form : std::uint8_t { kScalar, kVector, kList };
  Form form = Form::kScalar;
  CqlKind kind = CqlKind::kOther;  ///< of the elements of a vector or list
  std::int64_t dimension = 0;      ///< of a vector
  bool operator==(const CqlType&) const = default;

  /// "vector<float, 10>", "frozen<list<int>>", "text", ... What is not known is kOther.
  static CqlType parse(std::string_view text);
};

/// A list whose elements are text, frozen or not.
bool is_text_list(std::string_view type) noexcept;

/// Of the types that read alike, those that not all values can be written to by an INSERT: ascii,
/// timeuuid, counter.
bool is_narrow(std::string_view type) noexcept;

/// The dtype that has the values of a number, boolean or timestamp; nothing for the others.
std::optional<DType> dtype_of(CqlKind kind) noexcept;

/// The smallest CQL type that has all values of a scalar: uint8 is smallint, float16 is float.
std::string_view cql_name_of(DType dtype) noexcept;

/// Bytes of one cell; nothing when it varies.
std::optional<std::size_t> cell_bytes(CqlKind kind) noexcept;

}  // namespace ringfeed::rows
