// One text over HTTP, for Prometheus to fetch: GET /metrics. Whoever connects can take a thread's
// spare time and some kB, and no more.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace ringfeed {

struct ListenAddress {
  std::string host = "127.0.0.1";  ///< an address, not a name; IPv6 without brackets
  std::uint16_t port = 0;          ///< 0: any that is free
};

/// "9100" (on loopback), "0.0.0.0:9100", "[::]:9100". Throws Error{kInvalidArgument}.
ListenAddress parse_listen_address(std::string_view text);

/// The address of one of several processes of a host: the port and what is added, unless it is 0.
/// Throws Error{kInvalidArgument} when there is no such port.
ListenAddress offset_by(const ListenAddress& address, int added);

struct MetricsServerOptions {
  ListenAddress address;
  /// From the connection to the last byte of its answer; then it is closed.
  std::chrono::milliseconds connection_time_max = std::chrono::seconds(5);
};

/// Thread-safe.
class MetricsServer {
 public:
  /// Open at once; with one more the oldest is closed.
  static constexpr std::size_t kConnectionsMax = 16;
  /// Longest request; a longer one is refused.
  static constexpr std::size_t kRequestBytesMax = 8192;

  /// Listens when it returns. Throws Error: kConflict (the port is in use), kInvalidArgument (it is
  /// no address of this host), kPermission.
  explicit MetricsServer(const MetricsServerOptions& options);
  /// Closes all connections.
  ~MetricsServer();
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;

  std::uint16_t port() const noexcept { return address_.port; }
  /// "http://127.0.0.1:9100/metrics".
  std::string url() const;
  /// What is answered from now on; never waits for a client.
  void set_text(std::string text);

 private:
  class Exchanges;

  std::shared_ptr<const std::string> text() const;

  ListenAddress address_;
  mutable std::mutex mutex_;
  std::shared_ptr<const std::string> text_;
  std::unique_ptr<Exchanges> exchanges_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace ringfeed
