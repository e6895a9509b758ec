// What was measured of each stage, and what it says of a run with other settings. A new stage is
// one more function in the table of stages.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "tune/roofline.hpp"
#include "tune/settings.hpp"

namespace ringfeed::tune {

/// The store alone, with much under way. Of one process.
struct StoreRate {
  std::uint32_t connections = 0;
  std::uint64_t in_flight_bytes = 0;
  double bytes_per_second = 0;
  double store_seconds = 0;  ///< a sample, without checking where that was what took the time
  double check_seconds = 0;  ///< a sample, of a core: checking and decoding
  double cpu_seconds = 0;    ///< a sample, beside them
};

/// The training thread over a batch that it holds.
struct ModelRate {
  int ranks = 1;
  int threads = 1;
  bool data_parallel = false;
  double compute_seconds = 0;     ///< a sample of the run: forward, backward, optimizer
  double all_reduce_seconds = 0;  ///< a sample of the run
  double cpu_seconds = 0;         ///< a sample, over all ranks
};

/// The model of the run as it is over a held batch of another size.
struct BatchRate {
  std::uint64_t global_batch = 0;
  double seconds = 0;  ///< a sample of the run, all-reduce included
};

struct Measured {
  double sample_bytes = 0;  ///< as it is stored
  double block_bytes = 0;
  double block_seconds =
      0;  ///< from asking for one block to having it, with nothing else under way
  std::vector<StoreRate> stores;
  double assemble_seconds = 0;  ///< a sample, of a thread
  std::vector<ModelRate> models;
  std::vector<BatchRate> batches;  ///< that of the run first
};

/// What this run would take. `spare_bytes` of a rank can be asked of the store ahead of need.
/// Throws Error{kInternal} for ranks, threads or connections that were not measured.
std::vector<Stage> stages_of(const Measured& measured, const Settings& settings,
                             std::uint64_t spare_bytes);

}  // namespace ringfeed::tune
