// The layers of connection settings, put on top of each other: the files of cqlsh, the environment,
// the URL, the caller's options.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <ringfeed/connection.hpp>
#include <ringfeed/error.hpp>

#include "base/file.hpp"
#include "base/option.hpp"
#include "cql/ini_file.hpp"

namespace ringfeed {
namespace {

constexpr std::uint64_t kFileBytesMax = 1 << 20;

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorCode::kInvalidArgument, message);
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

std::uint32_t bounded(std::string_view where, std::uint64_t value, std::uint32_t most) {
  if (value < 1 || value > most) refuse(fmt::format("{}: {} is not 1 to {}", where, value, most));
  return static_cast<std::uint32_t>(value);
}

std::uint32_t number(std::string_view where, const std::string& text, std::uint32_t most) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    refuse(fmt::format("{}: '{}' is not a whole number from 1 to {}", where, text, most));
  }
  return bounded(where, value, most);
}

bool truth(std::string_view where, const std::string& text) {
  const std::string word = lower(text);
  if (word == "1" || word == "true" || word == "yes" || word == "on") return true;
  if (word == "0" || word == "false" || word == "no" || word == "off") return false;
  refuse(fmt::format("{}: '{}' is neither true nor false", where, text));
}

Consistency consistency(std::string_view where, const std::string& text) {
  try {
    return consistency_from_name(text);
  } catch (const Error& error) {
    refuse(fmt::format("{}: {}", where, error.what()));
  }
}

/// An empty variable is as good as none.
std::optional<std::string> variable(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

std::vector<std::string> comma_separated(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto comma = text.find(',');
    if (comma != 0) parts.emplace_back(text.substr(0, comma));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return parts;
}

ConnectionOptions from_environment() {
  ConnectionOptions options;
  const auto with = [](const char* name, const auto& use) {
    if (const auto text = variable(name)) use(name, *text);
  };
  const auto to_text = [&](const char* name, std::optional<std::string>& field) {
    with(name, [&](const char*, const std::string& text) { field = text; });
  };
  const auto to_truth = [&](const char* name, std::optional<bool>& field) {
    with(name, [&](const char* where, const std::string& text) { field = truth(where, text); });
  };
  const auto to_number = [&](const char* name, std::uint32_t most,
                             std::optional<std::uint32_t>& field) {
    with(name,
         [&](const char* where, const std::string& text) { field = number(where, text, most); });
  };
  const auto to_consistency = [&](const char* name, std::optional<Consistency>& field) {
    with(name,
         [&](const char* where, const std::string& text) { field = consistency(where, text); });
  };
  to_text("RINGFEED_LOCAL_DC", options.local_datacenter);
  to_text("RINGFEED_USER", options.user);
  with("RINGFEED_PASSWORD",
       [&](const char*, const std::string& text) { options.password = Secret(text); });
  to_truth("RINGFEED_TLS", options.tls);
  to_text("RINGFEED_TLS_CA", options.tls_ca);
  to_text("RINGFEED_TLS_CERT", options.tls_cert);
  to_text("RINGFEED_TLS_KEY", options.tls_key);
  with("RINGFEED_TLS_SERVER_NAME", [&](const char*, const std::string& text) {
    options.tls_server_names = comma_separated(text);
  });
  to_consistency("RINGFEED_READ_CONSISTENCY", options.read_consistency);
  to_consistency("RINGFEED_WRITE_CONSISTENCY", options.write_consistency);
  to_number("RINGFEED_CONNECT_TIMEOUT_MS", most_of<std::uint32_t>("connect-timeout-ms"),
            options.connect_timeout_ms);
  to_number("RINGFEED_REQUEST_TIMEOUT_MS", most_of<std::uint32_t>("request-timeout-ms"),
            options.request_timeout_ms);
  to_number("RINGFEED_CONNECTIONS_PER_HOST", most_of<std::uint32_t>("connections-per-host"),
            options.connections_per_host);
  to_truth("RINGFEED_LZ4", options.lz4);
  to_truth("RINGFEED_CONTACT_POINTS_ONLY", options.contact_points_only);
  return options;
}

/// A password of a file, and whose it is: it is not sent for another user.
struct FilePassword {
  std::optional<std::string> user;
  Secret password;
};

/// What the files of cqlsh say.
struct CqlshSettings {
  ConnectionOptions options;
  std::optional<std::uint16_t> port;
  std::vector<FilePassword> passwords;  ///< in falling precedence
  std::vector<std::string> warnings;
};

std::string expand_home(const std::string& path, const std::string& home) {
  return path.starts_with("~/") ? home + path.substr(1) : path;
}

/// cqlsh's own rule for a file with a password in it. Root may use the file of anyone, so that sudo
/// works.
bool is_private(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return false;
  const bool ours = ::getuid() == 0 || status.st_uid == ::getuid();
  return ours && (status.st_mode & (S_IRGRP | S_IROTH)) == 0;
}

/// Nothing when the file is missing or closed to us.
std::optional<cql::IniFile> read_ini(const std::string& path, std::vector<std::string>& warnings) {
  try {
    return cql::IniFile::parse(read_file(path, kFileBytesMax), path);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kNotFound) return std::nullopt;
    if (error.code() != ErrorCode::kPermission) throw;
    warnings.push_back(fmt::format("{}; it is passed over", error.what()));
    return std::nullopt;
  }
}

