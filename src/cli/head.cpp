// ringfeed head URL
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <ringfeed/error.hpp>
#include <ringfeed/image.hpp>
#include <ringfeed/samples.hpp>
#include <span>
#include <utility>
#include <vector>

#include "base/byte_size.hpp"
#include "base/printable.hpp"
#include "base/utf8.hpp"
#include "cli/command.hpp"
#include "cli/drawing.hpp"
#include "report/shown.hpp"

namespace ringfeed::cli {
namespace {

struct HeadFlags {
  std::string url;
  std::uint64_t n = 5;
  std::vector<std::string> columns;
  std::optional<bool> draw;  ///< none: on a terminal
};

constexpr std::int64_t kElementsShown = 8;
constexpr std::size_t kCharactersShown = 80;

nlohmann::json element(const Column& column, std::int64_t i) {
  if (column.dtype == DType::kBool) return whole_of(column, i) != 0;
  if (is_float(column.dtype)) return number_of(column, i);
  return whole_of(column, i);
}

/// Elements [begin, end) as a (nested, by shape) JSON array.
nlohmann::json elements(const Column& column, std::int64_t begin,
                        std::span<const std::int64_t> shape) {
  if (shape.empty()) return element(column, begin);
  std::int64_t inner = 1;
  for (const auto dimension : shape.subspan(1)) inner *= dimension;
  nlohmann::json values = nlohmann::json::array();
  for (std::int64_t i = 0; i < shape[0]; ++i)
    values.push_back(elements(column, begin + i * inner, shape.subspan(1)));
  return values;
}

nlohmann::json value_of(const Column& column, std::int64_t sample) {
  if (column.kind == ColumnKind::kTensor) {
    const auto shape = std::span(column.shape).subspan(1);
    std::int64_t count = 1;
    for (const auto dimension : shape) count *= dimension;
    return elements(column, sample * count, shape);
  }
  const std::int64_t begin = column.offsets[sample];
  const std::int64_t end = column.offsets[sample + 1];
  const char* bytes = static_cast<const char*>(column.data);
  if (column.kind == ColumnKind::kString) return std::string(bytes + begin, bytes + end);
  if (column.kind == ColumnKind::kBinary) {
    std::string hex;
    for (std::int64_t i = begin; i < end; ++i)
      hex += fmt::format("{:02x}", static_cast<unsigned char>(bytes[i]));
    return hex;
  }
  const std::int64_t length[] = {end - begin};
  return elements(column, begin, length);
}

std::string short_text(const nlohmann::json& value) {
  if (value.is_array()) {
    std::string text = "[";
    std::int64_t shown = 0;
    for (const auto& item : value) {
      if (shown++ == kElementsShown) return text + ", ...]";
      text += (shown == 1 ? "" : ", ") + short_text(item);
    }
    return text + "]";
  }
  std::string text = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (text.size() > kCharactersShown)
    return fmt::format("{}...", beginning_of(text, kCharactersShown));
  return text;
}

/// Format and size of bytes that are a picture's: "jpeg 500 x 375, 107.2 KiB".
std::optional<std::string> picture_text(const Column& column, std::int64_t sample) {
  if (column.kind != ColumnKind::kBinary) return std::nullopt;
  const auto begin = static_cast<std::size_t>(column.offsets[sample]);
  const auto end = static_cast<std::size_t>(column.offsets[sample + 1]);
  try {
    const ImageInfo info =
        probe_image({static_cast<const std::byte*>(column.data) + begin, end - begin});
    return fmt::format("{} {} x {}, {}", name_of(info.format), info.width, info.height,
                       format_bytes(end - begin));
  } catch (const Error&) {
    return std::nullopt;  // other bytes
  }
}

/// Height and width of what can be drawn: samples of shape [H, W] or [1, H, W].
std::optional<std::pair<std::int64_t, std::int64_t>> picture_size(const Column& column) {
  if (column.kind != ColumnKind::kTensor) return std::nullopt;
  auto shape = std::span(column.shape).subspan(1);
  if (shape.size() == 3 && shape[0] == 1) shape = shape.subspan(1);
  if (shape.size() != 2 || shape[0] < 2 || shape[1] < 2) return std::nullopt;
  return std::pair(shape[0], shape[1]);
}

/// Below a line that says what it is.
std::string picture_of(const Column& column, std::int64_t sample, std::int64_t height,
                       std::int64_t width) {
  std::vector<double> values;
  values.reserve(static_cast<std::size_t>(height * width));
  for (std::int64_t i = 0; i < height * width; ++i)
    values.push_back(number_of(column, sample * height * width + i));
  const ValueRange range = range_of(values);
  const std::string bounds = range.least > range.most
                                 ? "no value is finite"
                                 : fmt::format("{:.6g} to {:.6g}", range.least, range.most);
  std::string drawing = drawing_of(values, height, width, terminal_width());
  drawing.pop_back();  // its last end of a line
  return fmt::format("\n{} ({} x {}, {}):\n{}", printable(column.name), height, width, bounds,
                     drawing);
}

int run_head(const HeadFlags& flags, const Command& command) {
  const std::string& url = flags.url;
  const Output& output = command.output;
  const bool draws = !output.json && flags.draw.value_or(::isatty(STDOUT_FILENO) == 1);
  const Batch batch = load(url, flags.n, flags.columns,
                           connection_options(command.connection, Url::parse(url), output));
  for (std::int64_t sample = 0; sample < batch.size; ++sample) {
    nlohmann::json line = nlohmann::json::object();
    std::string text = fmt::format("{}:", sample);
    std::string pictures;
    for (const auto& column : batch.columns) {
      if (const auto size = picture_size(column); draws && size) {
        pictures += picture_of(column, sample, size->first, size->second);
        continue;
      }
      line[column.name] = value_of(column, sample);
      text += fmt::format(" {}={}", printable(column.name),
                          picture_text(column, sample).value_or(short_text(line[column.name])));
    }
    output.result({{"sample", line}}, text + pictures);
  }
  if (output.json) output.result({{"samples", batch.size}}, "");
  return 0;
}

}  // namespace

void add_head(CLI::App& program, Command& command) {
  auto options = std::make_shared<HeadFlags>();
  command.app = program.add_subcommand("head", "Prints the first samples in storage order.");
  command.app->footer(
      "Examples:\n  ringfeed head digits.ring -n 3\n  ringfeed head digits.ring -n 1 --draw\n  "
      "ringfeed head 'digits.ring?split=val' "
      "--json\n");
  command.app->add_option("URL", options->url, "the data set")->required();
  command.app->add_option("-n", options->n, "samples")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000));
  command.app
      ->add_option("--columns", options->columns,
                   "columns to show, comma-separated; the others are not read (default: all)")
      ->delimiter(',');
  command.app->add_flag_function(
      "--draw,!--no-draw", [options](std::int64_t count) { options->draw = count > 0; },
      "draw tensors of shape [H, W] or [1, H, W] with characters (default: on a terminal)");
  add_connection_options(*command.app, command.connection);
  command.action = [options, &command] { return run_head(*options, command); };
}

}  // namespace ringfeed::cli
