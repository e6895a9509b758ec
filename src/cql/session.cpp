// The driver's C interface, owned and waited for.
#include "cql/session.hpp"

#include <fmt/format.h>
#include <ringfeed_driver.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <limits>
#include <thread>
#include <utility>

#include "base/option.hpp"
#include "base/pause.hpp"

namespace ringfeed::cql {
namespace {

/// Threads of a session: they move bytes between sockets and queues and do nothing else.
constexpr std::uint32_t kThreads = 2;
/// In what the driver says (driver/src/failure.rs) where no user was named.
constexpr std::string_view kAsksWho = "asks for a user and a password";
/// Longest wait at once; operations end by timeouts of their own.
constexpr std::uint32_t kWaitMs = 3'600'000;

RfBytes bytes_of(std::string_view text) {
  // An empty value is not null.
  static constexpr std::uint8_t kEmpty = 0;
  const auto* data = reinterpret_cast<const std::uint8_t*>(text.data());
  return {data == nullptr ? &kEmpty : data, text.size()};
}

RfBytes bytes_or_null(std::string_view text) {
  return text.empty() ? RfBytes{nullptr, 0} : bytes_of(text);
}

std::string_view view_of(const RfBytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data), bytes.size};
}

std::vector<RfBytes> bytes_of(const Values& values) {
  std::vector<RfBytes> result;
  result.reserve(values.items().size());
  for (const auto& item : values.items())
    result.push_back(item ? bytes_of(*item) : RfBytes{nullptr, 0});
  return result;
}

/// Numbers of the native protocol.
std::uint16_t protocol_number(Consistency consistency) {
  switch (consistency) {
    case Consistency::kOne:
      return 0x0001;
    case Consistency::kTwo:
      return 0x0002;
    case Consistency::kThree:
      return 0x0003;
    case Consistency::kQuorum:
      return 0x0004;
    case Consistency::kAll:
      return 0x0005;
    case Consistency::kLocalQuorum:
      return 0x0006;
    case Consistency::kEachQuorum:
      return 0x0007;
    case Consistency::kSerial:
      return 0x0008;
    case Consistency::kLocalSerial:
      return 0x0009;
    case Consistency::kLocalOne:
      return 0x000A;
  }
  return 0x0006;
}

Host host_of(const RfHost& host) {
  Host result;
  std::copy(std::begin(host.id), std::end(host.id), result.id.begin());
  result.address = host.address;
  result.connected = host.connected != 0;
  result.allowed = host.allowed != 0;
  result.local = host.local != 0;
  return result;
}

/// Asks again with more room when there are more hosts than there was room for.
template <typename Ask>
std::vector<Host> hosts_of(const Ask& ask) {
  std::vector<RfHost> hosts(16);
  std::size_t count = ask(hosts.data(), hosts.size());
  if (count > hosts.size()) {
    hosts.resize(count);
    count = std::min(hosts.size(), ask(hosts.data(), hosts.size()));
  }
  std::vector<Host> result;
  for (std::size_t i = 0; i < count; ++i) result.push_back(host_of(hosts[i]));
  return result;
}

/// Some of the driver's and the server's texts have several lines; an error is one.
std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\n' || c == '\r' || c == '\t';
    if (!space)
      line += c;
    else if (!line.empty() && line.back() != ' ')
      line += ' ';
  }
  return line;
}

std::optional<Failure> failure_of(const RfCompletion& completion) {
  if (completion.status == RF_OK) return std::nullopt;
  return Failure{static_cast<Status>(completion.status), completion.outcome_known != 0,
                 completion.required, completion.alive, one_line(view_of(completion.message))};
}

/// Frees what nobody took out of it.
struct Completion : RfCompletion {
  Completion() : RfCompletion() {}
  ~Completion() { rf_completion_clear(this); }
  Completion(const Completion&) = delete;
  Completion& operator=(const Completion&) = delete;
};

