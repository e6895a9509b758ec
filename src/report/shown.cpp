// A picture is scaled to bytes, a file that browsers draw is handed on, all else is text.
#include "report/shown.hpp"

#include <arrow/util/float16.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>

#include "base/utf8.hpp"

namespace ringfeed {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kEdgeMost = 96;  // pixels
constexpr std::size_t kFileBytesMost = 200 << 10;
constexpr std::size_t kPictureBytesMost = 512 << 10;  // of all together
constexpr std::size_t kTextBytesMost = 100 << 10;     // of all together
constexpr std::int64_t kElementsMost = 6;             // of a tensor as text

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
/// out. "holes" has a byte for each pixel, 0 where a value is NaN or infinite, if any is. Text
/// where no value is finite.
Json picture_of(const Column& column, std::int64_t first, const Layout& layout) {
  const std::int64_t elements = layout.height * layout.width * layout.channels;
  double least = 0;
  double most = 255;
  if (column.dtype != DType::kUInt8) {
    least = INFINITY;
    most = -INFINITY;
    for (std::int64_t i = first; i < first + elements; ++i) {
      const double value = number_of(column, i);
      if (!std::isfinite(value)) continue;
      least = std::min(least, value);
      most = std::max(most, value);
    }
    if (least > most)
      return fmt::format("{} x {}, no value is finite", layout.height, layout.width);
  }
  const std::int64_t step = (std::max(layout.height, layout.width) + kEdgeMost - 1) / kEdgeMost;
  const std::int64_t height = (layout.height + step - 1) / step;
  const std::int64_t width = (layout.width + step - 1) / step;
  std::string pixels;
  std::string holes;
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      bool is_hole = false;
      for (std::int64_t c = 0; c < layout.channels; ++c) {
        const std::int64_t pixel = y * step * layout.width + x * step;
        const std::int64_t at = layout.channels_last ? pixel * layout.channels + c
                                                     : c * layout.height * layout.width + pixel;
        const double value = number_of(column, first + at);
        is_hole = is_hole || !std::isfinite(value);
        // Halves, as the difference of two large numbers is no number.
        const double span = most / 2 - least / 2;
        const double share = span > 0 ? (value / 2 - least / 2) / span : 0;
        pixels += static_cast<char>(std::isfinite(value) ? std::lround(255 * share) : 0);
      }
      holes += static_cast<char>(is_hole ? 0 : 255);
    }
  }
  Json picture = {{"height", height},
                  {"width", width},
                  {"channels", layout.channels},
                  {"pixels", base64(pixels)}};
  if (holes.find('\0') != std::string::npos) picture["holes"] = base64(holes);
  return picture;
}

/// Of a file that browsers draw; empty for others.
std::string_view picture_type(std::string_view bytes) {
  if (bytes.starts_with("\xFF\xD8\xFF")) return "image/jpeg";
  if (bytes.starts_with("\x89PNG\r\n\x1A\n")) return "image/png";
  if (bytes.starts_with("GIF8")) return "image/gif";
  if (bytes.starts_with("RIFF") && bytes.substr(0, 12).ends_with("WEBP")) return "image/webp";
  return "";
}

}  // namespace

double number_of(const Column& column, std::int64_t i) {
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
      return arrow::util::Float16::FromBits(column.as<std::uint16_t>()[i]).ToDouble();
    case DType::kFloat32:
      return column.as<float>()[i];
    case DType::kFloat64:
      return column.as<double>()[i];
  }
  return 0;
}

std::int64_t whole_of(const Column& column, std::int64_t i) {
  return column.dtype == DType::kInt64 ? column.as<std::int64_t>()[i]
                                       : static_cast<std::int64_t>(number_of(column, i));
}

std::string cut_text(std::string_view text, std::size_t bytes) {
  return std::string(beginning_of(text, bytes)) + (text.size() > bytes ? "…" : "");
}

bool is_class(const ColumnSpec& spec) {
  return spec.kind == ColumnKind::kTensor && spec.shape.empty() && !is_float(spec.dtype);
}

std::string class_name(const ColumnSpec& spec, std::int64_t number) {
  const auto i = static_cast<std::size_t>(number);
  return number >= 0 && i < spec.classes.size() ? spec.classes[i] : fmt::to_string(number);
}

Json Shower::value(const ColumnSpec& spec, const Column& column, std::int64_t sample) {
  const bool is_tensor = spec.kind == ColumnKind::kTensor;
  const std::int64_t begin = is_tensor ? sample * spec.elements() : column.offsets[sample];
  const std::int64_t end = is_tensor ? begin + spec.elements() : column.offsets[sample + 1];
  if (spec.kind == ColumnKind::kString || spec.kind == ColumnKind::kBinary) {
    const std::string_view bytes(column.as<char>() + begin, static_cast<std::size_t>(end - begin));
    if (spec.kind == ColumnKind::kString) {
      std::string text = cut_text(bytes, kShownTextMost);
      text_bytes_ += text.size();
      return text_bytes_ <= kTextBytesMost ? text : fmt::format("{} bytes", bytes.size());
    }
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
      if (picture.is_string()) return picture;
      const std::size_t bytes = picture["pixels"].get_ref<const std::string&>().size();
      if (picture_bytes_ + bytes <= kPictureBytesMost) {
        picture_bytes_ += bytes;
        return picture;
      }
    }
    if (!spec.classes.empty()) return class_name(spec, whole_of(column, begin));
    if (is_class(spec)) return whole_of(column, begin);
    if (spec.shape.empty()) return number_of(column, begin);
  }
  std::string text;
  for (std::int64_t i = begin; i < std::min(end, begin + kElementsMost); ++i)
    text += fmt::format("{}{:.5g}", i == begin ? "" : ", ", number_of(column, i));
  return fmt::format("[{}{}]", text, end - begin > kElementsMost ? ", …" : "");
}

Json Shower::sample(const Schema& schema, const Batch& batch, std::int64_t sample) {
  Json values = Json::array();
  const auto columns = std::min(batch.columns.size(), kShownColumnsMost);
  for (std::size_t c = 0; c < columns; ++c)
    values.push_back(value(schema.columns[c], batch.columns[c], sample));
  return values;
}

}  // namespace ringfeed
