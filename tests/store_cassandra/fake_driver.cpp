// Queues, sessions with threads of their own, and the C functions.
#include "store_cassandra/fake_driver.hpp"

#include <fmt/format.h>
#include <ringfeed_driver.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>

namespace ringfeed::testing {
namespace {

using FakeClock = std::chrono::steady_clock;
using FakeId = std::array<std::uint8_t, 16>;

constexpr std::chrono::seconds kTestPatience{60};

std::atomic<std::int64_t> live_queues{0};
std::atomic<std::int64_t> live_sessions{0};
std::atomic<std::int64_t> live_statements{0};
std::atomic<std::int64_t> live_rows{0};

std::string text_of(const RfBytes& bytes) {
  return bytes.data == nullptr ? std::string()
                               : std::string(reinterpret_cast<const char*>(bytes.data), bytes.size);
}

RfBytes view_of_text(const std::string& text) {
  static constexpr std::uint8_t kNothing = 0;
  return {text.empty() ? &kNothing : reinterpret_cast<const std::uint8_t*>(text.data()),
          text.size()};
}

std::vector<FakeCell> cells_of(const RfBytes* values, std::size_t count) {
  std::vector<FakeCell> cells;
  for (std::size_t i = 0; i < count; ++i) {
    cells.push_back(values[i].data == nullptr ? std::nullopt : FakeCell(text_of(values[i])));
  }
  return cells;
}

}  // namespace

/// Where completions arrive. Shared by the handle and what is under way.
class FakeQueue {
 public:
  ~FakeQueue() { clear(); }

  void push(RfCompletion completion) {
    {
      const std::lock_guard lock(mutex_);
      if (!freed_) {
        waiting_.push_back(completion);
        arrived_.notify_one();
        return;
      }
    }
    rf_completion_clear(&completion);
  }

  bool next(std::chrono::milliseconds timeout, RfCompletion& completion) {
    std::unique_lock lock(mutex_);
    arrived_.wait_for(lock, timeout, [this] { return !waiting_.empty() || closed_; });
    if (waiting_.empty()) return false;
    completion = waiting_.front();
    waiting_.pop_front();
    return true;
  }

  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    arrived_.notify_all();
  }

  void free() {
    {
      const std::lock_guard lock(mutex_);
      freed_ = true;
    }
    clear();
  }

 private:
  void clear() {
    std::deque<RfCompletion> left;
    {
      const std::lock_guard lock(mutex_);
      left.swap(waiting_);
    }
    for (auto& each : left) rf_completion_clear(&each);
  }

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<RfCompletion> waiting_;
  bool closed_ = false;
  bool freed_ = false;
};

/// One operation from its start to its completion.
struct FakeFlight {
  FakeFlight() = default;
  ~FakeFlight() { rf_completion_clear(&answer); }
  FakeFlight(const FakeFlight&) = delete;
  FakeFlight& operator=(const FakeFlight&) = delete;

  std::shared_ptr<FakeQueue> queue;
  std::uint64_t tag = 0;
  FakeOperation operation;
  FakeAction action;
  std::function<void(RfCompletion& completion)> execute;  ///< fills in the answer
  FakeClock::time_point deadline;                         ///< of the answer
  std::optional<FakeId> host;

  bool begun = false;
  bool waits_for_release = false;
  bool times_out = false;  ///< at the deadline
  RfCompletion answer{};
};

/// The threads of a session: they end what they were given, each at its time.
class FakeThreads {
 public:
  /// `closing`: the session ends, and with it what is under way.
  using Run = std::function<void(FakeThreads&, const std::shared_ptr<FakeFlight>&, bool closing)>;

  FakeThreads(int count, Run run) : run_(std::move(run)) {
    for (int i = 0; i < count; ++i) threads_.emplace_back([this] { work(); });
  }
  ~FakeThreads() { close(); }
  FakeThreads(const FakeThreads&) = delete;
  FakeThreads& operator=(const FakeThreads&) = delete;

  void post(FakeClock::time_point due, std::shared_ptr<FakeFlight> flight) {
    const std::lock_guard lock(mutex_);
    waiting_.emplace(due, std::move(flight));
    changed_.notify_all();
  }

