// Figures of a run that are planted: nothing is the limit until a test makes it so.
#pragma once

#include "tune/stages.hpp"

namespace ringfeed::tune {

inline constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

/// A sample of 4 KiB in blocks of 1 MiB; the model does 1,000 samples/s on 1 x 1 and 1 x 2 threads,
/// 1,800 on 2 x 1.
inline Measured planted() {
  return {.sample_bytes = 4096,
          .block_bytes = kMiB,
          .block_seconds = 0.001,
          .stores = {{.connections = 4,
                      .in_flight_bytes = 128 * kMiB,
                      .bytes_per_second = 4e9,
                      .store_seconds = 1e-6,
                      .check_seconds = 1e-6,
                      .cpu_seconds = 0}},
          .assemble_seconds = 1e-6,
          .models = {{.ranks = 1, .threads = 2, .compute_seconds = 1e-3, .cpu_seconds = 2e-3},
                     {.ranks = 1, .threads = 1, .compute_seconds = 1e-3, .cpu_seconds = 1e-3},
                     {.ranks = 2,
                      .threads = 1,
                      .compute_seconds = 4e-4,
                      .all_reduce_seconds = 1.0 / 1800 - 4e-4,
                      .cpu_seconds = 1e-3}},
          .batches = {}};
}

inline Settings planted_start() {
  return {.ranks = 1,
          .threads = 2,
          .read_threads = 1,
          .assemble_threads = 1,
          .prefetch_bytes = 256 * kMiB,
          .connections = 4,
          .in_flight_bytes = 128 * kMiB};
}

}  // namespace ringfeed::tune
