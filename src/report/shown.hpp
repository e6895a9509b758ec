// Samples as a page shows them: pictures, numbers, text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <ringfeed/batch.hpp>
#include <ringfeed/schema.hpp>
#include <string>

namespace ringfeed {

/// Bytes of a text that are shown.
inline constexpr std::size_t kShownTextMost = 200;

/// An element, as far as a float64 can hold it.
double number_of(const Column& column, std::int64_t i);

/// Whether its values can be numbers of classes: whole scalars.
bool is_class(const ColumnSpec& spec);
/// The name of a class, or its number.
std::string class_name(const ColumnSpec& spec, std::int64_t number);

/// Of all samples together it gives pictures of 1 MiB; then tensors are text.
class Shower {
 public:
  /// A value for each column, which are those of the schema, in its order.
  nlohmann::ordered_json sample(const Schema& schema, const Batch& batch, std::int64_t sample);

 private:
  nlohmann::ordered_json value(const ColumnSpec& spec, const Column& column, std::int64_t sample);

  std::size_t picture_bytes_ = 0;
};

}  // namespace ringfeed
