// Many point reads at once, each tried until it is answered.
#include "store/cassandra/stored_chunks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ringfeed/error.hpp>

#include "store/cassandra/writes.hpp"

namespace ringfeed::cassandra {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kLooksUnderWayMax = 256;
constexpr auto kLookPatience = 60s;

}  // namespace

std::vector<ChunkPlace> chunk_places(const Tables& tables, const Manifest& manifest,
                                     std::size_t first_part) {
  std::vector<ChunkPlace> places;
  for (std::size_t part = first_part; part < manifest.parts.size(); ++part) {
    ChunkKey key = parse_part_name(manifest.parts[part].name, tables.where());
    for (const auto hash : manifest.parts[part].chunk_hash) {
      places.push_back({key, hash});
      ++key.number;
    }
  }
  return places;
}

std::vector<std::uint64_t> missing_chunks(const Tables& tables,
                                          const std::vector<ChunkPlace>& places,
                                          Consistency consistency) {
  const auto& session = tables.session();
  const auto select = session.prepare(
      fmt::format("SELECT hash FROM {} WHERE claim = ? AND number = ?", tables.chunks()),
      tables.where());
  Writes looks([&](std::uint64_t at, cql::Queue& answers) {
    const ChunkKey& key = places[at].key;
    session.start(select, cql::Values().bigint(key.claim).bigint(key.number),
                  {.consistency = consistency}, answers, at);
  });
  std::vector<std::uint64_t> missing;
  std::uint64_t left = 0;
  const auto take = [&] {
    const auto answer = looks.next(1h);
    if (!answer) return;
    if (answer->failure) {
      if (!answer->failure->passes() || looks.stalled() > kLookPatience ||
          answer->failure->status == cql::Status::kUnavailable) {
        throw tables.error(*answer->failure);
      }
      return looks.send_later(answer->tag);
    }
    --left;
    const bool is_there =
        answer->rows.size() == 1 &&
        answer->rows.bigint(0, 0) == static_cast<std::int64_t>(places[answer->tag].hash);
    if (!is_there) missing.push_back(answer->tag);
  };
  for (std::uint64_t at = 0; at < places.size(); ++at) {
    while (left >= kLooksUnderWayMax) take();
    looks.send(at);
    ++left;
  }
  while (left > 0) take();
  std::ranges::sort(missing);
  return missing;
}

}  // namespace ringfeed::cassandra
