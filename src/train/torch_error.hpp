// What torch and Gloo throw, as a ringfeed::Error in one line.
#pragma once

#include <exception>
#include <ringfeed/error.hpp>
#include <string>
#include <string_view>

namespace ringfeed {

/// The first line of what torch says, without its stack trace.
std::string first_line(const std::exception& error);

/// For a collective of `rank` that failed: kTimeout when the others were silent for too long,
/// kUnavailable when one is gone, and kInternal for what has nothing to do with the network.
Error collective_error(int rank, std::string_view what, const std::exception& error);

}  // namespace ringfeed