/// A server that limits the connections of an address breaks off those beyond.
std::string hint_of_limit() {
  return fmt::format("; if the server limits the connections of an address, give fewer {}",
                     option_name("connections-per-host"));
}

/// Says what a failure to connect most likely comes from, or the option that it is about: the
/// driver does not.
Failure with_hint(Failure failure, bool tls) {
  const auto says = [&](std::string_view words) {
    return failure.message.find(words) != std::string::npos;
  };
  if (says("no node is in the data centre")) {
    failure.message += fmt::format("; name one of them with {}", option_name("local-dc"));
  } else if (says("Received a frame from version")) {
    failure.message =
        "the server does not take version 4 of the protocol, which this program speaks; set "
        "native_transport_allow_older_protocols there";
  } else if (tls && (says("ProtocolVersion") || says("ServerDoesNotSupportTls12Or13"))) {
    failure.message = "the server takes neither TLS 1.2 nor 1.3";
  } else if (tls && says("InvalidContentType")) {
    failure.message += ": the server does not speak TLS on this port";
  } else if (failure.status == Status::kNoConnection &&
             (says("Connection broken") || says("Connection reset") || says("Broken pipe"))) {
    // The end of a connection is read as a reset when what was sent on it had not been read.
    if (tls && says("Connection broken")) {
      // TLS 1.3 is done for a client before the server has looked at its certificate.
      failure.status = Status::kTls;
      failure.message =
          "the server broke off the connection after the TLS handshake, as one does that asks for "
          "a client certificate and gets none that it trusts";
    } else {
      if (!tls) {
        failure.message +=
            fmt::format("; if the server speaks TLS, give {}, or name its authority with {}",
                        option_name("tls"), option_name("tls-ca"));
      }
      failure.message += hint_of_limit();
    }
  }
  return failure;
}

/// What helps against a limit that the server's settings set, by its words; empty for others.
std::string remedy_of_limit(std::string_view message) {
  const std::string smaller = fmt::format("; make chunks smaller ({})", option_name("chunk-bytes"));
  const std::pair<std::string_view, std::string> remedies[] = {
      {"READ_TOO_MANY_TOMBSTONES",
       "; too many deleted rows lie in the way: compact the table (nodetool compact) when "
       "gc_grace_seconds have passed"},
      {"READ_SIZE",
       fmt::format("; the rows are longer than the server reads at once: attach in smaller blocks "
                   "({}), or make chunks smaller ({})",
                   option_name("block-bytes"), option_name("chunk-bytes"))},
      // Later pages are shortened: this is how the driver reads which nodes and replicas there are.
      {"Guardrail page_size",
       "; the driver reads the system's tables by 1024 rows: page_size_fail_threshold of the "
       "server has to be that or more"},
      {"is too large for the maximum size", smaller},
      {"column_value_size", smaller},
      {"Rejected an oversized mutation", smaller},
      {"Request is too big", smaller},
      {"vector_dimensions",
       "; make the table yourself, with a blob where this column is, and ingest into it"},
      {"allow_filtering",
       "; let the primary key begin with the split's column, or give each split a table of its "
       "own"},
      {"neither TLS 1.2 nor 1.3",
       "; older ones are not safe: name one of these in accepted_protocols of its "
       "client_encryption_options"},
      {"read consistency levels",
       fmt::format("; name another one with {}", option_name("read-consistency"))},
      {"write consistency levels",
       fmt::format("; name another one with {}", option_name("write-consistency"))},
  };
  for (const auto& [words, remedy] : remedies) {
    if (message.find(words) != std::string_view::npos) return remedy;
  }
  return "";
}

/// What a waiting call does when a node goes away under it: again, for a few seconds, as another
/// node may answer, and once more after an attempt that took all its time. Not when replicas or
/// tables are known to be missing: who asked wants to know that at once.
class Retries {
 public:
  explicit Retries(std::uint32_t request_timeout_ms)
      : end_(Clock::now() + 2 * std::chrono::milliseconds(request_timeout_ms)) {}

