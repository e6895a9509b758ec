// A file that a command makes, and may make anew; what others wrote stays. "-" is standard output.
#pragma once

#include <string>
#include <string_view>

#include "cli/command.hpp"

namespace ringfeed::cli {

/// Of an option that was given "-". Throws Error{kInvalidArgument} where --json has it.
void check_standard_output(std::string_view option, const Output& output);
/// Lets those of its options that write other files, or folders, take no "-": it would be a name.
void refuse_standard_output(CLI::App& app);

/// Lets no option that names a file, a folder or a column take an empty text for "not given", nor a
/// place that is not named (but for URL, whose form is told).
void refuse_empty_names(CLI::App& app);

/// Before work is done for it. A file that is there has to be a regular one with `mark` in its
/// first bytes. Throws Error: kConflict "PATH: it is there and was not written by COMMAND; ...",
/// kNotFound when its folder is missing, kPermission when the folder or the file is closed,
/// kInvalidArgument for "-" where --json has standard output.
void check_made_file(const std::string& path, std::string_view mark, std::string_view command,
                     const Output& output);

/// Writes it whole or not at all, and gives the result of the command: behind "-" as a note.
void make_file(const std::string& path, std::string_view content, const Output& output,
               const nlohmann::json& result, std::string_view result_text);

}  // namespace ringfeed::cli