  void release() {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<FakeFlight>> released;
    std::erase_if(waiting_, [&](const auto& each) {
      if (!each.second->waits_for_release) return false;
      each.second->waits_for_release = each.second->times_out = false;
      released.push_back(each.second);
      return true;
    });
    for (auto& each : released) waiting_.emplace(FakeClock::time_point::min(), std::move(each));
    changed_.notify_all();
  }

  std::size_t held() {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::ranges::count_if(
        waiting_, [](const auto& each) { return each.second->waits_for_release; }));
  }

  /// Ends what is under way at once, and the threads.
  void close() {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
      changed_.notify_all();
    }
    threads_.clear();
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      if (waiting_.empty()) {
        if (closing_) return;
        changed_.wait(lock);
        continue;
      }
      const auto due = waiting_.begin()->first;
      if (!closing_ && due > FakeClock::now()) {
        changed_.wait_until(lock, due);
        continue;
      }
      const auto flight = waiting_.begin()->second;
      waiting_.erase(waiting_.begin());
      const bool closing = closing_;
      lock.unlock();
      run_(*this, flight, closing);
      lock.lock();
    }
  }

  const Run run_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<FakeClock::time_point, std::shared_ptr<FakeFlight>> waiting_;  ///< by when
  bool closing_ = false;
  std::vector<std::jthread> threads_;  // last: they use the above
};

namespace {

void set_failure(RfCompletion& completion, int status, std::string_view message, bool known) {
  rf_rows_free(std::exchange(completion.rows, nullptr));
  rf_statement_free(std::exchange(completion.statement, nullptr));
  rf_session_free(std::exchange(completion.session, nullptr));
  completion.status = status;
  completion.outcome_known = known ? 1 : 0;
  auto* const copy = new std::uint8_t[message.size() + 1];
  std::memcpy(copy, message.data(), message.size());
  delete[] completion.message.data;
  completion.message = {copy, message.size()};
}

}  // namespace

struct FakeNode {
  FakeId id{};
  std::string address;
  bool connected = true;
};

struct FakeCluster::State {
  std::mutex mutex;
  std::condition_variable changed;
  FakeTables tables;
  std::vector<FakeNode> nodes;
  Script script;
  std::uint64_t operations = 0;
  std::uint64_t turn = 0;  ///< of coordinators, where any will do
  std::size_t frame_offset = 0;
  std::vector<std::weak_ptr<FakeThreads>> threads;  ///< of the sessions

  /// With the lock held.
  int node_of(const FakeId& id) const {
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (nodes[i].id == id) return static_cast<int>(i);
    }
    return -1;
  }
  /// Places of the replicas of a token, with the lock held.
  std::vector<std::size_t> replicas(std::int64_t token, int copies) const {
    const auto first = static_cast<std::size_t>(static_cast<std::uint64_t>(token) % nodes.size());
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < std::min(nodes.size(), static_cast<std::size_t>(copies)); ++i)
      places.push_back((first + i) % nodes.size());
    return places;
  }
  bool is_connected(int node) const {
    return node >= 0 && nodes[static_cast<std::size_t>(node)].connected;
  }
  /// Numbers the operation and asks the script, with the lock held.
  FakeAction decide(FakeOperation& operation) {
    operation.number = operations++;
    changed.notify_all();
    return script ? script(operation) : FakeAction{};
  }
  std::size_t held() {
    std::size_t count = 0;
    for (const auto& each : threads) {
      if (const auto alive = each.lock()) count += alive->held();
    }
    return count;
  }
};

namespace {

/// Clusters by the addresses of their nodes.
struct FakeRegistry {
  std::mutex mutex;
  std::map<std::string, std::weak_ptr<FakeCluster::State>> clusters;
  int made = 0;

  static FakeRegistry& instance() {
    static FakeRegistry registry;
    return registry;
  }

