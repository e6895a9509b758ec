// How a Cassandra is reached and who logs in. A caller sets what differs; what it leaves unset
// comes, in falling precedence, from the URL, the RINGFEED_* variables, the credentials file of
// cqlsh,
// ~/.cassandra/cqlshrc, and the defaults (docs/cassandra.md lists them all).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <ringfeed/secret.hpp>
#include <ringfeed/url.hpp>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace ringfeed {

/// Of Cassandra. The two serial ones are for lightweight transactions alone: no option takes them.
enum class Consistency : std::uint8_t {
  kOne,
  kTwo,
  kThree,
  kQuorum,
  kAll,
  kLocalQuorum,
  kEachQuorum,
  kLocalOne,
  kSerial,
  kLocalSerial,
};

/// As CQL writes it: "LOCAL_QUORUM".
std::string_view consistency_name(Consistency consistency) noexcept;
/// The inverse, in any case of letters. Throws Error{kInvalidArgument} that lists the names; the
/// two serial ones are not among them.
Consistency consistency_from_name(std::string_view name);

/// What a caller sets. Every field is optional.
struct ConnectionOptions {
  std::optional<std::string> local_datacenter;
  std::optional<std::string> user;
  std::optional<Secret> password;
  /// Called at most once in each resolving, when there is a user and no password from anywhere. Its
  /// Error passes through; when it returns nothing, or is not set, that is Error{kPermission}.
  std::function<std::optional<Secret>(const std::string& user)> ask_password;
  std::optional<bool> tls;
  std::optional<std::string> tls_ca;    ///< path of a PEM file; turns TLS on, as all tls_ fields do
  std::optional<std::string> tls_cert;  ///< path of a PEM file; needs tls_key
  std::optional<std::string> tls_key;   ///< path of a PEM file; needs tls_cert
  std::vector<std::string> tls_server_names;
  std::optional<bool> tls_insecure;
  std::optional<Consistency> read_consistency;
  std::optional<Consistency> write_consistency;
  std::optional<std::uint32_t> connect_timeout_ms;
  std::optional<std::uint32_t> request_timeout_ms;
  std::optional<std::uint32_t> connections_per_host;
  /// Bytes of blocks that this process asks of one node at once, at most.
  std::optional<std::uint64_t> in_flight_bytes_per_node;
  /// Ranks that share the nodes, at least 1: without in_flight_bytes_per_node its default is
  /// divided by them. train() sets it.
  int ranks = 1;
  std::optional<bool> lz4;
  std::optional<bool> contact_points_only;
  /// Folder of the indexes of row tables; none: $RINGFEED_INDEX, else
  /// $XDG_DATA_HOME/ringfeed/index, else ~/.local/share/ringfeed/index.
  std::optional<std::string> index_dir;
  /// Folder in which blocks are kept as they are read (docs/cache.md); none: they are not. Of any
  /// data set, not of Cassandra's alone.
  std::optional<std::string> cache_dir;
  /// Bound of that folder in bytes; none: as much as the disk takes.
  std::optional<std::uint64_t> cache_bytes;
  /// Gets one line on what the user should know, without secrets: certificates are not verified, a
  /// node has a corrupt copy that was got over, ... On any thread, one at a time.
  std::function<void(const std::string&)> warn;
  /// Asked to stop while it connects: Error{kCancelled}. What is connected goes on.
  std::stop_token stop = {};
};

struct ContactPoint {
  std::string host;  ///< a name or an address; IPv6 without brackets
  std::uint16_t port = 9042;
};

/// Everything, decided. The password has no way into a text but Secret::reveal().
struct Connection {
  static constexpr std::uint32_t kTimeoutMsMax = 3'600'000;
  static constexpr std::uint32_t kConnectionsPerHostMax = 64;

  std::vector<ContactPoint> contact_points;     ///< of the URL, in its order; at least one
  std::optional<std::string> local_datacenter;  ///< none: nodes of all are asked
  /// None: no authentication is attempted. Otherwise there is a password too.
  std::optional<std::string> user;
  std::optional<Secret> password;
  bool tls = false;
  std::string tls_ca;  ///< empty: the system's certificate authorities
  std::string tls_cert;
  std::string tls_key;
  /// A certificate is accepted when it is for the address connected to, or for one of these.
  std::vector<std::string> tls_server_names;
  bool tls_insecure = false;  ///< certificates are not verified at all
  Consistency read_consistency = Consistency::kLocalOne;
  Consistency write_consistency = Consistency::kLocalQuorum;
  std::uint32_t connect_timeout_ms = 5'000;   ///< 1 to kTimeoutMsMax, for one connection
  std::uint32_t request_timeout_ms = 10'000;  ///< 1 to kTimeoutMsMax
  std::uint32_t connections_per_host = 4;     ///< 1 to kConnectionsPerHostMax
  /// 128 MiB, divided by ConnectionOptions::ranks: of all ranks together.
  std::uint64_t in_flight_bytes_per_node = std::uint64_t{128} << 20;
  bool lz4 = false;                  ///< frames compressed with LZ4
  bool contact_points_only = false;  ///< other nodes of the cluster are never connected to
  /// What the user should know: certificates are not verified, a credentials file that others can
  /// read was passed over, ... One line each, without secrets.
  std::vector<std::string> warnings;
  std::stop_token stop = {};  ///< that of ConnectionOptions
};

/// Reads the environment and the files of cqlsh under HOME. `url` is a cassandra:// one. Throws
/// Error: kInvalidArgument (a malformed value, with the flag, variable, or file and key it stands
/// in, and never a password), kPermission (a user without a password; the remedies are named).
Connection resolve_connection(const Url& url, const ConnectionOptions& options = {});

}  // namespace ringfeed
