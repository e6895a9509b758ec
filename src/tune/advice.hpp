// What may help a run and is no option of it, or makes it another one: words for people. No I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <ringfeed/connection.hpp>
#include <string>
#include <vector>

#include "tune/search.hpp"
#include "tune/stages.hpp"

namespace ringfeed::tune {

/// Of a keyspace.
struct Replicas {
  int nodes = 0;
  int copies = 0;  ///< of each row
};

/// How well an order mixes: about, for blocks of one size.
struct ShuffleQuality {
  std::uint64_t blocks_of_batch = 0;  ///< that the samples of a batch are of
  double mixed_share = 0;             ///< of the data set: what they are drawn from
};
ShuffleQuality shuffle_quality(const Settings& settings, std::uint64_t blocks);

/// "samples of 64 blocks, drawn from 12 % of the data set".
std::string words_of(const ShuffleQuality& quality);

struct AdviceFacts {
  Settings start;
  Candidate chosen;
  /// What an order that was not asked for promises beyond the best that was.
  std::optional<Candidate> other_order = {};
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;  ///< of the data set
  bool is_cassandra = false;
  bool is_row_table = false;
  bool is_cached = false;
  Consistency read = Consistency::kLocalOne;
  std::optional<Replicas> replicas = {};
};

std::vector<std::string> advice(const Measured& measured, const AdviceFacts& facts);

}  // namespace ringfeed::tune
