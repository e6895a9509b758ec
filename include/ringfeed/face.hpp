// Face: the side of Ringfeed that a process uses. Messages name options as that side has them.
#pragma once

#include <cstdint>

namespace ringfeed {

/// Sides of Ringfeed.
enum class Face : std::uint8_t { kCpp, kProgram, kPython };

/// Sets the face, once, before any other call; without it the face is kCpp.
void set_face(Face face) noexcept;

}  // namespace ringfeed
