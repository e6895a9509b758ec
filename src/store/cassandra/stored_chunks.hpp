// The chunks of a version as they are in its table: which are there, and their bytes in memory.
#pragma once

#include <cstdint>
#include <memory>
#include <ringfeed/connection.hpp>
#include <ringfeed/manifest.hpp>
#include <string_view>
#include <vector>

#include "cql/session.hpp"
#include "store/cassandra/tables.hpp"

namespace arrow {
class Buffer;
}

namespace ringfeed::cassandra {

struct ChunkPlace {
  ChunkKey key;
  std::uint64_t hash = 0;
};

/// Of the parts from `first_part` on, in the order of the manifest.
std::vector<ChunkPlace> chunk_places(const Tables& tables, const Manifest& manifest,
                                     std::size_t first_part = 0);

/// Which of the places, by their number and ascending, have no chunk with this hash. Throws Error
/// when replicas that the consistency needs do not answer.
std::vector<std::uint64_t> missing_chunks(const Tables& tables,
                                          const std::vector<ChunkPlace>& places,
                                          Consistency consistency);

/// Whether anything is left of what was written for a version: its first chunk.
bool has_first_chunk(const Tables& tables, std::uint64_t version);

/// Asks for hash and data of the chunk (claim, number). Throws Error{kBadData} when the table is
/// gone.
cql::Statement select_chunk(const Tables& tables);

/// The bytes of a chunk in a cell of `rows`, whose memory it keeps: they are copied only where they
/// are not aligned as those of a chunk have to be.
std::shared_ptr<arrow::Buffer> chunk_buffer(const cql::Rows& rows, std::string_view cell);

}  // namespace ringfeed::cassandra
