// Numbers in the other byte order.
#pragma once

#include <cstddef>

namespace ringfeed {

/// Numbers of 4 bytes, without alignment, with their bytes turned round. `to` may not overlap.
void swap_4(const void* from, std::size_t count, void* to) noexcept;

}  // namespace ringfeed
