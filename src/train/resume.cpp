// Rank 0 reads, the others are told.
#include "train/resume.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <ringfeed/error.hpp>
#include <string_view>

#include "base/json.hpp"
#include "base/option.hpp"
#include "train/agreement.hpp"

namespace ringfeed {

Checkpoints open_checkpoints(const TrainOptions& options) {
  Checkpoints checkpoints;
  if (!options.checkpoint_dir.empty()) {
    checkpoints.folder.emplace(options.checkpoint_dir, options.checkpoint_keep);
    const auto newest = checkpoints.folder->newest();
    if (newest && options.resume == "auto") checkpoints.from = Checkpoint::read(*newest);
    if (newest && options.resume.empty()) {
      throw Error(ErrorCode::kConflict,
                  fmt::format("{}: there are checkpoints of a run here; go on with it by {}, or "
                              "choose another folder",
                              options.checkpoint_dir, option_name("resume", "auto")));
    }
  }
  if (!options.resume.empty() && options.resume != "auto")
    checkpoints.from = Checkpoint::read(options.resume);
  return checkpoints;
}

std::optional<Resumed> resume(ProcessGroup& group, const std::optional<Checkpoint>& from,
                              const Dataset& dataset, const OrderOptions& order) {
  Resumed resumed;
  resumed.path = broadcast_bytes(group, from ? std::string_view(from->path) : "");
  if (resumed.path.empty()) return std::nullopt;
  const auto document = broadcast_bytes(group, from ? from->document.dump() : "");
  resumed.weights = broadcast_bytes(group, from ? std::string_view(from->weights) : "");
  resumed.optimizer = broadcast_bytes(group, from ? std::string_view(from->optimizer) : "");
  resumed.average = broadcast_bytes(group, from ? std::string_view(from->average) : "");
  try {
    resumed.document = parse_json(document);
    resumed.position = decode_position(resumed.document.at("position").dump(), dataset, order);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", resumed.path, error.what()));
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kBadData,
                fmt::format("{}: damaged ({})", resumed.path, json_fault(error)));
  }
  return resumed;
}

nlohmann::json json_of(double value) {
  return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json(fmt::format("{}", value));
}

double double_of(const nlohmann::json& json) {
  return json.is_string() ? std::strtod(json.get_ref<const std::string&>().c_str(), nullptr)
                          : json.get<double>();
}

}  // namespace ringfeed
