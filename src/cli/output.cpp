// Printing. Names of columns, files and data sets may be those of strangers: what a terminal would
// obey is shown, not sent.
#include <cstdio>

#include "base/printable.hpp"
#include "cli/command.hpp"

namespace ringfeed::cli {
namespace {

/// Whole lines in one write: ranks share a stderr. A full disk behind stdout must not look like
/// success.
void print(std::FILE* stream, std::string_view text) {
  std::string lines(text);
  if (lines.empty() || lines.back() != '\n') lines += '\n';
  std::fwrite(lines.data(), 1, lines.size(), stream);
  if (std::fflush(stream) != 0 && stream == stdout) {
    throw Error(ErrorCode::kNoSpace,
                "standard output: cannot be written; is the disk full or the reader gone?");
  }
}

}  // namespace

void Output::result(const nlohmann::json& value, std::string_view text) const {
  if (stdout_is_taken) {
    note(text);
  } else if (json) {
    print(stdout, printable(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)));
  } else {
    print(stdout, printable_lines(text));
  }
}

void Output::content(std::string_view bytes) const { print(stdout, bytes); }

void Output::note(std::string_view line) const {
  if (!quiet) print(stderr, printable_lines(line));
}

void Output::warn(std::string_view line) const { print(stderr, "ringfeed: " + printable(line)); }

void add_output_options(CLI::App& app, Output& output) {
  app.add_flag("--json", output.json, "print JSON lines on stdout; the last one is the summary");
  app.add_flag("--quiet", output.quiet, "no progress and no notes");
}

}  // namespace ringfeed::cli
