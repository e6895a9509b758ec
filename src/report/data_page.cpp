// The template is src/report/data.html, which draws what stands in it as JSON.
#include "report/data_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <ringfeed/error.hpp>
#include <span>
#include <utility>

#include "base/float16.hpp"
#include "report/page.hpp"
#include "report/page_templates.hpp"

namespace ringfeed {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kShownMost = 24;           // samples
constexpr std::size_t kHistogramMost = 100'000;  // values
constexpr std::size_t kBins = 32;
constexpr std::size_t kKindsMost = 1000;
constexpr std::size_t kListedMost = 40;  // kinds
constexpr std::size_t kBatchesMost = 60;
constexpr std::size_t kClassesMost = 12;   // that are drawn by batch
constexpr std::int64_t kElementsMost = 6;  // of a tensor as text
constexpr std::size_t kTextMost = 200;     // bytes of a text or elements of a list that are shown
constexpr std::int64_t kEdgeMost = 96;     // pixels
constexpr std::size_t kFileBytesMost = 200 << 10;
constexpr std::size_t kPictureBytesMost = 1 << 20;  // of all together

double number(const Column& column, std::int64_t i) {
  switch (column.dtype) {
    case DType::kUInt8:
    case DType::kBool:
      return static_cast<unsigned char>(column.as<char>()[i]);
    case DType::kInt8:
      return column.as<std::int8_t>()[i];
    case DType::kInt16:
      return column.as<std::int16_t>()[i];
    case DType::kInt32:
      return column.as<std::int32_t>()[i];
    case DType::kInt64:
      return static_cast<double>(column.as<std::int64_t>()[i]);
    case DType::kFloat16:
      return float_of_half(column.as<std::uint16_t>()[i]);
    case DType::kFloat32:
      return column.as<float>()[i];
    case DType::kFloat64:
      return column.as<double>()[i];
  }
  return 0;
}

bool is_whole(DType dtype) {
  return dtype != DType::kFloat16 && dtype != DType::kFloat32 && dtype != DType::kFloat64;
}

std::string base64(std::string_view bytes) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t bits = 0;
    const std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t k = 0; k < 3; ++k)
      bits = bits << 8 | (k < have ? static_cast<unsigned char>(bytes[i + k]) : 0);
    for (std::size_t k = 0; k < 4; ++k)
      text += k <= have ? kDigits[bits >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

/// How a tensor lies as a picture.
struct Layout {
  std::int64_t height, width, channels;  ///< 1 or 3 channels
  bool channels_last;
};

std::optional<Layout> layout_of(std::span<const std::int64_t> shape) {
  const auto fits = [](std::int64_t height, std::int64_t width) {
    return height >= 4 && width >= 4;
  };
  const auto colours = [](std::int64_t channels) { return channels == 1 || channels == 3; };
  if (shape.size() == 2 && fits(shape[0], shape[1])) return Layout{shape[0], shape[1], 1, true};
  if (shape.size() != 3) return std::nullopt;
  if (colours(shape[0]) && fits(shape[1], shape[2]))
    return Layout{shape[1], shape[2], shape[0], false};
  if (colours(shape[2]) && fits(shape[0], shape[1]))
    return Layout{shape[0], shape[1], shape[2], true};
  return std::nullopt;
}

/// Grey or RGB, a byte each from the least to the most of the sample, larger ones with pixels left
/// out.
Json picture_of(const Column& column, std::int64_t first, const Layout& layout) {
  const std::int64_t elements = layout.height * layout.width * layout.channels;
  double least = 0;
  double most = 255;
  if (column.dtype != DType::kUInt8) {
    least = INFINITY;
    most = -INFINITY;
    for (std::int64_t i = first; i < first + elements; ++i) {
      const double value = number(column, i);
      if (!std::isfinite(value)) continue;
      least = std::min(least, value);
      most = std::max(most, value);
    }
  }
  const std::int64_t step = (std::max(layout.height, layout.width) + kEdgeMost - 1) / kEdgeMost;
  const std::int64_t height = (layout.height + step - 1) / step;
  const std::int64_t width = (layout.width + step - 1) / step;
  std::string pixels;
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      for (std::int64_t c = 0; c < layout.channels; ++c) {
        const std::int64_t pixel = y * step * layout.width + x * step;
        const std::int64_t at = layout.channels_last ? pixel * layout.channels + c
                                                     : c * layout.height * layout.width + pixel;
        const double value = number(column, first + at);
        const double share = most > least ? (value - least) / (most - least) : 0;
        pixels += static_cast<char>(std::isfinite(share) ? std::lround(255 * share) : 0);
      }
    }
  }
  return {{"height", height},
          {"width", width},
          {"channels", layout.channels},
          {"pixels", base64(pixels)}};
}

