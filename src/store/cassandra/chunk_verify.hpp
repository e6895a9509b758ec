// The check of every copy of a version's chunks, and what mends them.
#pragma once

#include <cstdint>
#include <functional>
#include <ringfeed/manifest.hpp>
#include <string>

#include "store/cassandra/tables.hpp"

namespace ringfeed::cassandra {

struct ChunkVerifyOptions {
  std::uint64_t bytes_under_way_max = 0;
  /// Writes a sound copy over those that are damaged or gone. A chunk without a sound copy is
  /// removed, as an ingest again puts back what is missing.
  bool repair = false;
  std::function<void(std::uint64_t bytes)> progress = {};
  std::function<void(const std::string&)> warn = {};
};

/// Reads every copy of every chunk, each from the node that has it. A copy that is missing is no
/// damage while another one is sound: a write needs no answer of all replicas. A sound copy of each
/// chunk is decoded, too. Returns the bytes checked, one copy of each chunk counted. Throws
/// Error{kBadData} that names chunk and node of the first damage, when a chunk has other samples
/// than the manifest says, and after a repair that removed chunks; Error{kUnavailable} unless all
/// nodes answer.
std::uint64_t verify_chunks(const Tables& tables, const Manifest& manifest,
                            const ChunkVerifyOptions& options);

}  // namespace ringfeed::cassandra
