// Options of a connection to Cassandra: how it is reached and who logs in. A caller sets what
// differs; what it leaves unset comes, in falling precedence, from the URL, the RINGFEED_*
// variables, the credentials file of cqlsh, ~/.cassandra/cqlshrc, and the defaults
// (docs/cassandra.md lists them all).
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

/// Consistency levels of Cassandra. The two serial ones are for lightweight transactions alone: no
/// option takes them.
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

/// The name as CQL writes it: "LOCAL_QUORUM".
std::string_view consistency_name(Consistency consistency) noexcept;
/// The inverse, in any case of letters. Throws Error{kInvalidArgument} that lists the names; the
/// two serial ones are not among them.
Consistency consistency_from_name(std::string_view name);

/// Options that a caller sets. Every field is optional.
struct ConnectionOptions {
  std::optional<std::string> local_datacenter;  ///< data centre whose nodes are asked
  std::optional<std::string> user;              ///< who logs in
  std::optional<Secret> password;
  /// Called at most once in each resolving, when there is a user and no password from anywhere. Its
  /// Error passes through. When it returns nothing, or is not set, the error is kPermission.
  std::function<std::optional<Secret>(const std::string& user)> ask_password;
  std::optional<bool> tls;
  std::optional<std::string> tls_ca;    ///< path of a PEM file; turns TLS on, as all tls_ fields do
  std::optional<std::string> tls_cert;  ///< path of a PEM file; needs tls_key
  std::optional<std::string> tls_key;   ///< path of a PEM file; needs tls_cert
  std::vector<std::string> tls_server_names;  ///< names that a certificate may be for, too
  std::optional<bool> tls_insecure;           ///< certificates are not verified
  std::optional<Consistency> read_consistency;
  std::optional<Consistency> write_consistency;
  std::optional<std::uint32_t> connect_timeout_ms;    ///< limit of one connection, 1 to 3,600,000
  std::optional<std::uint32_t> request_timeout_ms;    ///< limit of one request, 1 to 3,600,000
  std::optional<std::uint32_t> connections_per_host;  ///< connections to a node, 1 to 64
  /// Bytes of blocks that this process asks of one node at once, at most.
  std::optional<std::uint64_t> in_flight_bytes_per_node;
  /// Ranks that share the nodes, at least 1: the default of in_flight_bytes_per_node is divided by
  /// them. train() sets it.
  int ranks = 1;
  std::optional<bool> lz4;
  std::optional<bool> contact_points_only;
  /// Folder of the indexes of row tables; without it $RINGFEED_INDEX, else
  /// $XDG_DATA_HOME/ringfeed/index, else ~/.local/share/ringfeed/index.
  std::optional<std::string> index_dir;
  /// Folder in which blocks are kept as they are read (docs/cache.md), of any data set, not of
  /// Cassandra's alone; without it they are not kept.
  std::optional<std::string> cache_dir;
  /// Bound of that folder in bytes; without it the disk's.
  std::optional<std::uint64_t> cache_bytes;
  /// Called with one line on what the user should know, without secrets: certificates are not
  /// verified, a node has a corrupt copy that was got over, ... On any thread, one call at a time.
  std::function<void(const std::string&)> warn;
  /// Asked to stop while it connects: Error{kCancelled}. What is connected goes on.
  std::stop_token stop = {};
};

/// Host of a URL.
struct ContactPoint {
  std::string host;  ///< a name or an address; IPv6 without brackets
  std::uint16_t port = 9042;
};

/// Connection whose options are all decided. The password has no way into a text but
/// Secret::reveal().
struct Connection {
  std::vector<ContactPoint> contact_points;     ///< hosts of the URL, in its order; at least one
  std::optional<std::string> local_datacenter;  ///< data centre whose nodes are asked; none: all
  /// User who logs in, with a password; without it no login is tried.
  std::optional<std::string> user;
  std::optional<Secret> password;
  bool tls = false;
  std::string tls_ca;  ///< empty: the system's certificate authorities
  std::string tls_cert;
  std::string tls_key;
  /// Names that a certificate may be for, beside the address that is connected to.
  std::vector<std::string> tls_server_names;
  bool tls_insecure = false;  ///< certificates are not verified at all
  Consistency read_consistency = Consistency::kLocalOne;
  Consistency write_consistency = Consistency::kLocalQuorum;
  std::uint32_t connect_timeout_ms = 5'000;   ///< limit of one connection, 1 to 3,600,000
  std::uint32_t request_timeout_ms = 10'000;  ///< limit of one request, 1 to 3,600,000
  std::uint32_t connections_per_host = 4;     ///< connections to a node, 1 to 64
  /// Bytes of blocks asked of one node at once, 128 MiB of all ranks together: the default is
  /// divided by ConnectionOptions::ranks.
  std::uint64_t in_flight_bytes_per_node = std::uint64_t{128} << 20;
  bool lz4 = false;                  ///< frames compressed with LZ4
  bool contact_points_only = false;  ///< other nodes of the cluster are never connected to
  /// Lines on what the user should know, without secrets: certificates are not verified, a
  /// credentials file that others can read was passed over, ...
  std::vector<std::string> warnings;
  std::stop_token stop = {};  ///< that of ConnectionOptions
};

/// Reads the environment and the files of cqlsh under HOME. `url` is a cassandra:// one. Throws
/// Error: kInvalidArgument (a malformed value, with the flag, variable, or file and key it stands
/// in, and never a password), kPermission (a user without a password; the remedies are named).
Connection resolve_connection(const Url& url, const ConnectionOptions& options = {});

}  // namespace ringfeed
