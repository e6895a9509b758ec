// Flags, password file and prompt as ConnectionOptions.
#include "cli/connection.hpp"

#include <fmt/format.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <ringfeed/error.hpp>
#include <set>
#include <string_view>
#include <vector>

#include "base/byte_size.hpp"
#include "base/file.hpp"
#include "base/system_error.hpp"
#include "cli/command.hpp"
#include "cli/password_prompt.hpp"

namespace ringfeed::cli {
namespace {

using Lines = std::vector<std::string>;

constexpr const char* kGroup = "Cassandra";
constexpr std::size_t kPasswordBytesMax = 4096;

/// The one line of a password file.
Secret read_password(int descriptor, std::string_view path) {
  const auto refuse = [path](std::string_view what) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("--password-file {}: {}; it holds the password as its only line", path, what));
  };
  char bytes[kPasswordBytesMax + 2];  // the end of the line is not part of it
  std::size_t size = 0;
  while (size < sizeof(bytes)) {
    const auto count = ::read(descriptor, bytes + size, sizeof(bytes) - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_system_error(errno, fmt::format("--password-file {}", path));
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  std::string_view line(bytes, size);
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  Secret password(line);
  ::explicit_bzero(bytes, sizeof(bytes));
  const std::string& text = password.reveal();
  if (text.empty()) refuse("it is empty");
  if (text.find('\n') != std::string::npos) refuse("it has several lines");
  if (text.size() > kPasswordBytesMax)
    refuse(fmt::format("it is longer than {} bytes", kPasswordBytesMax));
  return password;
}

std::optional<Secret> password_from_file(const std::string& path, const std::string& user) {
  if (path != "-") return read_password(File::open_stream(path).descriptor(), path);
  if (::isatty(STDIN_FILENO) == 1) return ask_password(user);  // typed, so not to be seen
  return read_password(STDIN_FILENO, path);
}

std::optional<Consistency> consistency(const char* flag, const std::string& name) {
  if (name.empty()) return std::nullopt;
  try {
    return consistency_from_name(name);
  } catch (const Error& error) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", flag, error.what()));
  }
}

/// A path or a file:// URL.
std::string folder_of(const std::string& index) {
  const Url url = Url::parse(index);
  if (url.scheme == "file") return url.path;
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("--index {}: an index is kept in a folder of this machine; name one", index));
}

/// A switch that is not given leaves the field unset; --NAME=false is given too.
CLI::Option* add_switch(CLI::App& app, const char* name, std::optional<bool>& field,
                        const char* help) {
  return app.add_flag_function(name, [&field](std::int64_t count) { field = count > 0; }, help);
}

void refuse_any(const ConnectionFlags& flags, const Url& url) {
  const auto given = flags.app->get_options([](const CLI::Option* option) {
    return option->get_group() == kGroup && option->count() > 0;
  });
  if (given.empty()) return;
  const auto place = flags.places.find(given.front());
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}{} is for a data set at cassandra://, and '{}' is not; leave it out",
                          place == flags.places.end() ? "" : place->second + ": ",
                          given.front()->get_name(), url.text()));
}

/// A command may open a store several times, and each opening has the same warnings.
std::function<void(const std::string&)> warn_once(const Output& output, const Lines& shown) {
  struct Shown {
    std::mutex mutex;
    std::set<std::string> lines;
  };
  const auto already = std::make_shared<Shown>();
  already->lines.insert(shown.begin(), shown.end());
  return [already, output](const std::string& line) {
    const std::lock_guard lock(already->mutex);
    if (already->lines.insert(line).second) output.warn(line);
  };
}

}  // namespace

