// One thread, poll(2), no reads or writes that wait. Each connection has one request, one answer,
// and an end.
#include "report/metrics_server.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <list>
#include <optional>
#include <ringfeed/error.hpp>
#include <utility>
#include <vector>

#include "base/background.hpp"
#include "base/system_error.hpp"

namespace ringfeed {
namespace {

using Clock = std::chrono::steady_clock;
using Text = std::shared_ptr<const std::string>;

constexpr int kBacklog = 64;
/// Between two connections: a flood of them takes little of a core.
constexpr auto kAcceptPause = std::chrono::milliseconds(5);
/// After the system had no descriptor for one.
constexpr auto kNoDescriptorPause = std::chrono::milliseconds(100);
/// Of what comes behind a request.
constexpr std::size_t kRestBytesMax = std::size_t{64} << 10;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { ::close(number_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const noexcept { return number_; }

 private:
  const int number_;
};

bool is_ipv6(const std::string& host) { return host.find(':') != std::string::npos; }

std::string text_of(const ListenAddress& address) {
  return is_ipv6(address.host) ? fmt::format("[{}]:{}", address.host, address.port)
                               : fmt::format("{}:{}", address.host, address.port);
}

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  sockaddr* pointer() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
};

/// Nothing when the host is no address.
std::optional<SocketAddress> socket_address(const ListenAddress& address) {
  SocketAddress result;
  if (is_ipv6(address.host)) {
    auto& to = reinterpret_cast<sockaddr_in6&>(result.storage);
    to.sin6_family = AF_INET6;
    to.sin6_port = htons(address.port);
    result.size = sizeof(to);
    if (::inet_pton(AF_INET6, address.host.c_str(), &to.sin6_addr) != 1) return std::nullopt;
    return result;
  }
  auto& to = reinterpret_cast<sockaddr_in&>(result.storage);
  to.sin_family = AF_INET;
  to.sin_port = htons(address.port);
  result.size = sizeof(to);
  if (::inet_pton(AF_INET, address.host.c_str(), &to.sin_addr) != 1) return std::nullopt;
  return result;
}

int listening_socket(const ListenAddress& address) {
  auto to = socket_address(address);
  if (!to) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("'{}' is no address; name one of this host", address.host));
  }
  const int socket = ::socket(to->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) throw_system_error(errno, text_of(address));
  const int yes = 1;  // a port of a run that has just ended can be taken at once
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  if (::bind(socket, to->pointer(), to->size) == 0 && ::listen(socket, kBacklog) == 0)
    return socket;
  const int reason = errno;
  ::close(socket);
  if (reason == EADDRINUSE) {
    throw Error(ErrorCode::kConflict,
                fmt::format("{}: the port is in use; choose another one, or 0 for any that is free",
                            text_of(address)));
  }
  if (reason == EADDRNOTAVAIL) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: it is no address of this host; name one that is, or 0.0.0.0 for "
                            "all of them",
                            text_of(address)));
  }
  throw_system_error(reason, text_of(address));
}

std::uint16_t port_of(int socket) {
  SocketAddress address;
  address.size = sizeof(address.storage);
  if (::getsockname(socket, address.pointer(), &address.size) != 0)
    throw_system_error(errno, "the port for metrics");
  return ntohs(address.storage.ss_family == AF_INET6
                   ? reinterpret_cast<sockaddr_in6&>(address.storage).sin6_port
                   : reinterpret_cast<sockaddr_in&>(address.storage).sin_port);
}

std::string head_of(std::string_view status, std::string_view fields, std::size_t bytes) {
  return fmt::format("HTTP/1.1 {}\r\n{}Content-Length: {}\r\nConnection: close\r\n\r\n", status,
                     fields, bytes);
}

struct Answer {
  std::string head;
  Text body;  ///< null: none is sent
};

Answer refusal(std::string_view status, std::string_view fields, std::string text) {
  const auto body = std::make_shared<const std::string>(std::move(text) + "\n");
  const std::string all = fmt::format("{}Content-Type: text/plain; charset=utf-8\r\n", fields);
  return {head_of(status, all, body->size()), body};
}