  /// False: it is time to give up.
  bool pause_after(const Failure& failure) {
    if (!failure.passes() || failure.status == Status::kUnavailable ||
        failure.status == Status::kUnknownTable)
      return false;
    if (Clock::now() + pause_ > end_ || pause_ > kPauseMax) return false;
    std::this_thread::sleep_for(spread(pause_));
    pause_ *= 2;
    return true;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kPauseMax{2000};
  const Clock::time_point end_;
  std::chrono::milliseconds pause_{100};
};

void wait(const Queue& queue, Completion& completion) {
  while (rf_queue_next(queue.handle(), kWaitMs, &completion) == 0) {
  }
}

}  // namespace

bool Failure::passes() const noexcept {
  // What a read met is there the next time as well.
  for (const std::string_view lasting : {"READ_TOO_MANY_TOMBSTONES", "READ_SIZE"}) {
    if (message.find(lasting) != std::string::npos) return false;
  }
  switch (status) {
    case Status::kUnavailable:
    case Status::kOverloaded:
    case Status::kTimeout:
    case Status::kNoConnection:
    case Status::kFailed:
    case Status::kUnknownTable:  // one that was away learns of new tables a moment after its start
      return true;
    default:
      return false;
  }
}

Error Failure::error(std::string_view where) const {
  const auto make = [&](ErrorCode code, std::string_view remedy = "") {
    const auto limit = remedy_of_limit(message);
    return Error(code, fmt::format("{}: {}{}", where, message, limit.empty() ? remedy : limit),
                 outcome_known);
  };
  switch (status) {
    case Status::kInvalid:
      return make(ErrorCode::kInvalidArgument);
    case Status::kUnknownTable:
      return make(ErrorCode::kNotFound);
    case Status::kExists:
      return make(ErrorCode::kConflict);
    case Status::kLogin:
      return make(ErrorCode::kPermission,
                  message.find(kAsksWho) == std::string::npos
                      ? "; check user and password (docs/cassandra.md)"
                      : fmt::format("; name the user by {} or USER@ in the address, and for the "
                                    "password {}",
                                    option_name("user"), ways_to_give_password()));
    case Status::kUnauthorized:
      return make(ErrorCode::kPermission, "; ask for a GRANT");
    case Status::kTls:
      return make(ErrorCode::kPermission,
                  fmt::format("; check {}, {}, {} and {}", option_name("tls-ca"),
                              option_name("tls-server-name"), option_name("tls-cert"),
                              option_name("tls-key")));
    case Status::kUnavailable:
    case Status::kOverloaded:
    case Status::kFailed:
    case Status::kNoConnection:
      return make(ErrorCode::kUnavailable);
    case Status::kTimeout:
      return make(ErrorCode::kTimeout);
    case Status::kClosed:
      return make(ErrorCode::kCancelled);
    default:
      return make(ErrorCode::kInternal);
  }
}

Rows::Rows(RfRows* rows)
    : handle_(rows, [](RfRows* handle) { rf_rows_free(handle); }),
      cells_(rf_rows_cells(rows)),
      rows_(rf_rows_count(rows)),
      columns_(rf_rows_columns(rows)) {}

std::optional<std::string_view> Rows::cell(std::size_t row, std::size_t column) const {
  if (row >= rows_ || column >= columns_)
    throw Error(ErrorCode::kInternal, "a cell outside of the rows of an answer");
  const RfBytes& bytes = cells_[row * columns_ + column];
  if (bytes.data == nullptr) return std::nullopt;
  return view_of(bytes);
}

std::string_view Rows::column_name(std::size_t column) const {
  return view_of(rf_rows_column_name(handle_.get(), column));
}