/// [auth_provider] names a Python class, and hostname is what the URL says: neither is read here.
void read_cqlshrc(const cql::IniFile& file, const std::string& home, CqlshSettings& settings) {
  const auto where = [&](const char* section, const char* key) {
    return fmt::format("{}: [{}] {}", file.path(), section, key);
  };
  ConnectionOptions& options = settings.options;
  options.user = file.value("authentication", "username");
  if (const auto password = file.value("authentication", "password")) {
    settings.passwords.push_back({options.user, Secret(*password)});
    if (!is_private(file.path())) {
      settings.warnings.push_back(
          fmt::format("{}: it has a password and others can read it; move the password to "
                      "~/.cassandra/credentials and chmod 600 that",
                      file.path()));
    }
  }
  if (const auto port = file.value("connection", "port")) {
    settings.port = static_cast<std::uint16_t>(number(where("connection", "port"), *port, 65535));
  }
  if (const auto ssl = file.value("connection", "ssl")) {
    options.tls = truth(where("connection", "ssl"), *ssl);
  }
  const auto seconds = [&](const char* key, std::optional<std::uint32_t>& field) {
    if (const auto text = file.value("connection", key)) {
      constexpr std::uint32_t kMost = most_of<std::uint32_t>("connect-timeout-ms") / 1000;
      field = number(where("connection", key), *text, kMost) * 1000;
    }
  };
  seconds("timeout", options.connect_timeout_ms);
  seconds("request_timeout", options.request_timeout_ms);
  const auto path = [&](const char* key, std::optional<std::string>& field) {
    if (const auto text = file.value("ssl", key)) field = expand_home(*text, home);
  };
  path("certfile", options.tls_ca);
  path("usercert", options.tls_cert);
  path("userkey", options.tls_key);
  if (const auto validate = file.value("ssl", "validate");
      validate && lower(*validate) == "false") {
    settings.warnings.push_back(
        fmt::format("{} = false is not followed: certificates are verified unless {} is given",
                    where("ssl", "validate"), option_name("tls-insecure")));
  }
}

