// A far server, made of a near one: delay_proxy LISTEN TARGET ROUND_TRIP_MS [MIB_PER_SECOND].
// LISTEN and TARGET are IPv4 addresses of the loopback interface, "127.0.77.101:9042". What comes
// from either side goes to the other one half a round trip later, over all connections together not
// faster than the bound in each direction. Prints "ready" when it listens, and for each line on
// stdin the connections it has had and has now. Ends at the end of stdin.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kPieceBytes = std::size_t{256} << 10;
/// Under way in one direction of one connection: more than any link here holds.
constexpr std::size_t kUnderWayMax = std::size_t{256} << 20;

/// One direction of the link, which all connections share.
class Link {
 public:
  Link(Clock::duration delay, double bytes_per_second)
      : delay_(delay), bytes_per_second_(bytes_per_second) {}

  /// When bytes that are sent now are at the other end.
  Clock::time_point arrival(std::size_t bytes) {
    const auto now = Clock::now();
    if (bytes_per_second_ == 0) return now + delay_;
    const auto time = std::chrono::duration_cast<Clock::duration>(
        std::chrono::duration<double>(static_cast<double>(bytes) / bytes_per_second_));
    const std::lock_guard lock(mutex_);
    free_ = std::max(free_, now) + time;
    return free_ + delay_;
  }

 private:
  const Clock::duration delay_;
  const double bytes_per_second_;  ///< 0: no bound
  std::mutex mutex_;
  Clock::time_point free_{};
};

int checked(int result, const std::string& what) {
  if (result < 0) throw std::runtime_error(what + ": " + std::string(std::strerror(errno)));
  return result;
}

/// Holds bytes in the kernel, without a copy: what a link holds must not cost the processor more
/// when it is longer.
class KernelPipe {
 public:
  KernelPipe() {
    int ends[2];
    checked(::pipe2(ends, O_CLOEXEC), "pipe");
    out_ = ends[0];
    in_ = ends[1];
  }
  KernelPipe(KernelPipe&& other) noexcept
      : out_(std::exchange(other.out_, -1)), in_(std::exchange(other.in_, -1)) {}
  KernelPipe& operator=(KernelPipe&& other) noexcept {
    std::swap(out_, other.out_);
    std::swap(in_, other.in_);
    return *this;
  }
  ~KernelPipe() {
    if (out_ < 0) return;
    ::close(out_);
    ::close(in_);
  }

  /// Takes what has come from a socket, and waits for it. Returns how much; 0 at its end.
  std::size_t fill(int from) {
    const ssize_t got = ::splice(from, nullptr, in_, nullptr, kPieceBytes, 0);
    return got > 0 ? static_cast<std::size_t>(got) : 0;
  }

  bool drain(int to, std::size_t bytes) {
    while (bytes > 0) {
      const ssize_t put = ::splice(out_, nullptr, to, nullptr, bytes, 0);
      if (put <= 0) return false;
      bytes -= static_cast<std::size_t>(put);
    }
    return true;
  }

 private:
  int out_;
  int in_;
};

/// Takes bytes off one socket and gives them to another, late.
class Pipe {
 public:
  Pipe(int from, int to, Link& link) : from_(from), to_(to), link_(link) {
    reader_ = std::jthread([this] { read(); });
    writer_ = std::jthread([this] { write(); });
  }

 private:
  struct Piece {
    Clock::time_point arrival;
    KernelPipe held;
    std::size_t bytes;  ///< 0: the end
  };

  KernelPipe take_pipe() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return KernelPipe();
    KernelPipe taken = std::move(free_.back());
    free_.pop_back();
    return taken;
  }

  void read() {
    while (true) {
      KernelPipe held = take_pipe();
      const std::size_t bytes = held.fill(from_);
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return under_way_ < kUnderWayMax || ended_; });
      if (ended_) return;
      under_way_ += bytes;
      pieces_.push_back({link_.arrival(bytes), std::move(held), bytes});
      changed_.notify_all();
      if (bytes == 0) return;
    }
  }

  void write() {
    while (true) {
      std::optional<Piece> taken;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return !pieces_.empty(); });
        taken = std::move(pieces_.front());
        pieces_.pop_front();
      }
      Piece& piece = *taken;
      std::this_thread::sleep_until(piece.arrival);
      if (piece.bytes == 0 || !piece.held.drain(to_, piece.bytes)) return end();
      const std::lock_guard lock(mutex_);
      under_way_ -= piece.bytes;
      free_.push_back(std::move(piece.held));
      changed_.notify_all();
    }
  }

  void end() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
    ::shutdown(from_, SHUT_RD);
    ::shutdown(to_, SHUT_WR);
  }

  const int from_;
  const int to_;
  Link& link_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Piece> pieces_;
  std::vector<KernelPipe> free_;
  std::size_t under_way_ = 0;
  bool ended_ = false;
  std::jthread reader_;
  std::jthread writer_;
};

sockaddr_in address_of(const std::string& text) {
  const auto colon = text.rfind(':');
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (colon == std::string::npos || !text.starts_with("127.") ||
      ::inet_pton(AF_INET, text.substr(0, colon).c_str(), &address.sin_addr) != 1) {
    throw std::runtime_error(text + ": not a loopback address with a port");
  }
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(text.substr(colon + 1))));
  return address;
}

int make_socket() {
  const int made = checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  const int on = 1;
  ::setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  ::setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return made;
}

void run(const std::string& listen_text, const std::string& target_text, double round_trip_ms,
         double mib_per_second) {
  ::signal(SIGPIPE, SIG_IGN);
  rlimit files{};
  checked(::getrlimit(RLIMIT_NOFILE, &files), "getrlimit");
  files.rlim_cur = files.rlim_max;  // two for each piece
  checked(::setrlimit(RLIMIT_NOFILE, &files), "setrlimit");
  const auto delay = std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double, std::milli>(round_trip_ms / 2));
  const sockaddr_in own = address_of(listen_text);
  const sockaddr_in target = address_of(target_text);
  // Never destroyed: the process ends with connections open.
  auto& to_target = *new Link(delay, mib_per_second * 1024 * 1024);
  auto& to_client = *new Link(delay, mib_per_second * 1024 * 1024);
  static std::atomic<int> connections = 0;
  static std::atomic<int> open_now = 0;
  const int listener = make_socket();
  checked(::bind(listener, reinterpret_cast<const sockaddr*>(&own), sizeof(own)), listen_text);
  checked(::listen(listener, 64), listen_text);
  std::thread([listener, target, &to_target, &to_client] {
    while (true) {
      const int client = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) continue;
      const int on = 1;
      ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      std::thread([client, target, &to_target, &to_client] {
        const int server = make_socket();
        if (::connect(server, reinterpret_cast<const sockaddr*>(&target), sizeof(target)) == 0) {
          ++connections;
          ++open_now;
          {
            const Pipe there(client, server, to_target);
            const Pipe back(server, client, to_client);
          }
          --open_now;
        }
        ::close(server);
        ::close(client);
      }).detach();
    }
  }).detach();
  std::printf("ready\n");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    std::printf("%d %d\n", connections.load(), open_now.load());
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4 || argc > 5) {
    std::fprintf(stderr, "usage: delay_proxy LISTEN TARGET ROUND_TRIP_MS [MIB_PER_SECOND]\n");
    return 2;
  }
  try {
    run(argv[1], argv[2], std::atof(argv[3]), argc > 4 ? std::atof(argv[4]) : 0);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "delay_proxy: %s\n", error.what());
    return 1;
  }
  std::fflush(stdout);
  ::_exit(0);
}
