// errno as a ringfeed::Error: which code, which words, which remedy.
#pragma once

#include <ringfeed/error.hpp>
#include <string_view>

namespace ringfeed {

/// "WHERE: what the system says; remedy". ENOENT is kNotFound, ELOOP kBadData, EACCES/EPERM/EROFS
/// kPermission, ENOSPC/EDQUOT kNoSpace.
[[noreturn]] void throw_system_error(int error_number, std::string_view where);

}  // namespace ringfeed
