// What Prometheus is given, and that nobody else can do harm. A real Prometheus client reads it in
// tests/program/test_record.py.
#include "report/metrics_server.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <random>
#include <vector>

#include "errors.hpp"

namespace ringfeed {
namespace {

using std::chrono::milliseconds;
using testing::expect_error;

constexpr const char* kGet = "GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n";

/// A connection to a port of this host. Reads wait for 20 s at most.
class Client {
 public:
  explicit Client(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// False when the other side has closed it.
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count < 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }

  /// All up to the end of the connection.
  std::string receive() const {
    std::string all;
    char bytes[4096];
    while (true) {
      const auto count = ::recv(socket_, bytes, sizeof(bytes), 0);
      EXPECT_FALSE(count < 0 && errno == EAGAIN) << "there was no answer";
      if (count <= 0) return all;
      all.append(bytes, static_cast<std::size_t>(count));
    }
  }

 private:
  const int socket_;
};

std::string answer_to(const MetricsServer& server, std::string_view request) {
  const Client client(server.port());
  EXPECT_TRUE(client.send(request));
  return client.receive();
}

std::string status_of(const std::string& answer) { return answer.substr(0, answer.find("\r\n")); }

TEST(MetricsServer, GivesTheNewestText) {
  MetricsServer server({});
  EXPECT_EQ(answer_to(server, kGet),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
            "Content-Length: 0\r\nConnection: close\r\n\r\n");
  server.set_text("a 1\n");
  server.set_text("a 2\n");
  EXPECT_TRUE(
      answer_to(server, kGet).ends_with("Content-Length: 4\r\nConnection: close\r\n\r\na 2\n"));
  EXPECT_TRUE(answer_to(server, "GET /metrics?x=1 HTTP/1.0\n\n").ends_with("\r\n\r\na 2\n"));
  EXPECT_TRUE(answer_to(server, "HEAD /metrics HTTP/1.1\r\n\r\n")
                  .ends_with("Content-Length: 4\r\nConnection: close\r\n\r\n"));
}

TEST(MetricsServer, ARequestMayComeInPieces) {
  MetricsServer server({});
  server.set_text("a 1\n");
  const Client client(server.port());
  for (const char c : std::string_view(kGet)) client.send({&c, 1});
  EXPECT_TRUE(client.receive().ends_with("a 1\n"));
}

TEST(MetricsServer, WhatIsNotServed) {
  MetricsServer server({});
  const auto status = [&](std::string_view request) {
    return status_of(answer_to(server, request));
  };
  EXPECT_EQ(status("GET / HTTP/1.1\r\n\r\n"), "HTTP/1.1 404 Not Found");
  EXPECT_EQ(status("GET /metrics/../etc/passwd HTTP/1.1\r\n\r\n"), "HTTP/1.1 404 Not Found");
  EXPECT_EQ(status("POST /metrics HTTP/1.1\r\n\r\n"), "HTTP/1.1 405 Method Not Allowed");
  EXPECT_EQ(status("GET /metrics\r\n\r\n"), "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(status("GET /metrics FTP/1.1\r\n\r\n"), "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(status("\r\n\r\n"), "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(status(std::string(MetricsServer::kRequestBytesMax, 'x')),
            "HTTP/1.1 431 Request Header Fields Too Large");
}

TEST(MetricsServer, GarbageIsRefusedOrClosed) {
  MetricsServer server({});
  std::mt19937 random(20261129);
  for (int i = 0; i < 50; ++i) {
    std::string bytes(random() % 20'000, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    bytes += "\n\n";
    const Client client(server.port());
    client.send(bytes);
    const std::string answer = client.receive();
    EXPECT_TRUE(answer.empty() || answer.starts_with("HTTP/1.1 4")) << status_of(answer);
  }
  EXPECT_EQ(status_of(answer_to(server, kGet)), "HTTP/1.1 200 OK");
}

TEST(MetricsServer, WhoSaysNothingIsNotWaitedFor) {
  MetricsServer server({.address = {}, .connection_time_max = milliseconds(100)});
  const Client silent(server.port());
  const Client slow(server.port());
  slow.send("GET /met");
  EXPECT_EQ(silent.receive(), "");
  EXPECT_EQ(slow.receive(), "");
  EXPECT_EQ(status_of(answer_to(server, kGet)), "HTTP/1.1 200 OK");
}

TEST(MetricsServer, ManyWhoSayNothingKeepNobodyOut) {
  MetricsServer server({.address = {}, .connection_time_max = std::chrono::hours(1)});
  std::vector<std::unique_ptr<Client>> silent;
  for (std::size_t i = 0; i < 3 * MetricsServer::kConnectionsMax; ++i)
    silent.push_back(std::make_unique<Client>(server.port()));
  EXPECT_EQ(status_of(answer_to(server, kGet)), "HTTP/1.1 200 OK");
  EXPECT_EQ(silent.front()->receive(), "");  // the oldest ones are closed
}

TEST(MetricsServer, WhoTakesNothingHoldsUpNobody) {
  std::optional<MetricsServer> server;
  server.emplace(MetricsServerOptions{.address = {}, .connection_time_max = std::chrono::hours(1)});
  server->set_text(std::string(std::size_t{32} << 20, 'x'));
  const Client taking_nothing(server->port());
  taking_nothing.send(kGet);
  EXPECT_EQ(answer_to(*server, kGet).size() >> 20, 32U);
  server->set_text("a 1\n");
  EXPECT_TRUE(answer_to(*server, kGet).ends_with("a 1\n"));
  server.reset();  // does not wait for it
}

TEST(MetricsServer, APortInUseIsAConflict) {
  const MetricsServer server({});
  EXPECT_EQ(server.url(), "http://127.0.0.1:" + std::to_string(server.port()) + "/metrics");
  expect_error(ErrorCode::kConflict, {"127.0.0.1", "in use"},
               [&] { MetricsServer({.address = {"127.0.0.1", server.port()}}); });
  expect_error(ErrorCode::kInvalidArgument, {"192.0.2.1", "no address of this host"},
               [&] { MetricsServer({.address = {"192.0.2.1", 0}}); });
}

TEST(MetricsServer, AddressesAsText) {
  const auto of = [](std::string_view text) {
    const auto address = parse_listen_address(text);
    return address.host + " " + std::to_string(address.port);
  };
  EXPECT_EQ(of("9100"), "127.0.0.1 9100");
  EXPECT_EQ(of("0"), "127.0.0.1 0");
  EXPECT_EQ(of("0.0.0.0:65535"), "0.0.0.0 65535");
  EXPECT_EQ(of("[::1]:9100"), "::1 9100");
  for (const char* text : {"", ":", ":9100", "x", "65536", "-1", "localhost:9100", "::1:9100",
                           "1.2.3:9100", "9100:", "1.2.3.4:9100 "}) {
    expect_error(ErrorCode::kInvalidArgument, {"is no port"}, [&] { parse_listen_address(text); });
  }
  EXPECT_EQ(offset_by({"127.0.0.1", 9100}, 7).port, 9107);
  EXPECT_EQ(offset_by({"127.0.0.1", 0}, 7).port, 0);
  expect_error(ErrorCode::kInvalidArgument, {"127.0.0.1:65535", "65536"},
               [] { offset_by({"127.0.0.1", 65535}, 1); });
}

}  // namespace
}  // namespace ringfeed
