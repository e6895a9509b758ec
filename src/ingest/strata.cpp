// Each value is taken as its bytes: equal bytes, equal value.
#include "ingest/strata.hpp"

#include <arrow/util/bit_util.h>
#include <fmt/format.h>

#include <ringfeed/error.hpp>
#include <string_view>
#include <unordered_map>

namespace ringfeed {
namespace {

constexpr std::size_t kValuesMax = std::size_t{1} << 20;

/// The bytes of a sample's value; `bit` holds those of a boolean.
std::string_view value_at(const ColumnView& view, std::uint64_t row, char& bit) {
  if (view.offsets != nullptr) {
    const auto begin = view.offsets[row];
    return {reinterpret_cast<const char*>(view.data) + begin,
            static_cast<std::size_t>(view.offsets[row + 1] - begin)};
  }
  if (view.bit_packed) {
    bit = arrow::bit_util::GetBit(reinterpret_cast<const std::uint8_t*>(view.data),
                                  view.bit_offset + static_cast<std::int64_t>(row))
              ? 1
              : 0;
    return {&bit, 1};
  }
  return {reinterpret_cast<const char*>(view.data) + row * view.stride_bytes, view.stride_bytes};
}

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>()(text);
  }
};

}  // namespace

void check_stratify(const Schema& schema, const std::string& column) {
  const auto& spec = schema.at(column);
  const bool scalar = spec.kind == ColumnKind::kTensor && spec.shape.empty();
  const bool real = spec.dtype == DType::kFloat16 || spec.dtype == DType::kFloat32 ||
                    spec.dtype == DType::kFloat64;
  if ((scalar && !real) || spec.kind == ColumnKind::kString) return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("cannot stratify by column '{}', which is {}; choose a column of whole "
                          "numbers, booleans or "
                          "text with one value per sample",
                          column, spec.type_name()));
}

Strata find_strata(const Segment& segment, const Schema& schema, const std::string& column) {
  std::size_t number = 0;
  while (schema.columns[number].name != column) ++number;
  Strata strata;
  strata.of_sample.reserve(segment.samples());
  std::unordered_map<std::string, std::uint32_t, TextHash, std::equal_to<>> values;
  for (std::size_t batch = 0; batch < segment.batches(); ++batch) {
    const auto& view = segment.views(batch)[number];
    const std::uint64_t rows = segment.first_of(batch + 1) - segment.first_of(batch);
    for (std::uint64_t row = 0; row < rows; ++row) {
      char bit = 0;
      const auto value = value_at(view, row, bit);
      auto found = values.find(value);
      if (found == values.end()) {
        if (values.size() >= kValuesMax) {
          throw Error(
              ErrorCode::kBadData,
              fmt::format(
                  "column '{}' has more than {} different values, too many to stratify by; choose "
                  "another column",
                  column, kValuesMax));
        }
        found = values.emplace(std::string(value), static_cast<std::uint32_t>(values.size())).first;
        strata.occurrences.push_back(0);
      }
      strata.of_sample.push_back(found->second);
      ++strata.occurrences[found->second];
    }
  }
  return strata;
}

}  // namespace ringfeed
