// Samples as a page shows them: pictures, numbers, text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <ringfeed/batch.hpp>
#include <ringfeed/schema.hpp>
#include <string>
#include <string_view>

namespace ringfeed {

/// Columns of which a page shows anything.
inline constexpr std::size_t kShownColumnsMost = 60;
/// Bytes of a text that are shown.
inline constexpr std::size_t kShownTextMost = 200;

/// An element, as far as a float64 can hold it.
double number_of(const Column& column, std::int64_t i);

/// An element of a column of whole numbers.
std::int64_t whole_of(const Column& column, std::int64_t i);

/// At most so many bytes of a text, cut between characters; then "…" stands behind it.
std::string cut_text(std::string_view text, std::size_t bytes);

/// Whether its values can be numbers of classes: whole scalars.
bool is_class(const ColumnSpec& spec);
/// The name of a class, or its number.
std::string class_name(const ColumnSpec& spec, std::int64_t number);

/// Of all samples together it gives pictures of 512 KiB and texts of 100 KiB; behind that tensors
/// are numbers, and texts their lengths.
class Shower {
 public:
  /// A value for each of the first columns, which are those of the schema, in its order.
  nlohmann::ordered_json sample(const Schema& schema, const Batch& batch, std::int64_t sample);

 private:
  nlohmann::ordered_json value(const ColumnSpec& spec, const Column& column, std::int64_t sample);

  std::size_t picture_bytes_ = 0;
  std::size_t text_bytes_ = 0;
};

}  // namespace ringfeed