  /// Null: nobody listens there.
  std::shared_ptr<FakeCluster::State> find(const RfConnectOptions& options) {
    const std::lock_guard lock(mutex);
    for (std::size_t i = 0; i < options.contact_point_count; ++i) {
      const auto found = clusters.find(text_of(options.contact_points[i]));
      if (found == clusters.end()) continue;
      if (auto cluster = found->second.lock()) return cluster;
    }
    return nullptr;
  }
};

int replicas_needed(std::uint16_t consistency, int copies) {
  switch (consistency) {
    case 0x0002:
      return 2;
    case 0x0003:
      return 3;
    case 0x0005:
      return copies;
    case 0x0004:
    case 0x0006:
    case 0x0007:
    case 0x0008:
    case 0x0009:
      return copies / 2 + 1;
    default:
      return 1;
  }
}

}  // namespace
}  // namespace ringfeed::testing

using ringfeed::testing::FakeCluster;
using ringfeed::testing::FakeQueue;
using ringfeed::testing::FakeStatement;
using ringfeed::testing::FakeThreads;

struct RfQueue {
  std::shared_ptr<FakeQueue> shared = std::make_shared<FakeQueue>();
};

struct RfStatement {
  std::shared_ptr<const FakeStatement> statement;
};

struct RfRows {
  std::unique_ptr<std::uint8_t[]> frame;
  std::size_t frame_bytes = 0;
  std::vector<RfBytes> cells;
  std::size_t columns = 0;
  std::size_t count = 0;
  std::vector<std::string> names;
  std::optional<std::string> paging_state;
};

struct RfSession {
  std::shared_ptr<FakeCluster::State> cluster;
  bool knows_keyspace = false;  ///< its replication
  std::string keyspace;
  std::set<std::string> allowed;  ///< with contact points only; none: all
  std::shared_ptr<FakeThreads> threads;
};