void read_credentials(const std::string& path, CqlshSettings& settings) {
  const auto file = read_ini(path, settings.warnings);
  if (!file) return;
  if (!is_private(path)) {
    settings.warnings.push_back(
        fmt::format("{}: it is not used, because it is readable by others or is another user's; "
                    "chown it to yourself and chmod 600 it",
                    path));
    return;
  }
  // The second is the section's name before cqlsh 6.1.
  for (const char* section : {"PlainTextAuthProvider", "plain_text_auth"}) {
    const auto user = file->value(section, "username");
    const auto password = file->value(section, "password");
    if (!user && !password) continue;
    if (user) settings.options.user = user;
    if (password) {
      settings.passwords.insert(settings.passwords.begin(),
                                {user ? user : settings.options.user, Secret(*password)});
    }
    return;
  }
}

CqlshSettings from_cqlsh() {
  CqlshSettings settings;
  const auto home = variable("HOME");
  if (!home) return settings;
  std::string credentials = *home + "/.cassandra/credentials";
  if (const auto file = read_ini(*home + "/.cassandra/cqlshrc", settings.warnings)) {
    read_cqlshrc(*file, *home, settings);
    if (const auto path = file->value("authentication", "credentials")) {
      credentials = expand_home(*path, *home);
    }
  }
  read_credentials(credentials, settings);
  return settings;
}

bool names_tls(const ConnectionOptions& options) {
  return options.tls_ca || options.tls_cert || options.tls_key ||
         !options.tls_server_names.empty() || options.tls_insecure.value_or(false);
}

/// Who asks for a part of TLS wants TLS: without this a forgotten switch would send the password in
/// the clear. An explicit "off" beside it is a contradiction.
void imply_tls(ConnectionOptions& options, std::string_view off) {
  if (!names_tls(options)) return;
  if (!options.tls.value_or(true)) {
    refuse(fmt::format("{} turns TLS off, and other options beside it describe it; leave out one",
                       off));
  }
  options.tls = true;
}

/// Puts what `top` sets over the fields of `base`; the password is chosen elsewhere.
void overlay(ConnectionOptions& base, const ConnectionOptions& top) {
  const auto put = [](auto& below, const auto& above) {
    if (above) below = above;
  };
  put(base.local_datacenter, top.local_datacenter);
  put(base.user, top.user);
  put(base.tls, top.tls);
  put(base.tls_ca, top.tls_ca);
  put(base.tls_cert, top.tls_cert);
  put(base.tls_key, top.tls_key);
  if (!top.tls_server_names.empty()) base.tls_server_names = top.tls_server_names;
  put(base.tls_insecure, top.tls_insecure);
  put(base.read_consistency, top.read_consistency);
  put(base.write_consistency, top.write_consistency);
  put(base.connect_timeout_ms, top.connect_timeout_ms);
  put(base.request_timeout_ms, top.request_timeout_ms);
  put(base.connections_per_host, top.connections_per_host);
  put(base.in_flight_bytes_per_node, top.in_flight_bytes_per_node);
  put(base.lz4, top.lz4);
  put(base.contact_points_only, top.contact_points_only);
}

ContactPoint contact_point(std::string_view text, std::uint16_t default_port) {
  std::string_view host = text;
  std::string port;
  const auto bracket = text.find(']');
  const auto colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  const auto chosen =
      port.empty()
          ? default_port
          : static_cast<std::uint16_t>(number(fmt::format("port of {}", host), port, 65535));
  return {std::string(host), chosen};
}

void check_credential(std::string_view what, std::string_view value) {
  if (value.empty()) refuse(fmt::format("the {} is empty", what));
  if (value.find('\0') != std::string_view::npos)
    refuse(fmt::format("the {} has a zero byte", what));
}

Secret choose_password(const std::string& user, const ConnectionOptions& options,
                       const ConnectionOptions& environment, const CqlshSettings& cqlsh) {
  if (options.password) return *options.password;
  if (environment.password) return *environment.password;
  for (const auto& each : cqlsh.passwords) {
    if (!each.user || *each.user == user) return each.password;
  }
  if (options.ask_password) {
    if (const auto answer = options.ask_password(user)) return *answer;
  }
  std::string message =
      fmt::format("user '{}': there is no password; {}", user, ways_to_give_password());
  for (const auto& warning : cqlsh.warnings) message += "; " + warning;
  throw Error(ErrorCode::kPermission, message);
}

