// Printing. Names of columns, files and data sets may be those of strangers: what a terminal would
// obey is shown, not sent.
#include <fmt/format.h>

#include <cstdio>
#include <iterator>

#include "cli/command.hpp"

namespace ringfeed::cli {
namespace {

/// A full disk behind stdout must not look like success.
void print(std::FILE* stream, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stream);
  if (text.empty() || text.back() != '\n') std::fputc('\n', stream);
  if (std::fflush(stream) != 0 && stream == stdout) {
    throw Error(ErrorCode::kNoSpace,
                "standard output: cannot be written; is the disk full or the reader gone?");
  }
}

}  // namespace

std::string printable(std::string_view text) {
  std::string shown;
  for (const char c : text) {
    const bool is_control = (c >= 0 && c < ' ' && c != '\n' && c != '\t') || c == '\x7f';
    if (is_control)
      fmt::format_to(std::back_inserter(shown), "\\x{:02x}", static_cast<unsigned char>(c));
    else
      shown += c;
  }
  return shown;
}

void Output::result(const nlohmann::json& value, std::string_view text) const {
  if (json) {
    print(stdout, value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  } else {
    print(stdout, printable(text));
  }
}

void Output::note(std::string_view line) const {
  if (!quiet) print(stderr, printable(line));
}

void Output::warn(std::string_view line) const { print(stderr, "ringfeed: " + printable(line)); }

void add_output_options(CLI::App& app, Output& output) {
  app.add_flag("--json", output.json, "print JSON lines on stdout; the last one is the summary");
  app.add_flag("--quiet", output.quiet, "no progress and no notes");
}

}  // namespace ringfeed::cli
