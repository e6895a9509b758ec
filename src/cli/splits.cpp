// How ingest and inspect show splits.
#include "cli/splits.hpp"

#include <fmt/format.h>

#include "base/byte_size.hpp"
#include "base/printable.hpp"

namespace ringfeed::cli {

std::string splits_text(const Manifest& manifest) {
  std::string text;
  for (const auto& split : manifest.split_infos()) {
    text += fmt::format("\n  {}: {} samples, {} chunks, {}", printable(split.name), split.samples,
                        split.chunks, format_bytes(split.bytes));
  }
  return text;
}

nlohmann::json splits_json(const Manifest& manifest) {
  nlohmann::json splits = nlohmann::json::object();
  for (const auto& split : manifest.split_infos()) {
    splits[split.name] = {
        {"samples", split.samples}, {"chunks", split.chunks}, {"bytes", split.bytes}};
  }
  return splits;
}

}  // namespace ringfeed::cli
