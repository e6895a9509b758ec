// Measuring the stages that need no model: the store alone, and a feed that nobody waits for.
#pragma once

#include <chrono>
#include <cstdint>
#include <ringfeed/dataset.hpp>
#include <ringfeed/feed.hpp>
#include <stop_token>

#include "tune/stages.hpp"

namespace ringfeed::tune {

using Seconds = std::chrono::duration<double>;

/// The time of one read, with nothing else under way: the median. Throws what the store does, and
/// Error{kCancelled}.
double measure_block_seconds(const Dataset& dataset, Seconds time, const std::stop_token& stop);

/// Reads blocks in a random order with so many bytes under way, checked on as many threads as
/// there are cores.
StoreRate measure_store(const Dataset& dataset, std::uint64_t under_way, int cores, Seconds time,
                        const std::stop_token& stop);

/// Seconds of a thread that a sample takes to be copied into a batch.
double measure_assembly(std::shared_ptr<const Dataset> dataset, FeedOptions options, Seconds time,
                        const std::stop_token& stop);

}  // namespace ringfeed::tune
