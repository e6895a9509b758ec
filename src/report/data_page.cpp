// The template is src/report/data.html, which draws what stands in it as JSON.
#include "report/data_page.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/hash.hpp"
#include "report/page.hpp"
#include "report/page_templates.hpp"

namespace ringfeed {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kShownMost = 24;           // samples
constexpr std::size_t kHistogramMost = 100'000;  // values
constexpr std::size_t kBins = 32;
constexpr double kWholeBinsMost = 64;
constexpr std::size_t kKindsMost = 1000;
constexpr std::size_t kListedMost = 20;    // kinds
constexpr std::size_t kKindTextMost = 60;  // bytes
constexpr std::size_t kBatchesMost = 60;
constexpr std::size_t kClassesMost = 12;  // that are drawn by batch

/// The most frequent first, and how many kinds there are.
Json kinds_json(std::vector<std::pair<std::string, std::uint64_t>> sorted) {
  std::ranges::stable_sort(sorted, std::greater<>(),
                           &std::pair<std::string, std::uint64_t>::second);
  Json json = {{"kinds", sorted.size()}, {"most", Json::array()}};
  for (std::size_t i = 0; i < std::min(kListedMost, sorted.size()); ++i)
    json["most"].push_back({sorted[i].first, sorted[i].second});
  return json;
}

}  // namespace

void DataPage::Numbers::add(double value) {
  if (!std::isfinite(value)) {
    ++not_finite;
    return;
  }
  ++count;
  least = count == 1 ? value : std::min(least, value);
  most = count == 1 ? value : std::max(most, value);
  const double before = value - mean;
  mean += before / static_cast<double>(count);
  squares += before * (value - mean);
  if (first.size() < kHistogramMost) first.push_back(value);
}

Json DataPage::Numbers::json() const {
  Json json = {{"count", count}, {"not_finite", not_finite}};
  if (count == 0) return json;
  json["least"] = least;
  json["most"] = most;
  json["mean"] = mean;
  json["deviation"] = std::sqrt(squares / static_cast<double>(count));
  auto [low, high] = std::ranges::minmax(first);
  std::size_t count_of_bins = high > low ? kBins : 1;
  // A bin for each of a few whole numbers.
  if (high - low < kWholeBinsMost &&
      std::ranges::all_of(first, [](double value) { return value == std::floor(value); })) {
    count_of_bins = static_cast<std::size_t>(high - low) + 1;
    low -= 0.5;
    high += 0.5;
  }
  std::vector<std::uint64_t> bins(count_of_bins);
  for (const double value : first) {
    const double share = high > low ? (value - low) / (high - low) : 0;
    const auto bin = static_cast<std::size_t>(share * static_cast<double>(bins.size()));
    ++bins[std::min(bins.size() - 1, bin)];
  }
  json["from"] = low;
  json["to"] = high;
  json["bins"] = bins;
  return json;
}

DataPage::DataPage(Schema schema)
    : schema_(std::move(schema)), parts_(std::min(schema_.columns.size(), kShownColumnsMost)) {}

void DataPage::add(const Batch& batch) {
  for (std::int64_t i = 0; i < batch.size && shown_.size() < kShownMost; ++i)
    shown_.push_back(shower_.sample(schema_, batch, i));
  for (std::size_t c = 0; c < parts_.size(); ++c)
    add_column(schema_.columns[c], batch.columns[c], batch.size, parts_[c]);
  samples_ += static_cast<std::uint64_t>(batch.size);
}

void DataPage::add_column(const ColumnSpec& spec, const Column& column, std::int64_t samples,
                          Part& part) {
  if (spec.kind == ColumnKind::kTensor || spec.kind == ColumnKind::kList) {
    const std::int64_t elements =
        spec.kind == ColumnKind::kTensor ? samples * spec.elements() : column.offsets[samples];
    for (std::int64_t i = 0; i < elements; ++i) part.numbers.add(number_of(column, i));
  } else {
    for (std::int64_t i = 0; i < samples; ++i)
      part.numbers.add(static_cast<double>(column.offsets[i + 1] - column.offsets[i]));
  }
  Kinds& kinds = part.kinds;
  if (is_class(spec)) {
    const bool keeps = part.batches.size() < kBatchesMost;
    if (keeps) part.batches.emplace_back();
    for (std::int64_t i = 0; i < samples; ++i) {
      const std::int64_t value = whole_of(column, i);
      if (keeps) ++part.batches.back()[value];
      if (!kinds.too_many) ++kinds.numbers[value];
    }
  } else if (spec.kind == ColumnKind::kString) {
    const char* bytes = column.as<char>();
    for (std::int64_t i = 0; i < samples && !kinds.too_many; ++i) {
      const std::string_view text(
          bytes + column.offsets[i],
          static_cast<std::size_t>(column.offsets[i + 1] - column.offsets[i]));
      auto& kind = kinds.texts[hash_bytes(text)];
      if (kind.second++ == 0) kind.first = cut_text(text, kKindTextMost);
    }
  }
  if (kinds.texts.size() > kKindsMost || kinds.numbers.size() > kKindsMost) {
    kinds.too_many = true;
    kinds.texts.clear();
    kinds.numbers.clear();
    part.batches.clear();
  }
}

Json DataPage::column_json(const ColumnSpec& spec, const Part& part) const {
  const bool has_values = spec.kind == ColumnKind::kTensor || spec.kind == ColumnKind::kList;
  Json json = {{"name", spec.name},
               {"type", spec.type_name()},
               {"of", has_values ? "value" : "bytes"},
               {"numbers", part.numbers.json()}};
  const auto label = [&](std::int64_t number) {
    return cut_text(class_name(spec, number), kKindTextMost);
  };
  std::vector<std::pair<std::string, std::uint64_t>> kinds;
  for (const auto& [hash, kind] : part.kinds.texts) kinds.push_back(kind);
  for (const auto& [number, count] : part.kinds.numbers) kinds.emplace_back(label(number), count);
  std::ranges::sort(kinds);
  if (!kinds.empty()) json["kinds"] = kinds_json(std::move(kinds));
  if (part.kinds.numbers.size() >= 2 && part.kinds.numbers.size() <= kClassesMost) {
    Json& batches = json["batches"] = {{"classes", Json::array()}, {"counts", Json::array()}};
    for (const auto& [number, count] : part.kinds.numbers)
      batches["classes"].push_back(label(number));
    for (const auto& batch : part.batches) {
      Json counts = Json::array();
      for (const auto& [number, count] : part.kinds.numbers) {
        const auto found = batch.find(number);
        counts.push_back(found == batch.end() ? 0 : found->second);
      }
      batches["counts"].push_back(std::move(counts));
    }
  }
  return json;
}

std::string DataPage::html(const Json& about) const {
  Json data = {
      {"about", about}, {"samples", samples_}, {"columns", Json::array()}, {"shown", shown_}};
  data["column_count"] = schema_.columns.size();
  for (std::size_t c = 0; c < parts_.size(); ++c)
    data["columns"].push_back(column_json(schema_.columns[c], parts_[c]));
  return fill_page(kDataTemplate, data);
}

}  // namespace ringfeed