std::string_view Rows::fixed(std::size_t row, std::size_t column, std::size_t size) const {
  const auto bytes = cell(row, column);
  if (!bytes || bytes->size() != size) {
    throw Error(ErrorCode::kInternal, fmt::format("column {} of an answer has no value of {} bytes",
                                                  column_name(column), size));
  }
  return *bytes;
}

std::int64_t Rows::bigint(std::size_t row, std::size_t column) const {
  return read_big_endian<std::int64_t>(fixed(row, column, 8).data());
}

std::int32_t Rows::integer(std::size_t row, std::size_t column) const {
  return read_big_endian<std::int32_t>(fixed(row, column, 4).data());
}

bool Rows::boolean(std::size_t row, std::size_t column) const {
  return fixed(row, column, 1)[0] != 0;
}

std::string Rows::text(std::size_t row, std::size_t column) const {
  return std::string(cell(row, column).value_or(""));
}

std::optional<std::string_view> Rows::paging_state() const {
  if (handle_ == nullptr) return std::nullopt;
  const RfBytes bytes = rf_rows_paging_state(handle_.get());
  if (bytes.data == nullptr) return std::nullopt;
  return view_of(bytes);
}

std::size_t Rows::bytes() const noexcept {
  return handle_ == nullptr ? 0 : rf_rows_bytes(handle_.get());
}

Queue::Queue() : handle_(rf_queue_new()) {}
Queue::~Queue() { rf_queue_free(handle_); }

std::optional<Answer> Queue::next(std::chrono::milliseconds timeout) {
  Completion completion;
  const auto limited = std::clamp<std::int64_t>(timeout.count(), 0, kWaitMs);
  if (rf_queue_next(handle_, static_cast<std::uint32_t>(limited), &completion) == 0)
    return std::nullopt;
  Answer answer;
  answer.tag = completion.tag;
  answer.failure = failure_of(completion);
  if (completion.rows != nullptr) answer.rows = Rows(std::exchange(completion.rows, nullptr));
  if (completion.has_host != 0) {
    answer.host.emplace();
    std::copy(std::begin(completion.host), std::end(completion.host), answer.host->begin());
  }
  return answer;
}

void Queue::close() { rf_queue_close(handle_); }

Statement::Statement(RfStatement* handle)
    : handle_(handle, [](RfStatement* statement) { rf_statement_free(statement); }) {}

Session::Session(RfSession* handle, Connection connection)
    : handle_(handle),
      connection_(std::move(connection)),
      page_rows_max_(std::numeric_limits<std::int32_t>::max()) {}

Session::~Session() { rf_session_free(handle_); }

