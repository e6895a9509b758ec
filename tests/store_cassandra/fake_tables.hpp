// Tables in memory, for the driver of the tests: the statements of CQL that src/ issues and nothing
// more. What is not understood is an error that names it. Not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringfeed::testing {

/// Raw CQL bytes; nothing: null.
using FakeCell = std::optional<std::string>;

struct FakeRows {
  std::vector<std::string> names;  ///< of the columns
  std::vector<std::vector<FakeCell>> rows;
  std::optional<std::string> paging_state;  ///< nothing: this is the last page
};

/// How a statement fails: an RfStatus, and the server's words.
struct FakeError {
  int status = 0;
  std::string message;
};

struct FakeColumn {
  enum class Kind { kPartition, kClustering, kRegular };
  std::string name;
  std::string type;
  Kind kind = Kind::kRegular;
  bool descending = false;
  bool masked = false;
};

/// A value in a statement: a bind marker, or a literal.
struct FakeTerm {
  enum class Kind { kMarker, kText, kNumber, kTrue, kFalse, kNull };
  Kind kind = Kind::kNull;
  std::size_t marker = 0;
  std::string text;
};

/// "a = ?", "token(a, b) > ?", "(c, d) <= (?, ?)".
struct FakeCondition {
  std::vector<std::string> columns;
  bool token = false;
  std::string comparison;
  std::vector<FakeTerm> terms;
};

struct FakeSelected {
  bool token = false;  ///< of the partition key
  std::string column;
};

/// What a statement says.
struct FakeStatement {
  enum class Kind { kCreateKeyspace, kCreateTable, kDropTable, kInsert, kUpdate, kDelete, kSelect };
  Kind kind = Kind::kSelect;
  std::string cql;
  std::string keyspace;
  std::string table;
  bool if_not_exists = false;
  std::vector<std::pair<std::string, std::string>> replication;
  std::vector<FakeColumn> columns;
  std::string id;
  std::string comment;
  std::vector<std::pair<std::string, FakeTerm>> sets;
  std::optional<FakeTerm> ttl;
  std::vector<FakeCondition> where;
  std::vector<FakeCondition> conditions;  ///< behind IF
  std::vector<FakeSelected> selected;     ///< none: all columns
  bool distinct = false;
  bool filtering = false;
  std::optional<std::size_t> limit;
  std::size_t markers = 0;

  bool is_transaction() const { return if_not_exists || !conditions.empty(); }
};

/// Throws FakeError{RF_INVALID} that names the statement.
FakeStatement parse_fake_statement(std::string_view cql);

class FakeTables {
 public:
  /// Throws FakeError when it names a table or a column that is not there.
  void check(const FakeStatement& statement) const;
  /// Nothing: the statement has no rows. Throws FakeError. `page_rows`: 0 for all.
  std::optional<FakeRows> execute(const FakeStatement& statement,
                                  const std::vector<FakeCell>& values, std::int32_t page_rows,
                                  const std::optional<std::string>& paging_state);
  /// Of the partition that the values name; nothing when they name none, or a table of the system.
  std::optional<std::int64_t> token(const FakeStatement& statement,
                                    const std::vector<FakeCell>& values) const;
  /// The greatest token that a condition lets through; nothing when none is about tokens.
  static std::optional<std::int64_t> last_token(const FakeStatement& statement,
                                                const std::vector<FakeCell>& values);
  /// Copies of each partition; 0: there is no such keyspace.
  int copies(const std::string& keyspace) const;
  /// Time passes: values with a TTL run out.
  void advance(std::chrono::seconds time) { passed_ += time; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Key {
    std::int64_t token = 0;
    std::vector<std::string> partition;
    std::vector<std::string> clustering;
  };
  /// The order of the ring, then that of the clustering columns.
  struct Less {
    std::vector<FakeColumn> clustering;
    bool operator()(const Key& a, const Key& b) const;
  };
  struct Value {
    std::string bytes;
    std::optional<Clock::time_point> expires;
  };
  struct Row {
    bool inserted = false;
    std::map<std::string, Value> values;
  };
  struct Table {
    std::vector<FakeColumn> columns;  ///< the partition key's, the clustering ones, the others
    std::string id;                   ///< 16 bytes
    std::string comment;
    std::map<Key, Row, Less> rows;
  };
  struct Keyspace {
    std::vector<std::pair<std::string, std::string>> replication;
    std::map<std::string, Table> tables;
  };

  const Table& table_of(const FakeStatement& statement) const;
  Clock::time_point now() const { return Clock::now() + passed_; }
  FakeCell cell(const Table& table, const Key& key, const Row& row, const std::string& name) const;
  bool lives(const Row& row) const;
  bool passes(const Table& table, const Key& key, const Row& row, const FakeCondition& condition,
              const std::vector<FakeCell>& values) const;
  std::vector<Key> matching(const Table& table, const FakeStatement& statement,
                            const std::vector<FakeCell>& values,
                            const std::optional<std::string>& paging_state,
                            std::size_t rows_max) const;
  Key key_of(const Table& table, const FakeStatement& statement,
             const std::vector<FakeCell>& values) const;
  void write(Table& table, const FakeStatement& statement, const std::vector<FakeCell>& values,
             const Key& key);
  std::optional<FakeRows> change(Table& table, const FakeStatement& statement,
                                 const std::vector<FakeCell>& values);
  FakeRows select(const Table& table, const FakeStatement& statement,
                  const std::vector<FakeCell>& values, std::int32_t page_rows,
                  const std::optional<std::string>& paging_state) const;
  FakeRows select_system(const FakeStatement& statement, const std::vector<FakeCell>& values) const;
  FakeRows system_rows(const FakeStatement& statement) const;

  std::map<std::string, Keyspace> keyspaces_;
  std::chrono::seconds passed_{0};
  std::uint64_t tables_made_ = 0;
};

}  // namespace ringfeed::testing
