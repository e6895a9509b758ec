// What each node answered, how fast, and what had to be asked again. Not thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <ringfeed/meters.hpp>
#include <string>
#include <utility>

#include "base/meter.hpp"
#include "cql/session.hpp"

namespace ringfeed::cassandra {

/// Why something is asked for again.
enum class Again { kLate, kFailed, kOverloaded, kEmpty, kDamaged };

class NodeMeters {
 public:
  /// `host`: nothing where the driver chose.
  void note_answer(const std::optional<cql::HostId>& host, std::chrono::steady_clock::duration time,
                   std::size_t bytes);
  void note_again(const std::optional<cql::HostId>& host, Again why);
  void add_to(Meters& meters, const cql::Session& session) const;

 private:
  struct Node {
    TimeHistogram answers;
    Counter bytes;
  };
  using Host = std::optional<cql::HostId>;

  std::map<Host, Node> nodes_;
  std::map<std::pair<Host, Again>, Counter> again_;
};

/// What a reader of either kind has under way.
struct UnderWay {
  std::uint64_t bytes = 0;
  std::uint64_t bytes_most = 0;    ///< that may be
  std::size_t blocks_waiting = 0;  ///< not yet asked for
};
void add_reader_meters(Meters& meters, const UnderWay& under_way);

}  // namespace ringfeed::cassandra