std::shared_ptr<Session> Session::open(const Connection& connection, std::string_view keyspace) {
  std::vector<std::string> points;
  for (const auto& point : connection.contact_points) {
    const bool is_ipv6 = point.host.find(':') != std::string::npos;
    points.push_back(is_ipv6 ? fmt::format("[{}]:{}", point.host, point.port)
                             : fmt::format("{}:{}", point.host, point.port));
  }
  std::vector<RfBytes> point_bytes;
  for (const auto& point : points) point_bytes.push_back(bytes_of(point));
  std::vector<RfBytes> name_bytes;
  for (const auto& name : connection.tls_server_names) name_bytes.push_back(bytes_of(name));

  RfConnectOptions options{};
  options.contact_points = point_bytes.data();
  options.contact_point_count = point_bytes.size();
  options.keyspace = bytes_or_null(keyspace);
  if (connection.local_datacenter)
    options.local_datacenter = bytes_of(*connection.local_datacenter);
  if (connection.user) options.user = bytes_of(*connection.user);
  if (connection.password) options.password = bytes_of(connection.password->reveal());
  options.tls = connection.tls ? 1 : 0;
  options.tls_insecure = connection.tls_insecure ? 1 : 0;
  options.tls_ca = bytes_or_null(connection.tls_ca);
  options.tls_cert = bytes_or_null(connection.tls_cert);
  options.tls_key = bytes_or_null(connection.tls_key);
  options.tls_server_names = name_bytes.data();
  options.tls_server_name_count = name_bytes.size();
  options.connect_timeout_ms = connection.connect_timeout_ms;
  options.connections_per_host = connection.connections_per_host;
  options.threads = kThreads;
  options.lz4 = connection.lz4 ? 1 : 0;
  options.contact_points_only = connection.contact_points_only ? 1 : 0;

  std::string where = "cassandra";
  for (std::size_t i = 0; i < points.size(); ++i)
    where += fmt::format("{}{}", i == 0 ? " at " : ", ", points[i]);

  Retries retries(connection.request_timeout_ms);
  while (true) {
    Queue queue;
    Completion completion;
    rf_connect(queue.handle(), 0, &options);
    const std::stop_callback end(connection.stop, [&queue] { queue.close(); });
    while (rf_queue_next(queue.handle(), kWaitMs, &completion) == 0) {
      if (connection.stop.stop_requested())
        throw Error(ErrorCode::kCancelled, fmt::format("{}: stopped while connecting", where));
    }
    const auto failure = failure_of(completion);
    if (!failure)
      return std::shared_ptr<Session>(
          new Session(std::exchange(completion.session, nullptr), connection));
    // A node that looks a user up on a replica that has just died answers with a timeout, one that
    // is about to stop asks to be left alone.
    const bool may_pass =
        failure->status == Status::kTimeout || failure->status == Status::kOverloaded;
    if (may_pass && retries.pause_after(*failure)) continue;
    throw with_hint(*failure, connection.tls).error(where);
  }
}

Statement Session::prepare(std::string_view cql, std::string_view where) const {
  Retries retries(connection_.request_timeout_ms);
  while (true) {
    const Queue queue;
    Completion completion;
    rf_prepare(handle_, queue.handle(), 0, bytes_of(cql), connection_.request_timeout_ms);
    wait(queue, completion);
    const auto failure = failure_of(completion);
    if (!failure) return Statement(std::exchange(completion.statement, nullptr));
    if (!retries.pause_after(*failure)) throw error(*failure, where);
  }
}

Rows Session::execute(const Statement& statement, const Values& values, const Request& request,
                      std::string_view where) const {
  Answer answer = ask_patiently(statement, values, request);
  if (answer.failure) throw error(*answer.failure, where);
  return std::move(answer.rows);
}

Rows Session::execute(std::string_view cql, const Values& values, const Request& request,
                      std::string_view where) const {
  return execute(prepare(cql, where), values, request, where);
}

Answer Session::ask_patiently(const Statement& statement, const Values& values,
                              const Request& request) const {
  Retries retries(connection_.request_timeout_ms);
  while (true) {
    Answer answer = ask(statement, values, request);
    if (answer.failure && lower_pages(*answer.failure)) continue;
    if (!answer.failure || !retries.pause_after(*answer.failure)) return answer;
  }
}

Answer Session::ask(const Statement& statement, const Values& values,
                    const Request& request) const {
  Queue queue;
  start(statement, values, request, queue, 0);
  while (true) {
    if (auto answer = queue.next(std::chrono::milliseconds(kWaitMs))) return std::move(*answer);
  }
}

void Session::start(const Statement& statement, const Values& values, const Request& request,
                    Queue& queue, std::uint64_t tag) const {
  const auto items = bytes_of(values);
  RfExecuteOptions options{};
  options.consistency = protocol_number(request.consistency);
  if (request.serial_consistency)
    options.serial_consistency = protocol_number(*request.serial_consistency);
  options.timeout_ms = request.timeout ? static_cast<std::uint32_t>(request.timeout->count())
                                       : connection_.request_timeout_ms;
  options.host = request.host ? request.host->data() : nullptr;
  options.page_size = std::min<std::int32_t>(request.page_rows, page_rows_max_);
  if (request.paging_state) options.paging_state = bytes_of(*request.paging_state);
  rf_execute(handle_, statement.handle(), queue.handle(), tag, items.data(), items.size(),
             &options);
}

