// How the threads of a feed end from outside.
#pragma once

namespace ringfeed {

/// Ends a thread of the feed from inside; never leaves it.
struct Stopped {};

}  // namespace ringfeed
