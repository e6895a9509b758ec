// The Cassandra driver (driver/, Rust) as C++: a session, statements, answers. Waiting calls throw
// Errors; the others end as an Answer in a Queue, on a thread of the caller.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <ringfeed/connection.hpp>
#include <ringfeed/error.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cql/value.hpp"

struct RfBytes;
struct RfQueue;
struct RfRows;
struct RfSession;
struct RfStatement;

namespace ringfeed::cql {

/// What a failure is, as the server or the driver tells it; RfStatus of ringfeed_driver.h.
enum class Status {
  kOk,
  kInvalid,       ///< the statement, or what it names
  kExists,        ///< what is to be made is there already
  kLogin,         ///< user or password wrong, or missing
  kUnauthorized,  ///< the user may not do this
  kTls,
  kUnavailable,   ///< fewer live replicas than the consistency needs
  kOverloaded,    ///< the server asks for less
  kTimeout,       ///< no answer in time, of replicas or of the node
  kNoConnection,  ///< the node cannot be reached
  kFailed,        ///< replicas failed while they executed it
  kClosed,        ///< the session was closed before the end
  kInternal,      ///< a bug, or an answer that cannot be understood
  kUnknownTable,  ///< the node knows no such keyspace or table
};

struct Failure {
  Status status = Status::kOk;
  bool outcome_known = true;  ///< false: the operation may have taken effect
  int required = -1;          ///< replicas that the consistency needs; -1: not said
  int alive = -1;             ///< replicas that live, or that answered
  std::string message;        ///< in the server's words

  /// "WHERE: message", with the code that fits the status.
  Error error(std::string_view where) const;
  /// True when the same operation may succeed later.
  bool passes() const noexcept;
};

using HostId = std::array<std::uint8_t, 16>;

struct Host {
  HostId id{};
  std::string address;     ///< "127.0.0.1:9042"
  bool connected = false;  ///< some connection to it is open
  bool allowed = true;     ///< false: it is no contact point, and only those are connected to
  bool local = true;       ///< in the local data centre; true when none is set
};

/// One that a server has shown.
struct ServerCertificate {
  std::string server;  ///< the address or name that was connected to
  std::string der;
};

/// The rows of one answer, in the memory of the received frame. Copies share it.
class Rows {
 public:
  Rows() = default;
  explicit Rows(RfRows* rows);

  std::size_t size() const noexcept { return rows_; }
  std::size_t columns() const noexcept { return columns_; }
  /// Raw CQL bytes, without alignment; nothing for a null. Valid as long as this or a copy.
  std::optional<std::string_view> cell(std::size_t row, std::size_t column) const;
  std::string_view column_name(std::size_t column) const;
  /// Throw Error{kInternal} when the cell is null or not of that size.
  std::int64_t bigint(std::size_t row, std::size_t column) const;
  std::int32_t integer(std::size_t row, std::size_t column) const;
  bool boolean(std::size_t row, std::size_t column) const;
  /// An empty text for a null.
  std::string text(std::size_t row, std::size_t column) const;
  /// What the next page is asked for with; nothing: this was the last.
  std::optional<std::string_view> paging_state() const;
  /// Memory held.
  std::size_t bytes() const noexcept;

 private:
  std::string_view fixed(std::size_t row, std::size_t column, std::size_t size) const;

  std::shared_ptr<RfRows> handle_;
  const RfBytes* cells_ = nullptr;
  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
};

/// How an operation ended.
struct Answer {
  std::uint64_t tag = 0;
  std::optional<Failure> failure;
  Rows rows;
  std::optional<HostId> host;  ///< the coordinator that answered
};

/// Where answers arrive. Thread-safe.
class Queue {
 public:
  Queue();
  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  /// The oldest answer; waits for one up to `timeout`.
  std::optional<Answer> next(std::chrono::milliseconds timeout);
  /// From now on next() returns at once when there is no answer.
  void close();
  RfQueue* handle() const noexcept { return handle_; }

 private:
  RfQueue* handle_;
};

class Statement {
 public:
  explicit Statement(RfStatement* handle);
  const RfStatement* handle() const noexcept { return handle_.get(); }

 private:
  std::shared_ptr<RfStatement> handle_;
};

/// How a statement is executed.
struct Request {
  Consistency consistency = Consistency::kLocalQuorum;
  /// Of a lightweight transaction: kSerial or kLocalSerial.
  std::optional<Consistency> serial_consistency = {};
  std::optional<std::chrono::milliseconds> timeout = {};  ///< none: that of the connection
  std::optional<HostId> host = {};  ///< this coordinator and no other; none: some replica
  std::int32_t page_rows = 0;       ///< at most; 0: all in one page
  std::optional<std::string_view> paging_state = {};
};

/// Thread-safe.
class Session {
 public:
  /// Connects. `keyspace` need not exist; it is the one whose replicas will be asked for. Throws
  /// Error: kPermission (login, TLS), kUnavailable (it names the nodes).
  static std::shared_ptr<Session> open(const Connection& connection, std::string_view keyspace);
  /// Ends what is under way and waits for the driver's threads.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const Connection& connection() const noexcept { return connection_; }

  /// These wait, and try again for a few seconds when a node goes away under them: a statement that
  /// is executed twice must give what it gives once. `where` starts the messages of Errors.
  Statement prepare(std::string_view cql, std::string_view where) const;
  Rows execute(const Statement& statement, const Values& values, const Request& request,
               std::string_view where) const;
  /// Prepares, and executes once.
  Rows execute(std::string_view cql, const Values& values, const Request& request,
               std::string_view where) const;
  /// execute() for who has words of his own for the failure: it does not throw.
  Answer ask_patiently(const Statement& statement, const Values& values,
                       const Request& request) const;
  /// Once, for who treats failures one by one.
  Answer ask(const Statement& statement, const Values& values, const Request& request) const;
  /// The answer arrives in `queue`.
  void start(const Statement& statement, const Values& values, const Request& request, Queue& queue,
             std::uint64_t tag) const;

  /// True when the server refused a page for its number of rows: from now on this session asks for
  /// fewer, and the same request may be sent again.
  bool lower_pages(const Failure& failure) const;

  std::vector<Host> hosts() const;
  /// Those of the connections so far, as they were accepted; none without TLS.
  std::vector<ServerCertificate> certificates() const;
  /// Those that have the partition which the values name, local ones first; empty when the keyspace
  /// is not known. With contact points only, those of them that are: the others must not be asked.
  std::vector<Host> replicas(const Statement& statement, const Values& values) const;
  /// Those that have the partitions of this token in the statement's table, local ones first.
  std::vector<Host> token_replicas(const Statement& statement, std::int64_t token) const;
  /// True when the consistency needs more than these replicas, which are all that there are, up or
  /// down: waiting cannot help.
  bool is_hopeless(const Failure& failure, const std::vector<Host>& replicas) const noexcept;
  /// "127.0.0.1:9042, 127.0.0.2:9042 (not connected)".
  std::string hosts_text() const;
  std::string address_of(const HostId& id) const;
  /// That of the failure; the nodes are beside it when one of them may be out of reach.
  Error error(const Failure& failure, std::string_view where) const;

  RfSession* handle() const noexcept { return handle_; }

 private:
  Session(RfSession* handle, Connection connection);
  std::vector<Host> askable(std::vector<Host> hosts) const;
  RfSession* handle_;
  Connection connection_;
  mutable std::atomic<std::int32_t> page_rows_max_;  ///< that the server takes
};

}  // namespace ringfeed::cql
