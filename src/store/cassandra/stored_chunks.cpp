// Many point reads at once, each tried until it is answered.
#include "store/cassandra/stored_chunks.hpp"

#include <arrow/buffer.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <ringfeed/error.hpp>
#include <utility>

#include "dataset/chunk.hpp"
#include "store/cassandra/writes.hpp"

namespace ringfeed::cassandra {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kLooksUnderWayMax = 256;
constexpr auto kLookPatience = 60s;

/// A cell in the memory of the received frame, which it keeps.
class CellBuffer final : public arrow::Buffer {
 public:
  CellBuffer(cql::Rows rows, std::string_view cell)
      : arrow::Buffer(reinterpret_cast<const std::uint8_t*>(cell.data()),
                      static_cast<std::int64_t>(cell.size())),
        rows_(std::move(rows)) {}

 private:
  cql::Rows rows_;
};

}  // namespace

std::vector<ChunkPlace> chunk_places(const Tables& tables, const Manifest& manifest,
                                     std::size_t first_part) {
  std::vector<ChunkPlace> places;
  for (std::size_t part = first_part; part < manifest.parts.size(); ++part) {
    const auto& hashes = manifest.parts[part].chunk_hash;
    const auto keys = parse_part_name(manifest.parts[part].name, tables.where());
    for (std::size_t i = 0; i < hashes.size(); ++i) places.push_back({keys.at(i), hashes[i]});
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
        answer->rows.size() == 1 && answer->rows.cell(0, 0) &&
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

bool has_first_chunk(const Tables& tables, std::uint64_t version) {
  const auto rows = tables.session().execute(
      fmt::format("SELECT hash FROM {} WHERE claim = ? AND number = 0", tables.chunks()),
      cql::Values().bigint(static_cast<std::int64_t>(version)),
      {.consistency = Consistency::kLocalQuorum}, tables.where());
  return rows.size() > 0;
}

cql::Statement select_chunk(const Tables& tables) {
  try {
    // The hash first: then the chunk's bytes begin at a multiple of 8 in the received frame.
    return tables.session().prepare(
        fmt::format("SELECT hash, data FROM {} WHERE claim = ? AND number = ?", tables.chunks()),
        tables.where());
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound) throw;
    throw Error(ErrorCode::kBadData,
                fmt::format("{}; ingest again, which puts back what is missing", error.what()));
  }
}

std::shared_ptr<arrow::Buffer> chunk_buffer(const cql::Rows& rows, std::string_view cell) {
  if (reinterpret_cast<std::uintptr_t>(cell.data()) % kChunkAlignment == 0)
    return std::make_shared<CellBuffer>(rows, cell);
  auto copy = arrow::AllocateBuffer(static_cast<std::int64_t>(cell.size()));
  if (!copy.ok()) throw Error(ErrorCode::kInternal, copy.status().ToString());
  std::copy(cell.begin(), cell.end(), (*copy)->mutable_data());
  return std::shared_ptr<arrow::Buffer>(std::move(*copy));
}

}  // namespace ringfeed::cassandra