/// Nothing: the request is not whole yet (RFC 9112).
std::optional<Answer> answer_to(std::string_view request, const Text& text) {
  const auto end = std::min(request.find("\r\n\r\n"), request.find("\n\n"));
  if (end == std::string_view::npos) {
    if (request.size() < MetricsServer::kRequestBytesMax) return std::nullopt;
    return refusal("431 Request Header Fields Too Large", "", "the request is too long");
  }
  auto line = request.substr(0, request.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  const auto space = line.find(' ');
  const auto last = line.rfind(' ');
  if (space == std::string_view::npos || last == space ||
      !line.substr(last + 1).starts_with("HTTP/1."))
    return refusal("400 Bad Request", "", "this is no request of HTTP/1.1");
  const auto method = line.substr(0, space);
  auto target = line.substr(space + 1, last - space - 1);
  target = target.substr(0, target.find('?'));
  if (method != "GET" && method != "HEAD")
    return refusal("405 Method Not Allowed", "Allow: GET, HEAD\r\n",
                   "only GET and HEAD are served");
  if (target != "/metrics") return refusal("404 Not Found", "", "metrics are at /metrics");
  return Answer{
      head_of("200 OK", "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n", text->size()),
      method == "GET" ? text : nullptr};
}

/// One that was accepted.
class Exchange {
 public:
  Exchange(int socket, Clock::time_point end) : socket_(socket), end_(end) {}

  int descriptor() const noexcept { return socket_.number(); }
  Clock::time_point end() const noexcept { return end_; }
  short events() const noexcept { return answer_ && !is_sent_ ? POLLOUT : POLLIN; }

  /// After poll() told of it. False: it is over.
  bool go_on(const Text& text) {
    if (!answer_ || is_sent_) return receive(text);
    return send();
  }

 private:
  /// What comes behind the answered request is thrown away: closed with bytes unread, a socket
  /// takes the answer back.
  bool receive(const Text& text) {
    std::array<char, 4096> bytes;
    const auto count = ::recv(descriptor(), bytes.data(), bytes.size(), 0);
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    if (count == 0) return false;
    if (is_sent_) return (rest_ += static_cast<std::size_t>(count)) <= kRestBytesMax;
    request_.append(bytes.data(), static_cast<std::size_t>(count));
    answer_ = answer_to(request_, text);
    return !answer_ || send();
  }

  bool send() {
    while (true) {
      const std::string_view head = answer_->head;
      const std::string_view body = answer_->body ? *answer_->body : std::string_view();
      const auto rest = sent_ < head.size() ? head.substr(sent_) : body.substr(sent_ - head.size());
      if (rest.empty()) break;
      const auto count = ::send(descriptor(), rest.data(), rest.size(), MSG_NOSIGNAL);
      if (count < 0) return errno == EAGAIN || errno == EINTR;
      sent_ += static_cast<std::size_t>(count);
    }
    is_sent_ = true;
    return ::shutdown(descriptor(), SHUT_WR) == 0;
  }

  const Descriptor socket_;
  const Clock::time_point end_;
  std::string request_;
  std::optional<Answer> answer_;
  std::size_t sent_ = 0;  ///< of head and body
  std::size_t rest_ = 0;  ///< came behind the request
  bool is_sent_ = false;
};

}  // namespace

/// Used by the thread alone, but for stop().
class MetricsServer::Exchanges {
 public:
  Exchanges(const ListenAddress& address, std::chrono::milliseconds time_max)
      : time_max_(time_max),
        listener_(listening_socket(address)),
        stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (stop_.number() < 0) throw_system_error(errno, "metrics");
  }

  std::uint16_t port() const { return port_of(listener_.number()); }

  void stop() const noexcept { ::eventfd_write(stop_.number(), 1); }

  void run(const MetricsServer& server) {
    run_in_background();
    std::vector<pollfd> polled;
    while (true) {
      polled = {{stop_.number(), POLLIN, 0},
                {Clock::now() < accept_from_ ? -1 : listener_.number(), POLLIN, 0}};
      for (const auto& open : open_) polled.push_back({open.descriptor(), open.events(), 0});
      ::poll(polled.data(), polled.size(), milliseconds_to_next());
      if ((polled[0].revents & POLLIN) != 0) return;
      auto told = polled.begin() + 2;
      const auto now = Clock::now();
      for (auto open = open_.begin(); open != open_.end(); ++told) {
        const bool is_over =
            open->end() <= now || (told->revents != 0 && !open->go_on(server.text()));
        open = is_over ? open_.erase(open) : std::next(open);
      }
      if ((polled[1].revents & POLLIN) != 0) accept();
    }
  }

 private:
  void accept() {
    const int socket =
        ::accept4(listener_.number(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    const bool is_full =
        socket < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM);
    accept_from_ = Clock::now() + (is_full ? kNoDescriptorPause : kAcceptPause);
    if (socket < 0) return;
    if (open_.size() == kConnectionsMax) open_.pop_front();
    open_.emplace_back(socket, Clock::now() + time_max_);
  }

  int milliseconds_to_next() const {
    std::optional<Clock::time_point> next;
    if (!open_.empty()) next = open_.front().end();  // the oldest ends first
    if (Clock::now() < accept_from_ && (!next || accept_from_ < *next)) next = accept_from_;
    if (!next) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - Clock::now());
    return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
  }

  const std::chrono::milliseconds time_max_;
  const Descriptor listener_;
  const Descriptor stop_;
  std::list<Exchange> open_;  ///< the oldest first
  Clock::time_point accept_from_{};
};

ListenAddress parse_listen_address(std::string_view text) {
  ListenAddress address;
  std::string_view port = text;
  if (const auto colon = text.rfind(':'); colon != std::string_view::npos) {
    auto host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (host.starts_with('[') && host.ends_with(']')) {
      host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
      host = {};  // an IPv6 address without brackets
    }
    address.host = host;
  }
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (port.empty() || error != std::errc() || end != port.data() + port.size() ||
      !socket_address(address)) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("'{}' is no port; the forms are 9100, 0.0.0.0:9100 and [::]:9100", text));
  }
  return address;
}

ListenAddress offset_by(const ListenAddress& address, int added) {
  ListenAddress result = address;
  if (address.port == 0) return result;
  const int port = address.port + added;
  if (port > 65535) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: each rank of a host has a port of its own, and {} is none; begin "
                            "with a lower one",
                            text_of(address), port));
  }
  result.port = static_cast<std::uint16_t>(port);
  return result;
}

MetricsServer::MetricsServer(const MetricsServerOptions& options)
    : address_(options.address),
      text_(std::make_shared<const std::string>()),
      exchanges_(std::make_unique<Exchanges>(options.address, options.connection_time_max)) {
  address_.port = exchanges_->port();
  thread_ = std::jthread([this] { exchanges_->run(*this); });
}

MetricsServer::~MetricsServer() { exchanges_->stop(); }

std::string MetricsServer::url() const {
  return fmt::format("http://{}/metrics", text_of(address_));
}

void MetricsServer::set_text(std::string text) {
  auto next = std::make_shared<const std::string>(std::move(text));
  const std::lock_guard lock(mutex_);
  text_.swap(next);
}

Text MetricsServer::text() const {
  const std::lock_guard lock(mutex_);
  return text_;
}

}  // namespace ringfeed
