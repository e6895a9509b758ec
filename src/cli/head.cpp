// ringfeed head URL
#include <fmt/format.h>

#include <memory>
#include <ringfeed/samples.hpp>
#include <span>

#include "base/float16.hpp"
#include "cli/command.hpp"

namespace ringfeed::cli {
namespace {

constexpr std::int64_t kElementsShown = 8;
constexpr std::size_t kCharactersShown = 80;

nlohmann::json element(const Column& column, std::int64_t i) {
  switch (column.dtype) {
    case DType::kUInt8:
      return column.as<std::uint8_t>()[i];
    case DType::kInt8:
      return column.as<std::int8_t>()[i];
    case DType::kInt16:
      return column.as<std::int16_t>()[i];
    case DType::kInt32:
      return column.as<std::int32_t>()[i];
    case DType::kInt64:
      return column.as<std::int64_t>()[i];
    case DType::kFloat16:
      return float_of_half(column.as<std::uint16_t>()[i]);
    case DType::kFloat32:
      return column.as<float>()[i];
    case DType::kFloat64:
      return column.as<double>()[i];
    case DType::kBool:
      return column.as<std::uint8_t>()[i] != 0;
  }
  return nullptr;
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
  if (text.size() > kCharactersShown) text = text.substr(0, kCharactersShown) + "...";
  return text;
}

int run_head(const std::string& url, std::uint64_t n, const Command& command) {
  const Output& output = command.output;
  const Batch batch = load(url, n, connection_options(command.connection, Url::parse(url), output));
  for (std::int64_t sample = 0; sample < batch.size; ++sample) {
    nlohmann::json line = nlohmann::json::object();
    std::string text = fmt::format("{}:", sample);
    for (const auto& column : batch.columns) {
      line[column.name] = value_of(column, sample);
      text += fmt::format(" {}={}", column.name, short_text(line[column.name]));
    }
    output.result({{"sample", line}}, text);
  }
  if (output.json) output.result({{"samples", batch.size}}, "");
  return 0;
}

}  // namespace

void add_head(CLI::App& program, Command& command) {
  struct HeadFlags {
    std::string url;
    std::uint64_t n = 5;
  };
  auto options = std::make_shared<HeadFlags>();
  command.app = program.add_subcommand("head", "Prints the first samples in storage order.");
  command.app->footer(
      "Examples:\n  ringfeed head digits.ring -n 3\n  ringfeed head 'digits.ring?split=val' "
      "--json\n");
  command.app->add_option("URL", options->url, "the data set")->required();
  command.app->add_option("-n", options->n, "samples")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000));
  add_connection_options(*command.app, command.connection);
  command.action = [options, &command] { return run_head(options->url, options->n, command); };
}

}  // namespace ringfeed::cli
