// Which side of Ringfeed a process uses: messages name options as that side has them.
#pragma once

#include <cstdint>

namespace ringfeed {

enum class Face : std::uint8_t { kCpp, kProgram, kPython };

/// Set once, before any other call; without it kCpp.
void set_face(Face face) noexcept;

}  // namespace ringfeed
