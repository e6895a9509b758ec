// What a position depends on is written down with it, so that it cannot be taken for one of another
// order.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ringfeed/error.hpp>
#include <ringfeed/feed.hpp>

#include "base/json.hpp"

namespace ringfeed {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 3;  // 2 had version, schema and fingerprint; 1 had no cut

Json document_of(const Position& position, const Dataset& dataset, const OrderOptions& order) {
  return {{"ringfeed_position", kFormat},
          {"dataset",
           {{"lineage", fmt::format("{:016x}", dataset.lineage())},
            {"split", dataset.split()},
            {"samples", dataset.size()}}},
          {"order",
           {{"version", kOrderVersion},
            {"cut", kCutVersion},
            {"shuffle", name_of(order.shuffle)},
            {"tail", name_of(order.tail)},
            {"seed", order.seed},
            {"lanes", order.lanes},
            {"window", order.window},
            {"global_batch", order.global_batch}}},
          {"epoch", position.epoch},
          {"samples", position.samples}};
}

/// Throws Error{kInvalidArgument} unless `has` has each value of `wanted`, all of them scalars.
void check_same(const Json& has, const Json& wanted, const std::string& of) {
  for (const auto& [name, value] : wanted.items()) {
    const auto& other = has.at(name);
    if (other != value) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("the position is of {} with {} {}, and here it is {}: it does not "
                              "fit",
                              of, name, other.dump(), value.dump()));
    }
  }
}

}  // namespace

std::string encode_position(const Position& position, const Dataset& dataset,
                            const OrderOptions& order) {
  return document_of(position, dataset, order).dump();
}

Position decode_position(std::string_view text, const Dataset& dataset, const OrderOptions& order) {
  Position position;
  try {
    const auto json = parse_json<Json>(text);
    if (json.at("ringfeed_position") == 1) {
      throw Error(ErrorCode::kBadData,
                  "the position has no \"cut\": it is of a version of ringfeed that ended epochs "
                  "with other "
                  "steps; finish the run with that version, or start it anew");
    }
    if (json.at("ringfeed_position") == 2) {
      throw Error(ErrorCode::kBadData,
                  "the position has no \"lineage\": it is of a version of ringfeed with another "
                  "format of data sets; finish the run with that version, or start it anew");
    }
    if (json.at("ringfeed_position") != kFormat) {
      throw Error(ErrorCode::kBadData,
                  fmt::format("a position of format {}; this version knows format {}",
                              json.at("ringfeed_position").dump(), kFormat));
    }
    const auto here = document_of({}, dataset, order);
    check_same(json.at("dataset"), here.at("dataset"), "a data set");
    check_same(json.at("order"), here.at("order"), "an order");
    position = {whole_number(json.at("epoch"), "epoch"),
                whole_number(json.at("samples"), "samples")};
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kBadData, fmt::format("not a position: {}", json_fault(error)));
  }
  Steps(dataset.size(), order).step_at(position.samples);
  return position;
}

}  // namespace ringfeed
