// Nodes are named by their addresses, as the driver knows them when somebody asks.
#include "store/cassandra/node_meters.hpp"

namespace ringfeed::cassandra {
namespace {

const char* name_of(Again why) {
  switch (why) {
    case Again::kLate:
      return "late";
    case Again::kFailed:
      return "failed";
    case Again::kOverloaded:
      return "overloaded";
    case Again::kEmpty:
      return "empty";
    case Again::kDamaged:
      return "damaged";
  }
  return "";
}

}  // namespace

void NodeMeters::note_answer(const Host& host, std::chrono::steady_clock::duration time,
                             std::size_t bytes) {
  Node& node = nodes_[host];
  node.answers.record(time);
  node.bytes.add(bytes);
}

void NodeMeters::note_again(const Host& host, Again why) { again_[{host, why}].add(); }

void NodeMeters::add_to(Meters& meters, const cql::Session& session) const {
  const auto name = [&](const Host& host) { return host ? session.address_of(*host) : "any"; };
  for (const auto& [host, node] : nodes_) {
    meters.push_back(node.answers.meter("ringfeed_node_answer_seconds",
                                        "From asking a node to its answer.",
                                        {{"node", name(host)}}));
    meters.push_back(counter_meter("ringfeed_node_bytes_total", "Bytes that a node answered with.",
                                   node.bytes.value(), {{"node", name(host)}}));
  }
  for (const auto& [key, count] : again_) {
    meters.push_back(counter_meter(
        "ringfeed_node_retries_total",
        "What a node was asked and another request had to be made for: it answered late, with a "
        "failure, that it is overloaded, with nothing, or with a damaged copy.",
        count.value(), {{"node", name(key.first)}, {"reason", name_of(key.second)}}));
  }
}

void add_reader_meters(Meters& meters, const UnderWay& under_way) {
  meters.push_back(gauge_meter("ringfeed_store_under_way_bytes",
                               "Bytes that are asked of the nodes and not yet answered.",
                               static_cast<double>(under_way.bytes)));
  meters.push_back(gauge_meter("ringfeed_store_under_way_bytes_max",
                               "Bytes that may be asked of the nodes at once.",
                               static_cast<double>(under_way.bytes_most)));
  meters.push_back(gauge_meter("ringfeed_store_blocks_waiting",
                               "Blocks that are wanted and not yet asked of the nodes.",
                               static_cast<double>(under_way.blocks_waiting)));
}

}  // namespace ringfeed::cassandra
