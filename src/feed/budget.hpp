// What a feed may hold, and the least that its order needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ringfeed/feed.hpp>
#include <ringfeed/schema.hpp>
#include <ringfeed/store.hpp>
#include <span>

namespace ringfeed {

/// What holding this block costs: its bytes, and 8 bytes per sample for the order of an open
/// window.
constexpr std::uint64_t cost_of(const BlockInfo& block) noexcept {
  return block.bytes + std::uint64_t{8} * block.samples;
}

struct Budget {
  std::uint64_t bytes = 0;  ///< what was asked for, or the default
  std::uint64_t floor_bytes =
      0;  ///< blocks that must be held at once, batches, and what each block costs unread
  std::uint64_t least_bytes = 0;   ///< that the order can be read with: the floor and two blocks
  std::uint64_t blocks_bytes = 0;  ///< what of `bytes` is for blocks
  /// Batches that wait or are being assembled; and how many of them are left when more are.
  std::size_t places = 2;
  std::size_t places_low = 1;
};

/// `columns` are those that are handed out, `overhead` is the size of the reader. Throws
/// Error{kInvalidArgument} as Feed's constructor says.
Budget plan_budget(const FeedOptions& options, std::span<const BlockInfo> blocks,
                   std::span<const ColumnSpec> columns, std::uint64_t overhead);

}  // namespace ringfeed
