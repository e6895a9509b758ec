// Pauses before something is tried again.
#pragma once

#include <chrono>

namespace ringfeed {

/// Half of a pause to the whole of it, by chance: those who failed together do not come again
/// together.
std::chrono::milliseconds spread(std::chrono::milliseconds pause);

}  // namespace ringfeed
