// A file that a command makes, and may make anew; what others wrote stays.
#pragma once

#include <string>
#include <string_view>

namespace ringfeed::cli {

/// Before work is done for it. A file that is there has to be a regular one with `mark` in its
/// first bytes. Throws Error: kConflict "PATH: it is there and was not written by COMMAND; ...",
/// kNotFound when its folder is missing, kPermission when the folder or the file is closed.
void check_made_file(const std::string& path, std::string_view mark, std::string_view command);

}  // namespace ringfeed::cli
