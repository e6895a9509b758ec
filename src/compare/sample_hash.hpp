// What a sample is known by: a hash of its values in columns that several data sets have.
#pragma once

#include <cstdint>
#include <ringfeed/schema.hpp>
#include <span>
#include <string>
#include <vector>

#include "base/hash.hpp"
#include "dataset/chunk.hpp"

namespace ringfeed {

/// Whether values of the two columns can be the same: of one type; classes have names in both, or
/// in neither.
bool is_comparable(const ColumnSpec& a, const ColumnSpec& b) noexcept;

/// The type of a column, and its first classes: for people.
std::string described(const ColumnSpec& column);

/// Not thread-safe.
class SampleHash {
 public:
  /// Of these columns; the order in which they are named makes no difference, nor that of the
  /// schema. Throws Error{kInvalidArgument} for one that the schema has not.
  SampleHash(const Schema& schema, std::vector<std::string> columns);

  Hash128 of(std::span<const ColumnView> values, std::size_t row);

 private:
  void append_class(const ColumnSpec& column, std::size_t before);

  std::vector<ColumnSpec> columns_;
  std::vector<std::size_t> places_;  ///< in the schema
  std::string bytes_;
};

}  // namespace ringfeed