/// Of a file that browsers draw; empty for others.
std::string_view picture_type(std::string_view bytes) {
  if (bytes.starts_with("\xFF\xD8\xFF")) return "image/jpeg";
  if (bytes.starts_with("\x89PNG\r\n\x1A\n")) return "image/png";
  if (bytes.starts_with("GIF8")) return "image/gif";
  if (bytes.starts_with("RIFF") && bytes.substr(0, 12).ends_with("WEBP")) return "image/webp";
  return "";
}

/// The most frequent first, and how many kinds there are.
template <typename Map, typename Label>
Json kinds_json(const Map& kinds, const Label& label) {
  std::vector<std::pair<std::string, std::uint64_t>> sorted;
  for (const auto& [kind, count] : kinds) sorted.emplace_back(label(kind), count);
  std::ranges::stable_sort(sorted, std::greater<>(),
                           &std::pair<std::string, std::uint64_t>::second);
  Json json = {{"kinds", sorted.size()}, {"most", Json::array()}};
  for (std::size_t i = 0; i < std::min(kListedMost, sorted.size()); ++i)
    json["most"].push_back({sorted[i].first, sorted[i].second});
  return json;
}

std::string class_name(const ColumnSpec& spec, std::int64_t number) {
  const auto i = static_cast<std::size_t>(number);
  return number >= 0 && i < spec.classes.size() ? spec.classes[i] : fmt::to_string(number);
}

bool is_class(const ColumnSpec& spec) {
  return spec.kind == ColumnKind::kTensor && spec.shape.empty() && is_whole(spec.dtype);
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
  const auto [low, high] = std::ranges::minmax(first);
  std::vector<std::uint64_t> bins(high > low ? kBins : 1);
  for (const double value : first) {
    const double share = high > low ? (value - low) / (high - low) : 0;
    ++bins[std::min(bins.size() - 1,
                    static_cast<std::size_t>(share * static_cast<double>(bins.size())))];
  }
  json["from"] = low;
  json["to"] = high;
  json["bins"] = bins;
  return json;
}

DataPage::DataPage(Schema schema) : schema_(std::move(schema)), parts_(schema_.columns.size()) {}

void DataPage::add(const Batch& batch) {
  for (std::int64_t i = 0; i < batch.size && shown_.size() < kShownMost; ++i) {
    Json sample = Json::array();
    for (std::size_t c = 0; c < parts_.size(); ++c)
      sample.push_back(shown(schema_.columns[c], batch.columns[c], i));
    shown_.push_back(std::move(sample));
  }
  for (std::size_t c = 0; c < parts_.size(); ++c)
    add_column(schema_.columns[c], batch.columns[c], batch.size, parts_[c]);
  samples_ += static_cast<std::uint64_t>(batch.size);
}