void check_bounds(const ConnectionOptions& options) {
  if (options.ranks < 1) refuse(fmt::format("{} ranks; there is at least 1", options.ranks));
  const auto check = [](Option option, const std::optional<std::uint32_t>& value) {
    if (value) ringfeed::check_bounds(option, *value);
  };
  check("connect-timeout-ms", options.connect_timeout_ms);
  check("request-timeout-ms", options.request_timeout_ms);
  check("connections-per-host", options.connections_per_host);
  for (const auto& level : {options.read_consistency, options.write_consistency}) {
    if (level) consistency_from_name(consistency_name(*level));  // refuses the serial ones
  }
}

}  // namespace

Connection resolve_connection(const Url& url, const ConnectionOptions& options) {
  if (url.scheme != "cassandra") {
    refuse(fmt::format("'{}': only a cassandra:// address is connected to", url.text()));
  }
  check_bounds(options);
  CqlshSettings cqlsh = from_cqlsh();
  ConnectionOptions environment = from_environment();
  imply_tls(environment, "RINGFEED_TLS");
  ConnectionOptions top = options;
  imply_tls(top, "the option tls");

  ConnectionOptions all = cqlsh.options;
  overlay(all, environment);
  if (url.user) all.user = url.user;
  overlay(all, top);

  Connection connection;
  connection.stop = options.stop;
  for (const auto& host : url.hosts)
    connection.contact_points.push_back(contact_point(host, cqlsh.port.value_or(9042)));
  if (connection.contact_points.empty()) refuse(fmt::format("'{}' names no host", url.text()));
  connection.local_datacenter = all.local_datacenter;
  connection.user = all.user;
  if (connection.user) {
    check_credential("user", *connection.user);
    connection.password = choose_password(*connection.user, options, environment, cqlsh);
    check_credential("password", connection.password->reveal());
  } else if (options.password) {
    refuse(fmt::format("there is a password but no user; name one with {} or USER@ in the URL",
                       option_name("user")));
  }
  connection.tls = all.tls.value_or(false);
  if (connection.tls) {
    connection.tls_ca = all.tls_ca.value_or("");
    connection.tls_cert = all.tls_cert.value_or("");
    connection.tls_key = all.tls_key.value_or("");
    connection.tls_server_names = all.tls_server_names;
    connection.tls_insecure = all.tls_insecure.value_or(false);
    if (connection.tls_cert.empty() != connection.tls_key.empty()) {
      refuse("a client certificate needs its key, and a key its certificate; name both");
    }
  }
  connection.read_consistency = all.read_consistency.value_or(connection.read_consistency);
  connection.write_consistency = all.write_consistency.value_or(connection.write_consistency);
  connection.connect_timeout_ms = all.connect_timeout_ms.value_or(connection.connect_timeout_ms);
  connection.request_timeout_ms = all.request_timeout_ms.value_or(connection.request_timeout_ms);
  connection.connections_per_host =
      all.connections_per_host.value_or(connection.connections_per_host);
  connection.in_flight_bytes_per_node = all.in_flight_bytes_per_node.value_or(
      connection.in_flight_bytes_per_node / static_cast<std::uint64_t>(options.ranks));
  connection.lz4 = all.lz4.value_or(false);
  connection.contact_points_only = all.contact_points_only.value_or(false);
  connection.warnings = std::move(cqlsh.warnings);
  if (connection.tls_insecure) {
    connection.warnings.push_back(
        fmt::format("TLS certificates are NOT verified: whoever is on the way can read and change "
                    "everything, the password too; leave {} out and name the authority with {}",
                    option_name("tls-insecure"), option_name("tls-ca")));
  }
  return connection;
}

}  // namespace ringfeed
