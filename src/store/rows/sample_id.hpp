// The id of a row that an ingest writes: a function of what is ingested and of the sample's number,
// so that a repeated ingest writes the same rows again.
#pragma once

#include <array>
#include <cstdint>

namespace ringfeed::rows {

/// A uuid of version 8 (RFC 9562) in the order of its bytes; docs/format.md says how it is made.
std::array<char, 16> sample_id(std::uint64_t fingerprint, std::uint64_t number) noexcept;

}  // namespace ringfeed::rows