void DataPage::add_column(const ColumnSpec& spec, const Column& column, std::int64_t samples,
                          Part& part) {
  if (spec.kind == ColumnKind::kTensor || spec.kind == ColumnKind::kList) {
    const std::int64_t elements =
        spec.kind == ColumnKind::kTensor ? samples * spec.elements() : column.offsets[samples];
    for (std::int64_t i = 0; i < elements; ++i) part.numbers.add(number(column, i));
  } else {
    for (std::int64_t i = 0; i < samples; ++i)
      part.numbers.add(static_cast<double>(column.offsets[i + 1] - column.offsets[i]));
  }
  Kinds& kinds = part.kinds;
  if (is_class(spec)) {
    const bool keeps = part.batches.size() < kBatchesMost;
    if (keeps) part.batches.emplace_back();
    for (std::int64_t i = 0; i < samples; ++i) {
      const auto value = static_cast<std::int64_t>(number(column, i));
      if (keeps) ++part.batches.back()[value];
      if (!kinds.too_many) ++kinds.numbers[value];
    }
  } else if (spec.kind == ColumnKind::kString) {
    const char* bytes = column.as<char>();
    for (std::int64_t i = 0; i < samples && !kinds.too_many; ++i) {
      const std::string_view text(
          bytes + column.offsets[i],
          static_cast<std::size_t>(column.offsets[i + 1] - column.offsets[i]));
      ++kinds.texts[std::string(text.substr(0, kTextMost))];
    }
  }
  if (kinds.texts.size() > kKindsMost || kinds.numbers.size() > kKindsMost) {
    kinds.too_many = true;
    kinds.texts.clear();
    kinds.numbers.clear();
    part.batches.clear();
  }
}

Json DataPage::shown(const ColumnSpec& spec, const Column& column, std::int64_t sample) {
  const bool is_tensor = spec.kind == ColumnKind::kTensor;
  const std::int64_t begin = is_tensor ? sample * spec.elements() : column.offsets[sample];
  const std::int64_t end = is_tensor ? begin + spec.elements() : column.offsets[sample + 1];
  if (spec.kind == ColumnKind::kString || spec.kind == ColumnKind::kBinary) {
    const std::string_view bytes(column.as<char>() + begin, static_cast<std::size_t>(end - begin));
    if (spec.kind == ColumnKind::kString) return std::string(bytes.substr(0, kTextMost));
    const auto type = picture_type(bytes);
    if (type.empty() || bytes.size() > kFileBytesMost ||
        picture_bytes_ + bytes.size() > kPictureBytesMost) {
      return fmt::format("{} bytes{}{}", bytes.size(), type.empty() ? "" : ", ", type);
    }
    picture_bytes_ += bytes.size();
    return {{"file", fmt::format("data:{};base64,{}", type, base64(bytes))}};
  }
  if (is_tensor) {
    if (const auto layout = layout_of(spec.shape)) {
      Json picture = picture_of(column, begin, *layout);
      const std::size_t bytes = picture["pixels"].get_ref<const std::string&>().size();
      if (picture_bytes_ + bytes <= kPictureBytesMost) {
        picture_bytes_ += bytes;
        return picture;
      }
    }
    if (is_class(spec) && !spec.classes.empty())
      return class_name(spec, static_cast<std::int64_t>(number(column, begin)));
    if (spec.shape.empty()) return number(column, begin);
  }
  std::string text;
  for (std::int64_t i = begin; i < std::min(end, begin + kElementsMost); ++i)
    text += fmt::format("{}{:.5g}", i == begin ? "" : ", ", number(column, i));
  return fmt::format("[{}{}]", text, end - begin > kElementsMost ? ", …" : "");
}

Json DataPage::column_json(const ColumnSpec& spec, const Part& part) const {
  const bool has_values = spec.kind == ColumnKind::kTensor || spec.kind == ColumnKind::kList;
  Json json = {{"name", spec.name},
               {"type", spec.type_name()},
               {"of", has_values ? "value" : "bytes"},
               {"numbers", part.numbers.json()}};
  const auto label = [&](std::int64_t number) { return class_name(spec, number); };
  if (!part.kinds.texts.empty())
    json["kinds"] = kinds_json(part.kinds.texts, [](const std::string& text) { return text; });
  if (!part.kinds.numbers.empty()) json["kinds"] = kinds_json(part.kinds.numbers, label);
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
  for (std::size_t c = 0; c < parts_.size(); ++c)
    data["columns"].push_back(column_json(schema_.columns[c], parts_[c]));
  return fill_page(kDataTemplate, data);
}

}  // namespace ringfeed
