// The canonical form of a sample: its columns in the order of their names, each value as it is in a
// batch, behind its length where lengths differ.
#include "compare/sample_hash.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "dataset/sample_bytes.hpp"

namespace ringfeed {
namespace {

constexpr std::size_t kClassesShown = 10;

}  // namespace

bool is_comparable(const ColumnSpec& a, const ColumnSpec& b) noexcept {
  return a.kind == b.kind && a.dtype == b.dtype && a.shape == b.shape &&
         a.classes.empty() == b.classes.empty();
}

std::string described(const ColumnSpec& column) {
  std::string text = column.type_name();
  if (column.classes.empty()) return text;
  text += fmt::format(" of {} classes:", column.classes.size());
  for (std::size_t i = 0; i < std::min(kClassesShown, column.classes.size()); ++i)
    text += fmt::format("{} {}", i == 0 ? "" : ",", column.classes[i]);
  return column.classes.size() > kClassesShown ? text + ", ..." : text;
}

SampleHash::SampleHash(const Schema& schema, std::vector<std::string> columns) {
  std::sort(columns.begin(), columns.end());
  for (const auto& name : columns) {
    places_.push_back(schema.index_of(name));
    columns_.push_back(schema.columns[places_.back()]);
  }
}

Hash128 SampleHash::of(std::span<const ColumnView> values, std::size_t row) {
  bytes_.clear();
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const bool has_length = columns_[i].kind != ColumnKind::kTensor || !columns_[i].classes.empty();
    const std::size_t before = bytes_.size();
    if (has_length) bytes_.resize(before + sizeof(std::uint64_t));
    append_value(columns_[i], values[places_[i]], row, bytes_);
    if (!columns_[i].classes.empty()) append_class(columns_[i], before);
    if (!has_length) continue;
    const std::uint64_t length = bytes_.size() - before - sizeof(length);
    std::memcpy(bytes_.data() + before, &length, sizeof(length));
  }
  return hash_bytes_128(bytes_);
}

/// The class's name in the place of its number; of a number without a name "#" and the number.
void SampleHash::append_class(const ColumnSpec& column, std::size_t before) {
  const std::size_t begin = before + sizeof(std::uint64_t);
  std::int64_t number = 0;
  std::memcpy(&number, bytes_.data() + begin, sizeof(number));
  bytes_.resize(begin);
  if (number >= 0 && static_cast<std::size_t>(number) < column.classes.size()) {
    bytes_ += column.classes[static_cast<std::size_t>(number)];
  } else {
    bytes_ += fmt::format("#{}", number);
  }
}

}  // namespace ringfeed
