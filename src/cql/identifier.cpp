// Quoting of names.
#include "cql/identifier.hpp"

#include <ringfeed/error.hpp>

namespace ringfeed::cql {

std::string quote_identifier(std::string_view name) {
  if (name.empty() || name.find('\0') != std::string_view::npos) {
    throw Error(ErrorCode::kInvalidArgument,
                "a name for Cassandra is empty or has a zero byte; choose another");
  }
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"') quoted += c;
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace ringfeed::cql