namespace ringfeed::testing {
namespace {

/// Each cell as in a frame: its length, its bytes. The frame is of this answer alone.
RfRows* rows_handle(const FakeRows& rows, std::size_t offset) {
  auto handle = std::make_unique<RfRows>();
  std::size_t size = offset;
  for (const auto& row : rows.rows) {
    for (const auto& cell : row) size += 4 + (cell ? cell->size() : 0);
  }
  handle->frame = std::make_unique<std::uint8_t[]>(size);
  handle->frame_bytes = size;
  std::size_t at = offset;
  for (const auto& row : rows.rows) {
    for (const auto& cell : row) {
      at += 4;
      RfBytes bytes{nullptr, 0};
      if (cell) {
        bytes = {handle->frame.get() + at, cell->size()};
        std::memcpy(handle->frame.get() + at, cell->data(), cell->size());
        at += cell->size();
      }
      handle->cells.push_back(bytes);
    }
  }
  handle->columns = rows.names.size();
  handle->count = rows.rows.size();
  handle->names = rows.names;
  handle->paging_state = rows.paging_state;
  ++live_rows;
  return handle.release();
}

/// What the nodes do with a statement. With the lock of the cluster held.
std::optional<FakeRows> execute_at_nodes(FakeCluster::State& cluster,
                                         const FakeStatement& statement, const FakeFlight& flight,
                                         std::int32_t page_rows,
                                         const std::optional<std::string>& paging_state,
                                         int& required, int& alive) {
  const auto& operation = flight.operation;
  const int copies = cluster.tables.copies(statement.keyspace);
  if (copies > 0) {
    auto token = cluster.tables.token(statement, operation.values);
    if (!token) token = FakeTables::last_token(statement, operation.values);
    int live = 0;
    for (const auto place : cluster.replicas(token.value_or(0), copies))
      live += cluster.nodes[place].connected ? 1 : 0;
    const int needed = replicas_needed(operation.consistency, copies);
    if (live < needed) {
      required = needed;
      alive = live;
      throw FakeError{RF_UNAVAILABLE, "Cannot achieve consistency level"};
    }
  }
  return cluster.tables.execute(statement, operation.values, page_rows, paging_state);
}

/// Begins an operation at its node: afterwards it has its answer, which may have to wait. True: it
/// has not.
bool begin_flight(FakeCluster::State& cluster, FakeFlight& flight) {
  const FakeAction& action = flight.action;
  {
    const std::lock_guard lock(cluster.mutex);
    if (!cluster.is_connected(flight.operation.node)) {
      set_failure(flight.answer, RF_NO_CONNECTION, "the node is not connected", true);
      return true;
    }
  }
  const bool fails = action.status != RF_OK || action.lost;
  if (!fails || action.applied) flight.execute(flight.answer);
  if (action.status != RF_OK) {
    set_failure(flight.answer, action.status,
                action.message.empty() ? fmt::format("status {} by the test", action.status)
                                       : action.message,
                action.outcome_known && !action.applied);
    flight.answer.required = action.required;
    flight.answer.alive = action.alive;
  }
  return !action.held && !action.lost && action.delay.count() == 0;
}

/// One step of an operation, on a thread of the session.
void step_flight(FakeCluster::State& cluster, FakeThreads& threads,
                 const std::shared_ptr<FakeFlight>& flight, bool closing) {
  FakeFlight& f = *flight;
  if (closing) {
    set_failure(f.answer, RF_CLOSED, "the session was closed", false);
  } else if (!f.begun) {
    f.begun = true;
    f.answer.outcome_known = 1;
    f.answer.required = f.answer.alive = -1;
    if (!begin_flight(cluster, f)) {
      f.waits_for_release = f.action.held;
      const bool waits = f.action.held || f.action.lost;
      const auto answer = FakeClock::now() + f.action.delay;
      f.times_out = waits || answer >= f.deadline;
      threads.post(f.times_out ? f.deadline : answer, flight);
      const std::lock_guard lock(cluster.mutex);
      return cluster.changed.notify_all();
    }
  } else if (f.times_out) {
    set_failure(f.answer, RF_TIMEOUT, "no answer in time", false);
  }
  f.answer.tag = f.tag;
  if (f.host && f.operation.kind == FakeOperation::Kind::kExecute && f.answer.status == RF_OK) {
    f.answer.has_host = 1;
    std::copy(f.host->begin(), f.host->end(), f.answer.host);
  }
  f.queue->push(std::exchange(f.answer, RfCompletion{}));
}

RfHost host_of_node(const RfSession& session, const FakeNode& node) {
  RfHost host{};
  host.allowed = session.allowed.empty() || session.allowed.contains(node.address) ? 1 : 0;
  std::copy(node.id.begin(), node.id.end(), host.id);
  std::copy_n(node.address.begin(), std::min<std::size_t>(node.address.size(), 63), host.address);
  host.connected = node.connected ? 1 : 0;
  host.local = 1;
  return host;
}

/// Nothing when the values do not name a partition, or the table is gone. With the lock held.
std::optional<std::int64_t> partition_token(const FakeCluster::State& cluster,
                                            const FakeStatement& statement,
                                            const std::vector<FakeCell>& values) {
  try {
    return cluster.tables.token(statement, values);
  } catch (const FakeError&) {
    return std::nullopt;
  }
}

std::size_t write_hosts(const RfSession& session, const FakeStatement& statement,
                        std::optional<std::int64_t> token, RfHost* hosts, std::size_t max) {
  const FakeCluster::State& cluster = *session.cluster;
  if (!token || !session.knows_keyspace || session.keyspace != statement.keyspace) return 0;
  const auto places = cluster.replicas(*token, cluster.tables.copies(statement.keyspace));
  for (std::size_t i = 0; i < std::min(places.size(), max); ++i)
    hosts[i] = host_of_node(session, cluster.nodes[places[i]]);
  return places.size();
}

/// Where an operation goes, with the lock held: to the node asked for, to a connected replica, to
/// any connected node.
int choose_node(FakeCluster::State& cluster, const std::vector<std::size_t>& replicas) {
  for (const auto place : replicas) {
    if (cluster.nodes[place].connected) return static_cast<int>(place);
  }
  for (std::size_t i = 0; i < cluster.nodes.size(); ++i) {
    const auto place = static_cast<std::size_t>(cluster.turn++ % cluster.nodes.size());
    if (cluster.nodes[place].connected) return static_cast<int>(place);
  }
  return -1;
}

/// Hands an operation to the threads. `host`: it goes there and nowhere else.
void start_flight(const RfSession& session, const RfQueue& queue, std::uint64_t tag,
                  std::shared_ptr<FakeFlight> flight, std::uint32_t timeout_ms,
                  const std::vector<std::size_t>& replicas, const std::optional<FakeId>& host) {
  FakeFlight& f = *flight;
  f.queue = queue.shared;
  f.tag = tag;
  f.deadline = FakeClock::now() + std::chrono::milliseconds(timeout_ms);
  {
    FakeCluster::State& cluster = *session.cluster;
    const std::lock_guard lock(cluster.mutex);
    f.operation.node_was_asked_for = host.has_value();
    f.operation.node = host ? cluster.node_of(*host) : choose_node(cluster, replicas);
    if (f.operation.node >= 0)
      f.host = cluster.nodes[static_cast<std::size_t>(f.operation.node)].id;
    f.action = cluster.decide(f.operation);
  }
  session.threads->post(FakeClock::time_point::min(), std::move(flight));
}

}  // namespace

FakeAction fake_failure(int status) {
  FakeAction action;
  action.status = status;
  action.outcome_known = status != RF_TIMEOUT && status != RF_FAILED && status != RF_CLOSED &&
                         status != RF_INTERNAL && status != RF_NO_CONNECTION;
  return action;
}

FakeAction fake_lost(bool applied) {
  FakeAction action;
  action.lost = true;
  action.applied = applied;
  return action;
}

FakeCluster::FakeCluster(int nodes) : state_(std::make_shared<State>()) {
  auto& registry = FakeRegistry::instance();
  const std::lock_guard lock(registry.mutex);
  const int number = registry.made++;
  for (int i = 0; i < nodes; ++i) {
    FakeNode node;
    node.id = {0xFA, static_cast<std::uint8_t>(number), static_cast<std::uint8_t>(i + 1)};
    node.address = fmt::format("127.7.{}.{}:9042", number % 256, i + 1);
    registry.clusters[node.address] = state_;
    addresses_ += (i == 0 ? "" : ",") + node.address;
    state_->nodes.push_back(std::move(node));
  }
}

FakeCluster::~FakeCluster() = default;

void FakeCluster::set_script(Script script) {
  const std::lock_guard lock(state_->mutex);
  state_->script = std::move(script);
  state_->operations = 0;
}

void FakeCluster::set_connected(int node, bool connected) {
  const std::lock_guard lock(state_->mutex);
  state_->nodes.at(static_cast<std::size_t>(node)).connected = connected;
}

void FakeCluster::set_frame_offset(std::size_t bytes) {
  const std::lock_guard lock(state_->mutex);
  state_->frame_offset = bytes;
}

void FakeCluster::advance(std::chrono::seconds time) {
  const std::lock_guard lock(state_->mutex);
  state_->tables.advance(time);
}

bool FakeCluster::wait_for_held(std::size_t count) {
  std::unique_lock lock(state_->mutex);
  return state_->changed.wait_for(lock, kTestPatience, [&] { return state_->held() >= count; });
}

bool FakeCluster::wait_for_operations(std::uint64_t count) {
  std::unique_lock lock(state_->mutex);
  return state_->changed.wait_for(lock, kTestPatience, [&] { return state_->operations >= count; });
}

void FakeCluster::release() {
  const std::lock_guard lock(state_->mutex);
  for (const auto& each : state_->threads) {
    if (const auto alive = each.lock()) alive->release();
  }
}

std::uint64_t FakeCluster::operations() const {
  const std::lock_guard lock(state_->mutex);
  return state_->operations;
}

FakeRows FakeCluster::cql(const std::string& text, const std::vector<FakeCell>& values) {
  const std::lock_guard lock(state_->mutex);
  try {
    const auto statement = parse_fake_statement(text);
    return state_->tables.execute(statement, values, 0, std::nullopt).value_or(FakeRows{});
  } catch (const FakeError& error) {
    throw std::runtime_error(error.message);
  }
}

FakeHandles fake_handles() noexcept {
  return {live_queues, live_sessions, live_statements, live_rows};
}

}  // namespace ringfeed::testing

