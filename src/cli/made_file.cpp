// Looks at the file and its folder, and opens nothing that could wait.
#include "cli/made_file.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>
#include <ringfeed/error.hpp>
#include <span>

#include "base/file.hpp"
#include "base/folder.hpp"
#include "base/system_error.hpp"

namespace ringfeed::cli {
namespace {

constexpr std::size_t kHeadBytes = 512;

/// They name folders, or files that others read while they are written.
constexpr const char* kNotForStandardOutput[] = {
    "metrics", "tensorboard", "rejects", "checkpoint-dir", "ledger", "cache", "index"};

constexpr const char* kNotEmpty[] = {
    "output", "log",   "metrics",  "tensorboard", "rejects", "checkpoint-dir", "ledger", "cache",
    "index",  "split", "stratify", "row-number",  "resume",  "model",          "input",  "target"};

/// Adds a check to those options of these names that the command has.
void check_each(CLI::App& app, std::span<const char* const> names,
                const std::function<std::string(const std::string&)>& complaint) {
  for (const char* const name : names) {
    if (auto* const option = app.get_option_no_throw(fmt::format("--{}", name)))
      option->check(CLI::Validator([complaint](std::string& text) { return complaint(text); }, ""));
  }
}

}  // namespace

void check_standard_output(std::string_view option, const Output& output) {
  if (!output.json) return;
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("{} -: standard output is that of --json; leave it out, or name a file", option));
}

void refuse_standard_output(CLI::App& app) {
  check_each(app, kNotForStandardOutput, [](const std::string& path) -> std::string {
    if (path != kStandardOutput) return {};
    return "'-': it is not written to standard output; choose a name (./- is the one of a dash)";
  });
}

void refuse_empty_names(CLI::App& app) {
  const auto complaint = [](const std::string& text) -> std::string {
    if (!text.empty()) return {};
    return "it is empty, as a variable is that was not set; give it a value, or leave it out";
  };
  check_each(app, kNotEmpty, complaint);
  for (auto* const option : app.get_options()) {
    if (!option->get_positional() || option->get_single_name() == "URL") continue;
    option->check(CLI::Validator([complaint](std::string& text) { return complaint(text); }, ""));
  }
}

void check_made_file(const std::string& path, std::string_view mark, std::string_view command,
                     const Output& output) {
  if (path == kStandardOutput) return check_standard_output("--output", output);
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno != ENOENT) throw_system_error(errno, path);
    const std::string folder = parent_of(path);
    if (!std::filesystem::is_directory(folder)) {
      throw Error(
          ErrorCode::kNotFound,
          fmt::format("{}: there is no folder {}; make it, or choose another one", path, folder));
    }
    if (::access(folder.c_str(), W_OK) != 0) throw_system_error(errno, folder);
    return;
  }
  if (S_ISDIR(status.st_mode)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: it is a folder; name a file in it", path));
  }
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: it is no regular file; choose another name", path));
  }
  if (::access(path.c_str(), R_OK) != 0) throw_system_error(errno, path);
  std::string head(kHeadBytes, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(file.gcount()));
  if (head.find(mark) != std::string::npos) return;
  throw Error(
      ErrorCode::kConflict,
      fmt::format("{}: it is there and was not written by {}; choose another name", path, command));
}

void make_file(const std::string& path, std::string_view content, const Output& output,
               const nlohmann::json& result, std::string_view result_text) {
  if (path == kStandardOutput) {
    output.content(content);
    output.note(result_text);
    return;
  }
  replace_file(path, [&](File& file) { file.write(content); });
  output.result(result, result_text);
}

}  // namespace ringfeed::cli