void add_connection_options(CLI::App& app, ConnectionFlags& flags) {
  flags.app = &app;
  ConnectionOptions& options = flags.options;
  for (auto* option : {
           app.add_option("--user", options.user, "who logs in; without one nobody does"),
           app.add_option("--password-file", flags.password_file,
                          "file with the password as its only line; - is standard input"),
           app.add_option("--local-dc", options.local_datacenter,
                          "data centre whose nodes are asked"),
           add_switch(app, "--tls", options.tls,
                      "connect by TLS; the other --tls- options imply it"),
           app.add_option("--tls-ca", options.tls_ca,
                          "PEM file of the authorities to trust (default: the system's)"),
           app.add_option("--tls-cert", options.tls_cert, "PEM file of the client's certificate"),
           app.add_option("--tls-key", options.tls_key, "PEM file of its key"),
           app.add_option("--tls-server-name", options.tls_server_names,
                          "name in the servers' certificates, where they do not carry addresses; "
                          "may be given several times")
               ->allow_extra_args(false),
           add_switch(app, "--tls-insecure", options.tls_insecure,
                      "do not verify certificates (dangerous)"),
           app.add_option("--read-consistency", flags.read_consistency, "of reads"),
           app.add_option("--write-consistency", flags.write_consistency, "of writes"),
           app.add_option("--connect-timeout-ms", options.connect_timeout_ms,
                          "until connecting is given up"),
           app.add_option("--request-timeout-ms", options.request_timeout_ms,
                          "until a request is given up"),
           app.add_option("--connections-per-host", options.connections_per_host,
                          "connections to each node"),
           app.add_option(
               "--in-flight-bytes-per-node", flags.in_flight_bytes_per_node,
               "bound of what is asked of one node at once; the default is divided by the ranks"),
           add_switch(app, "--lz4", options.lz4, "compress frames"),
           add_switch(app, "--contact-points-only", options.contact_points_only,
                      "stay on the hosts of the URL"),
           app.add_option("--index", flags.index,
                          "folder of the indexes of row tables (default: $RINGFEED_INDEX, else "
                          "$XDG_DATA_HOME/ringfeed/index, else ~/.local/share/ringfeed/index)"),
       }) {
    option->group(kGroup);
  }
}

ConnectionOptions connection_options(const ConnectionFlags& flags, const Url& url,
                                     const Output& output) {
  if (url.scheme != "cassandra") {
    refuse_any(flags, url);
    return {};
  }
  ConnectionOptions options = flags.options;
  if (!flags.in_flight_bytes_per_node.empty())
    options.in_flight_bytes_per_node = parse_bytes(flags.in_flight_bytes_per_node);
  if (!flags.index.empty()) options.index_dir = folder_of(flags.index);
  options.read_consistency = consistency("--read-consistency", flags.read_consistency);
  options.write_consistency = consistency("--write-consistency", flags.write_consistency);
  if (!flags.password_file.empty() && !flags.in_launched_rank) {
    const std::string user = options.user.value_or(url.user.value_or(""));
    options.password = password_from_file(flags.password_file, user);
  }
  std::optional<Secret> asked;
  options.ask_password = [&asked](const std::string& user) { return asked = ask_password(user); };
  const Connection connection = resolve_connection(url, options);
  options.ask_password = nullptr;
  if (asked) options.password = asked;
  options.warn = warn_once(output, flags.in_launched_rank ? connection.warnings : Lines());
  for (const auto& warning : connection.warnings) options.warn(warning);
  return options;
}

void refuse_passwords(std::span<char* const> arguments) {
  for (const std::string_view argument : arguments) {
    // -p is cqlsh's. None of the program's options begins like one of these.
    const bool flag = argument.starts_with("-p") || argument.starts_with("--pass");
    if (flag && argument != "--password-file" && !argument.starts_with("--password-file=")) {
      throw Error(
          ErrorCode::kInvalidArgument,
          "a password on the command line can be seen by everyone; leave it out, and set "
          "RINGFEED_PASSWORD, give --password-file FILE (or - for standard input), write it "
          "into ~/.cassandra/credentials, or run in a terminal, where it is asked for");
    }
    constexpr std::string_view kScheme = "cassandra:";
    const bool address =
        argument.size() >= kScheme.size() &&
        std::equal(kScheme.begin(), kScheme.end(), argument.begin(),
                   [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b); });
    if (address) Url::parse(argument);
  }
}

}  // namespace ringfeed::cli
