// Finding NaN and infinity among floats: an exponent of ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ringfeed/schema.hpp>

namespace arrow {
class RecordBatch;
}

namespace ringfeed {

/// The first of `count` elements from `begin` on that is NaN or infinite; `count` when none is. The
/// memory needs no alignment. `swapped`: it is in the other byte order.
std::size_t find_not_finite(DType dtype, bool swapped, const void* data, std::size_t begin,
                            std::size_t count) noexcept;

/// How many elements of a record batch with the schema's columns are NaN or infinite.
std::uint64_t count_not_finite(const arrow::RecordBatch& batch, const Schema& schema);

}  // namespace ringfeed