using namespace ringfeed::testing;

extern "C" {

RfQueue* rf_queue_new() {
  ++live_queues;
  return new RfQueue;
}

int rf_queue_next(RfQueue* queue, std::uint32_t timeout_ms, RfCompletion* completion) {
  return queue->shared->next(std::chrono::milliseconds(timeout_ms), *completion) ? 1 : 0;
}

void rf_queue_close(RfQueue* queue) { queue->shared->close(); }

void rf_queue_free(RfQueue* queue) {
  if (queue == nullptr) return;
  queue->shared->free();
  delete queue;
  --live_queues;
}

void rf_completion_clear(RfCompletion* completion) {
  delete[] std::exchange(completion->message.data, nullptr);
  completion->message.size = 0;
  rf_session_free(std::exchange(completion->session, nullptr));
  rf_statement_free(std::exchange(completion->statement, nullptr));
  rf_rows_free(std::exchange(completion->rows, nullptr));
}

void rf_connect(RfQueue* queue, std::uint64_t tag, const RfConnectOptions* options) {
  RfCompletion completion{};
  completion.tag = tag;
  completion.outcome_known = 1;
  completion.required = completion.alive = -1;
  const auto cluster = FakeRegistry::instance().find(*options);
  if (cluster == nullptr) {
    set_failure(completion, RF_NO_CONNECTION, "Connection refused", true);
    return queue->shared->push(completion);
  }
  FakeOperation operation;
  operation.kind = FakeOperation::Kind::kConnect;
  auto session = std::make_unique<RfSession>();
  session->cluster = cluster;
  session->keyspace = text_of(options->keyspace);
  for (std::size_t i = 0; options->contact_points_only != 0 && i < options->contact_point_count;
       ++i)
    session->allowed.insert(text_of(options->contact_points[i]));
  session->threads = std::make_shared<FakeThreads>(
      static_cast<int>(std::max<std::uint32_t>(1, options->threads)),
      [state = cluster.get()](FakeThreads& threads, const auto& flight, bool closing) {
        step_flight(*state, threads, flight, closing);
      });
  FakeAction action;
  {
    const std::lock_guard lock(cluster->mutex);
    session->knows_keyspace = cluster->tables.copies(session->keyspace) > 0;
    cluster->threads.push_back(session->threads);
    action = cluster->decide(operation);
    if (std::ranges::none_of(cluster->nodes, &FakeNode::connected))
      action = fake_failure(RF_NO_CONNECTION);
  }
  if (action.lost) return;  // the caller is kept waiting
  if (action.status != RF_OK) {
    set_failure(completion, action.status,
                action.message.empty() ? "no connection, by the test" : action.message, true);
  } else {
    completion.session = session.release();
    ++live_sessions;
  }
  queue->shared->push(completion);
}

void rf_session_free(RfSession* session) {
  if (session == nullptr) return;
  session->threads->close();
  delete session;
  --live_sessions;
}

std::size_t rf_session_hosts(const RfSession* session, RfHost* hosts, std::size_t max) {
  const std::lock_guard lock(session->cluster->mutex);
  const auto& nodes = session->cluster->nodes;
  for (std::size_t i = 0; i < std::min(nodes.size(), max); ++i)
    hosts[i] = host_of_node(*session, nodes[i]);
  return nodes.size();
}

std::size_t rf_session_certificates(const RfSession*, RfCertificate*, std::size_t) { return 0; }

void rf_prepare(const RfSession* session, RfQueue* queue, std::uint64_t tag, RfBytes cql,
                std::uint32_t timeout_ms) {
  auto flight = std::make_shared<FakeFlight>();
  FakeOperation& operation = flight->operation;
  operation.kind = FakeOperation::Kind::kPrepare;
  operation.cql = text_of(cql);
  flight->execute = [state = session->cluster.get(),
                     text = operation.cql](RfCompletion& completion) {
    try {
      auto statement = std::make_shared<FakeStatement>(parse_fake_statement(text));
      const std::lock_guard lock(state->mutex);
      state->tables.check(*statement);
      completion.statement = new RfStatement{std::move(statement)};
      ++live_statements;
    } catch (const FakeError& error) {
      set_failure(completion, error.status, error.message, true);
    }
  };
  start_flight(*session, *queue, tag, std::move(flight), timeout_ms, {}, std::nullopt);
}

void rf_statement_free(RfStatement* statement) {
  if (statement == nullptr) return;
  delete statement;
  --live_statements;
}

std::size_t rf_statement_replicas(const RfSession* session, const RfStatement* statement,
                                  const RfBytes* values, std::size_t count, RfHost* hosts,
                                  std::size_t max) {
  const auto cells = cells_of(values, count);
  const std::lock_guard lock(session->cluster->mutex);
  return write_hosts(*session, *statement->statement,
                     partition_token(*session->cluster, *statement->statement, cells), hosts, max);
}

std::size_t rf_token_replicas(const RfSession* session, const RfStatement* statement,
                              std::int64_t token, RfHost* hosts, std::size_t max) {
  const std::lock_guard lock(session->cluster->mutex);
  return write_hosts(*session, *statement->statement, token, hosts, max);
}

void rf_execute(const RfSession* session, const RfStatement* statement, RfQueue* queue,
                std::uint64_t tag, const RfBytes* values, std::size_t count,
                const RfExecuteOptions* options) {
  auto flight = std::make_shared<FakeFlight>();
  FakeOperation& operation = flight->operation;
  operation.cql = statement->statement->cql;
  operation.values = cells_of(values, count);
  operation.consistency = options->consistency;
  operation.page_rows = options->page_size;
  std::optional<FakeId> host;
  if (options->host != nullptr) {
    host.emplace();
    std::copy_n(options->host, host->size(), host->begin());
  }
  std::optional<std::string> paging_state;
  if (options->paging_state.data != nullptr) paging_state = text_of(options->paging_state);
  flight->execute = [state = session->cluster.get(), shared = statement->statement,
                     page_rows = options->page_size, paging_state = std::move(paging_state),
                     of = flight.get()](RfCompletion& completion) {
    try {
      std::optional<FakeRows> rows;
      std::size_t offset = 0;
      {
        const std::lock_guard lock(state->mutex);
        rows = execute_at_nodes(*state, *shared, *of, page_rows, paging_state, completion.required,
                                completion.alive);
        offset = state->frame_offset;
      }
      if (!rows) return;
      if (of->action.change) of->action.change(*rows);
      completion.rows = rows_handle(*rows, offset);
    } catch (const FakeError& error) {
      set_failure(completion, error.status, error.message, true);
    }
  };
  std::vector<std::size_t> replicas;
  {
    const std::lock_guard lock(session->cluster->mutex);
    const auto token = partition_token(*session->cluster, *statement->statement, operation.values);
    if (token) {
      replicas = session->cluster->replicas(
          *token, session->cluster->tables.copies(statement->statement->keyspace));
    }
  }
  start_flight(*session, *queue, tag, std::move(flight), options->timeout_ms, replicas, host);
}

std::size_t rf_rows_count(const RfRows* rows) { return rows->count; }
std::size_t rf_rows_columns(const RfRows* rows) { return rows->columns; }
const RfBytes* rf_rows_cells(const RfRows* rows) { return rows->cells.data(); }
std::size_t rf_rows_bytes(const RfRows* rows) { return rows->frame_bytes; }

RfBytes rf_rows_paging_state(const RfRows* rows) {
  return rows->paging_state ? view_of_text(*rows->paging_state) : RfBytes{nullptr, 0};
}

RfBytes rf_rows_column_name(const RfRows* rows, std::size_t column) {
  return view_of_text(rows->names.at(column));
}

void rf_rows_free(RfRows* rows) {
  if (rows == nullptr) return;
  delete rows;
  --live_rows;
}

void rf_session_panic(const RfSession* session, RfQueue* queue, std::uint64_t tag) {
  auto flight = std::make_shared<FakeFlight>();
  flight->operation.cql = "a panic";
  flight->execute = [](RfCompletion& completion) {
    set_failure(completion, RF_INTERNAL, "a panic in the driver", false);
  };
  start_flight(*session, *queue, tag, std::move(flight), 60'000, {}, std::nullopt);
}

}  // extern "C"
