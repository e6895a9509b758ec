// The splits of a version, for people and for programs.
#pragma once

#include <nlohmann/json.hpp>
#include <ringfeed/manifest.hpp>
#include <string>

namespace ringfeed::cli {

/// For each split a new line "  train: 1438 samples, 1 chunks, 371.0 KiB".
std::string splits_text(const Manifest& manifest);
/// {"train": {"samples": ..., "chunks": ..., "bytes": ...}, ...}
nlohmann::json splits_json(const Manifest& manifest);

}  // namespace ringfeed::cli
