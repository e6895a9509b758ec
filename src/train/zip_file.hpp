// The checksums of a zip file's members, which torch writes and does not look at. Without torch.
#pragma once

#include <string>
#include <string_view>

namespace ringfeed {

/// What is wrong with a zip file: its first member whose bytes are not those of its CRC-32, or a
/// directory that leads out of the file. Empty: nothing, or it is no zip file at all.
std::string zip_fault(std::string_view file);

}  // namespace ringfeed
