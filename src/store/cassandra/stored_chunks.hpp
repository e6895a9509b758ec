// Which chunks of a version are in its table: their hashes are asked for, not their bytes.
#pragma once

#include <cstdint>
#include <ringfeed/connection.hpp>
#include <ringfeed/manifest.hpp>
#include <vector>

#include "store/cassandra/tables.hpp"

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

}  // namespace ringfeed::cassandra
