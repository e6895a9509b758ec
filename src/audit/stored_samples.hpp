// The hash of each sample as it is stored, from the blocks themselves.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <ringfeed/dataset.hpp>
#include <string>
#include <vector>

namespace ringfeed {

/// By sample number, of these columns in this order: what a Ledger notes of them. `progress` gets
/// bytes read and of how many. Throws those of BlockReader, and Error{kInvalidArgument} for an
/// unknown column.
std::vector<std::uint64_t> hash_stored_samples(
    const Dataset& dataset, const std::vector<std::string>& columns,
    const std::function<void(std::uint64_t done, std::uint64_t total)>& progress);

}  // namespace ringfeed
