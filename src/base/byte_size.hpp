// Sizes for people: "512 KiB", "1.5 GiB", and back.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ringfeed {

std::string format_bytes(std::uint64_t bytes);

/// "4096", "512KiB", "64 MB", "1.5GiB" (K, M, G, T alone are powers of 1024). Throws
/// Error{kInvalidArgument}.
std::uint64_t parse_bytes(std::string_view text);

}  // namespace ringfeed
