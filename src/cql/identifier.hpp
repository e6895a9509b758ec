// Names in CQL text. Everything else goes into a statement as a bound value.
#pragma once

#include <string>
#include <string_view>

namespace ringfeed::cql {

/// The name as a quoted CQL identifier, whatever it holds: its quotes are doubled. Throws
/// Error{kInvalidArgument} when it is empty or has a zero byte, which no identifier may.
std::string quote_identifier(std::string_view name);

}  // namespace ringfeed::cql
