// The driver's C interface (driver/include/ringfeed_driver.h) in memory: sessions, readers and
// writers run against it without a server, so that sanitizers see all of their memory and threads.
// As of the driver, each operation ends as exactly one completion, on a thread of the session. A
// test says what becomes of each operation.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store_cassandra/fake_tables.hpp"

namespace ringfeed::testing {

/// What is asked of a cluster.
struct FakeOperation {
  enum class Kind { kConnect, kPrepare, kExecute };
  Kind kind = Kind::kExecute;
  std::uint64_t number = 0;  ///< from 0 on, in the order they were asked
  std::string cql;           ///< empty of kConnect
  std::vector<FakeCell> values;
  int node = 0;                     ///< the coordinator; -1: none is connected
  bool node_was_asked_for = false;  ///< that one and no other
  std::uint16_t consistency = 0;
  std::int32_t page_rows = 0;  ///< 0: all

  bool says(std::string_view text) const { return cql.find(text) != std::string::npos; }
  bool is_read() const { return kind == Kind::kExecute && cql.starts_with("SELECT"); }
};

/// What becomes of an operation. As it stands: it is executed and answered at once.
struct FakeAction {
  int status = 0;             ///< not RF_OK: it fails so
  bool applied = false;       ///< one that fails took effect all the same
  bool outcome_known = true;  ///< of one that fails
  std::string message = {};   ///< of one that fails; empty: some words
  int required = -1;
  int alive = -1;
  bool lost = false;                   ///< no answer ever: it times out
  bool held = false;                   ///< no answer before FakeCluster::release()
  std::chrono::milliseconds delay{0};  ///< before the answer
  /// Another answer than that of the tables. On a thread of the session.
  std::function<void(FakeRows& rows)> change = {};
};

/// One that fails without an effect, and says so unless the status leaves it open.
FakeAction fake_failure(int status);
/// One that took effect, and whose answer does not come before the time is over.
FakeAction fake_lost(bool applied);

/// Nodes that share one set of tables. Their addresses are this cluster's own, so that sessions are
/// connected to it by their contact points. Thread-safe.
class FakeCluster {
 public:
  /// On the thread that asks, with a lock held: it must not ask anything itself.
  using Script = std::function<FakeAction(const FakeOperation& operation)>;

  explicit FakeCluster(int nodes = 3);
  ~FakeCluster();
  FakeCluster(const FakeCluster&) = delete;
  FakeCluster& operator=(const FakeCluster&) = delete;

  /// "127.7.0.1:9042,127.7.0.2:9042".
  const std::string& addresses() const noexcept { return addresses_; }

  /// None: all are answered. `number` begins anew at 0.
  void set_script(Script script);
  /// A node that is not connected answers nothing and has no part in any quorum.
  void set_connected(int node, bool connected);
  /// Cells of answers begin so many bytes behind a multiple of 8, from now on.
  void set_frame_offset(std::size_t bytes);
  /// Time passes for values with a TTL.
  void advance(std::chrono::seconds time);

  /// Waits until so many operations are held. False: they were not within 60 s.
  bool wait_for_held(std::size_t count);
  /// Waits until so many operations were asked since set_script(). False: not within 60 s.
  bool wait_for_operations(std::uint64_t count);
  /// Answers those that are held.
  void release();

  /// Asked since set_script().
  std::uint64_t operations() const;
  /// Executes a statement past all scripts. Throws std::runtime_error.
  FakeRows cql(const std::string& text, const std::vector<FakeCell>& values = {});

  struct State;

 private:
  std::shared_ptr<State> state_;
  std::string addresses_;
};

/// Handles that callers have not given back.
struct FakeHandles {
  std::int64_t queues = 0;
  std::int64_t sessions = 0;
  std::int64_t statements = 0;
  std::int64_t rows = 0;
  bool operator==(const FakeHandles&) const = default;
};
FakeHandles fake_handles() noexcept;

}  // namespace ringfeed::testing