bool Session::lower_pages(const Failure& failure) const {
  // "... with page size 5000 exceeds failure threshold of 1000"
  constexpr std::string_view kThreshold = "threshold of ";
  const std::string_view words = failure.message;
  const auto at = words.find(kThreshold);
  if (failure.status != Status::kInvalid || at == std::string_view::npos ||
      words.find("page size") == std::string_view::npos) {
    return false;
  }
  std::int32_t most = 0;
  const auto digits = words.substr(at + kThreshold.size());
  std::from_chars(digits.data(), digits.data() + digits.size(), most);
  if (most < 1) return false;
  // Those of other threads may be under way with as many as before.
  page_rows_max_ = std::min<std::int32_t>(page_rows_max_, most);
  return true;
}

std::vector<ServerCertificate> Session::certificates() const {
  std::vector<RfCertificate> found(rf_session_certificates(handle_, nullptr, 0));
  found.resize(
      std::min(found.size(), rf_session_certificates(handle_, found.data(), found.size())));
  std::vector<ServerCertificate> certificates;
  for (const auto& one : found)
    certificates.push_back({std::string(view_of(one.server)), std::string(view_of(one.der))});
  return certificates;
}

std::vector<Host> Session::hosts() const {
  return hosts_of(
      [&](RfHost* hosts, std::size_t max) { return rf_session_hosts(handle_, hosts, max); });
}

std::vector<Host> Session::replicas(const Statement& statement, const Values& values) const {
  const auto items = bytes_of(values);
  return askable(hosts_of([&](RfHost* hosts, std::size_t max) {
    return rf_statement_replicas(handle_, statement.handle(), items.data(), items.size(), hosts,
                                 max);
  }));
}

std::vector<Host> Session::token_replicas(const Statement& statement, std::int64_t token) const {
  return askable(hosts_of([&](RfHost* hosts, std::size_t max) {
    return rf_token_replicas(handle_, statement.handle(), token, hosts, max);
  }));
}

std::vector<Host> Session::askable(std::vector<Host> hosts) const {
  std::erase_if(hosts, [](const Host& host) { return !host.allowed; });
  return hosts;
}

bool Session::is_hopeless(const Failure& failure,
                          const std::vector<Host>& replicas) const noexcept {
  // With contact points only the list may be short of some.
  return failure.status == Status::kUnavailable && !connection_.contact_points_only &&
         !replicas.empty() && failure.required > static_cast<int>(replicas.size());
}

std::string Session::hosts_text() const {
  std::string text;
  for (const auto& host : hosts()) {
    text += fmt::format("{}{}{}", text.empty() ? "" : ", ", host.address,
                        host.connected ? "" : " (not connected)");
  }
  return text;
}

std::string Session::address_of(const HostId& id) const {
  for (const auto& host : hosts()) {
    if (host.id == id) return host.address;
  }
  return "a node that left the cluster";
}

Error Session::error(const Failure& failure, std::string_view where) const {
  Error plain = failure.error(where);
  const bool is_about_nodes =
      plain.code() == ErrorCode::kUnavailable || plain.code() == ErrorCode::kTimeout;
  if (!is_about_nodes || failure.status == Status::kUnavailable) return plain;
  std::string hint;
  if (!std::ranges::all_of(hosts(), &Host::connected)) {
    hint = hint_of_limit();
    if (!connection_.contact_points_only) {
      hint += fmt::format(
          "; if addresses of the cluster's own network cannot be reached from here (docker, a "
          "forwarded port), give {}",
          option_name("contact-points-only"));
    }
  }
  return Error(plain.code(),
               fmt::format("{}; the nodes are {}{}", plain.what(), hosts_text(), hint),
               plain.outcome_known());
}

}  // namespace ringfeed::cql
