// Rows in the order of the ring, and the statements on them.
#include "store_cassandra/fake_tables.hpp"

#include <fmt/format.h>
#include <ringfeed_driver.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>

namespace ringfeed::testing {
namespace {

constexpr std::string_view kSystem = "system";
constexpr std::string_view kSystemSchema = "system_schema";

[[noreturn]] void refuse_statement(const FakeStatement& statement, std::string_view why) {
  throw FakeError{RF_INVALID, fmt::format("{}, in: {}", why, statement.cql)};
}

std::string number_bytes(std::int64_t value, std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) {
    bytes[size - 1 - i] = static_cast<char>(value & 0xFF);
    value >>= 8;
  }
  return bytes;
}

std::int64_t number_of_bytes(std::string_view bytes) {
  std::uint64_t value = bytes.empty() || (bytes[0] & 0x80) == 0 ? 0 : ~std::uint64_t{0};
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return static_cast<std::int64_t>(value);
}

/// Of types with one size.
std::optional<std::size_t> size_of_type(std::string_view type) {
  if (type == "bigint" || type == "timestamp" || type == "double" || type == "counter") return 8;
  if (type == "int" || type == "float") return 4;
  if (type == "smallint") return 2;
  if (type == "tinyint" || type == "boolean") return 1;
  if (type == "uuid" || type == "timeuuid") return 16;
  return std::nullopt;
}

bool is_integer(std::string_view type) {
  return type == "bigint" || type == "int" || type == "smallint" || type == "tinyint" ||
         type == "timestamp";
}

/// Below 0, 0, above 0.
int compare_cells(std::string_view type, std::string_view a, std::string_view b) {
  if (is_integer(type)) {
    const auto left = number_of_bytes(a);
    const auto right = number_of_bytes(b);
    return left < right ? -1 : (left > right ? 1 : 0);
  }
  if (type != "text" && type != "blob" && type != "ascii" && type != "boolean") {
    throw FakeError{RF_INVALID,
                    fmt::format("the driver of the tests has no order for the type {}", type)};
  }
  return a.compare(b);
}

bool fits(int order, std::string_view comparison) {
  if (comparison == "=") return order == 0;
  if (comparison == "<") return order < 0;
  if (comparison == "<=") return order <= 0;
  if (comparison == ">") return order > 0;
  return order >= 0;
}

std::string uuid_bytes(const std::string& text) {
  std::string bytes;
  std::string digits;
  for (const char c : text) {
    if (c == '-') continue;
    digits += c;
    if (digits.size() < 2) continue;
    unsigned byte = 0;
    std::from_chars(digits.data(), digits.data() + 2, byte, 16);
    bytes += static_cast<char>(byte);
    digits.clear();
  }
  return bytes;
}

FakeCell value_of(const FakeStatement& statement, const FakeTerm& term, std::string_view type,
                  const std::vector<FakeCell>& values) {
  FakeCell cell;
  switch (term.kind) {
    case FakeTerm::Kind::kMarker:
      cell = values.at(term.marker);
      break;
    case FakeTerm::Kind::kText:
      cell = term.text;
      break;
    case FakeTerm::Kind::kTrue:
      cell = std::string(1, '\1');
      break;
    case FakeTerm::Kind::kFalse:
      cell = std::string(1, '\0');
      break;
    case FakeTerm::Kind::kNull:
      break;
    case FakeTerm::Kind::kNumber: {
      if (type == "uuid") {
        cell = uuid_bytes(term.text);
        break;
      }
      std::int64_t number = 0;
      const char* const end = term.text.data() + term.text.size();
      if (std::from_chars(term.text.data(), end, number).ptr != end || !is_integer(type))
        refuse_statement(statement, fmt::format("{} is no {}", term.text, type));
      cell = number_bytes(number, *size_of_type(type));
      break;
    }
  }
  const auto size = size_of_type(type);
  if (cell && size && cell->size() != *size) {
    refuse_statement(statement,
                     fmt::format("a value of {} bytes for the type {}", cell->size(), type));
  }
  return cell;
}

/// Any function of the key that spreads well serves: nobody but the server reckons tokens.
std::int64_t token_of(const std::vector<std::string>& partition) {
  std::uint64_t hash = 0xcbf29ce484222325;
  const auto mix = [&hash](std::uint64_t value) {
    hash ^= value;
    hash *= 0xbf58476d1ce4e5b9;
    hash ^= hash >> 29;
  };
  for (const auto& cell : partition) {
    for (const char c : cell) mix(static_cast<unsigned char>(c));
    mix(0x100 + cell.size());
  }
  mix(0x94d049bb133111eb);
  mix(hash >> 31);
  const auto token = static_cast<std::int64_t>(hash);
  // As of Murmur3Partitioner: the least one is none.
  return token == std::numeric_limits<std::int64_t>::min()
             ? std::numeric_limits<std::int64_t>::max()
             : token;
}

void append_text(std::string& to, std::string_view text) {
  to += number_bytes(static_cast<std::int64_t>(text.size()), 4);
  to += text;
}

std::string map_bytes(const std::vector<std::pair<std::string, std::string>>& map) {
  std::string bytes = number_bytes(static_cast<std::int64_t>(map.size()), 4);
  for (const auto& [key, value] : map) {
    append_text(bytes, key);
    append_text(bytes,
                key == "class" ? fmt::format("org.apache.cassandra.locator.{}", value) : value);
  }
  return bytes;
}

/// Of one item.
std::string set_bytes(std::string_view item) {
  std::string bytes = number_bytes(1, 4);
  append_text(bytes, item);
  return bytes;
}

bool is_system(const std::string& keyspace) {
  return keyspace == kSystem || keyspace == kSystemSchema;
}

}  // namespace

bool FakeTables::Less::operator()(const Key& a, const Key& b) const {
  if (a.token != b.token) return a.token < b.token;
  if (a.partition != b.partition) return a.partition < b.partition;
  for (std::size_t i = 0; i < std::min(a.clustering.size(), b.clustering.size()); ++i) {
    const int order = compare_cells(clustering[i].type, a.clustering[i], b.clustering[i]);
    if (order != 0) return clustering[i].descending ? order > 0 : order < 0;
  }
  return a.clustering.size() < b.clustering.size();
}

const FakeTables::Table& FakeTables::table_of(const FakeStatement& statement) const {
  const auto keyspace = keyspaces_.find(statement.keyspace);
  if (keyspace == keyspaces_.end()) {
    throw FakeError{RF_UNKNOWN_TABLE,
                    fmt::format("keyspace {} does not exist", statement.keyspace)};
  }
  const auto table = keyspace->second.tables.find(statement.table);
  if (table == keyspace->second.tables.end())
    throw FakeError{RF_UNKNOWN_TABLE, fmt::format("unconfigured table {}", statement.table)};
  return table->second;
}

void FakeTables::check(const FakeStatement& statement) const {
  using Kind = FakeStatement::Kind;
  if (statement.kind == Kind::kCreateKeyspace || statement.kind == Kind::kCreateTable ||
      statement.kind == Kind::kDropTable || is_system(statement.keyspace)) {
    return;
  }
  const Table& table = table_of(statement);
  const auto column = [&](const std::string& name) -> const FakeColumn& {
    const auto found = std::ranges::find(table.columns, name, &FakeColumn::name);
    if (found == table.columns.end())
      refuse_statement(statement, fmt::format("undefined column name {}", name));
    return *found;
  };
  for (const auto& [name, term] : statement.sets) column(name);
  for (const auto& selected : statement.selected) {
    if (!selected.token) column(selected.column);
  }
  for (const auto& condition : statement.conditions) column(condition.columns[0]);
  std::vector<std::string> partition;
  for (const auto& each : table.columns) {
    if (each.kind == FakeColumn::Kind::kPartition) partition.push_back(each.name);
  }
  std::size_t named = 0;
  std::map<std::string, std::size_t> relations;
  std::set<std::string> equal;
  for (const auto& condition : statement.where) {
    if (condition.token) continue;
    for (const auto& name : condition.columns) {
      ++relations[name];
      if (condition.comparison == "=") equal.insert(name);
    }
  }
  for (const auto& name : equal) {
    if (relations[name] > 1) {
      refuse_statement(statement, fmt::format("{} cannot be restricted by more than one relation "
                                              "if it includes an Equal",
                                              name));
    }
  }
  for (const auto& condition : statement.where) {
    if (condition.token && condition.columns != partition)
      refuse_statement(statement, "token() is not of the partition key");
    for (const auto& name : condition.columns) {
      const auto kind = column(name).kind;
      if (kind == FakeColumn::Kind::kRegular && !statement.filtering)
        refuse_statement(statement, "ALLOW FILTERING is missing");
      if (kind == FakeColumn::Kind::kPartition && !condition.token) {
        if (condition.comparison != "=")
          refuse_statement(statement, "the partition key only by '=' and token()");
        ++named;
      }
    }
  }
  const bool reads = statement.kind == Kind::kSelect;
  if (named != partition.size() && !statement.filtering &&
      (named != 0 || (!reads && statement.kind != Kind::kInsert)))
    refuse_statement(statement, "a part of the partition key is missing");
}

FakeTables::Key FakeTables::key_of(const Table& table, const FakeStatement& statement,
                                   const std::vector<FakeCell>& values) const {
  Key key;
  const auto find = [&](const FakeColumn& column) -> FakeCell {
    for (const auto& [name, term] : statement.sets) {
      if (name == column.name) return value_of(statement, term, column.type, values);
    }
    for (const auto& condition : statement.where) {
      if (!condition.token && condition.columns.size() == 1 &&
          condition.columns[0] == column.name && condition.comparison == "=") {
        return value_of(statement, condition.terms[0], column.type, values);
      }
    }
    return std::nullopt;
  };
  for (const auto& column : table.columns) {
    if (column.kind == FakeColumn::Kind::kRegular) break;
    const auto found = find(column);
    if (!found) refuse_statement(statement, fmt::format("{} is missing", column.name));
    (column.kind == FakeColumn::Kind::kPartition ? key.partition : key.clustering)
        .push_back(*found);
  }
  key.token = token_of(key.partition);
  return key;
}

std::optional<std::int64_t> FakeTables::token(const FakeStatement& statement,
                                              const std::vector<FakeCell>& values) const {
  using Kind = FakeStatement::Kind;
  if (is_system(statement.keyspace) || statement.kind == Kind::kCreateKeyspace ||
      statement.kind == Kind::kCreateTable || statement.kind == Kind::kDropTable) {
    return std::nullopt;
  }
  const Table& table = table_of(statement);
  std::vector<std::string> partition;
  for (const auto& column : table.columns) {
    if (column.kind != FakeColumn::Kind::kPartition) break;
    FakeCell cell;
    for (const auto& [name, term] : statement.sets) {
      if (name == column.name) cell = value_of(statement, term, column.type, values);
    }
    for (const auto& condition : statement.where) {
      if (!condition.token && condition.columns[0] == column.name)
        cell = value_of(statement, condition.terms[0], column.type, values);
    }
    if (!cell) return std::nullopt;
    partition.push_back(*cell);
  }
  return token_of(partition);
}

std::optional<std::int64_t> FakeTables::last_token(const FakeStatement& statement,
                                                   const std::vector<FakeCell>& values) {
  std::optional<std::int64_t> last;
  for (const auto& condition : statement.where) {
    if (!condition.token) continue;
    const auto bound = value_of(statement, condition.terms[0], "bigint", values);
    if (!last) last = std::numeric_limits<std::int64_t>::max();
    if (bound && condition.comparison == "<=") last = number_of_bytes(*bound);
  }
  return last;
}

int FakeTables::copies(const std::string& keyspace) const {
  const auto found = keyspaces_.find(keyspace);
  if (found == keyspaces_.end()) return 0;
  int copies = 0;
  for (const auto& [key, value] : found->second.replication) {
    int factor = 0;
    std::from_chars(value.data(), value.data() + value.size(), factor);
    copies += factor;
  }
  return copies;
}

bool FakeTables::lives(const Row& row) const {
  if (row.inserted) return true;
  return std::ranges::any_of(row.values, [this](const auto& each) {
    return !each.second.expires || *each.second.expires > now();
  });
}

FakeCell FakeTables::cell(const Table& table, const Key& key, const Row& row,
                          const std::string& name) const {
  std::size_t partition = 0;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const FakeColumn& column = table.columns[i];
    if (column.kind == FakeColumn::Kind::kPartition) ++partition;
    if (column.name != name) continue;
    if (column.kind == FakeColumn::Kind::kPartition) return key.partition[i];
    if (column.kind == FakeColumn::Kind::kClustering) return key.clustering[i - partition];
    const auto found = row.values.find(name);
    if (found == row.values.end()) return std::nullopt;
    if (found->second.expires && *found->second.expires <= now()) return std::nullopt;
    return found->second.bytes;
  }
  return std::nullopt;
}

bool FakeTables::passes(const Table& table, const Key& key, const Row& row,
                        const FakeCondition& condition, const std::vector<FakeCell>& values) const {
  static const FakeStatement kNone;
  if (condition.token) {
    const auto bound = value_of(kNone, condition.terms[0], "bigint", values);
    if (!bound) return false;
    const auto token = number_of_bytes(*bound);
    return fits(key.token < token ? -1 : (key.token > token ? 1 : 0), condition.comparison);
  }
  int order = 0;
  for (std::size_t i = 0; i < condition.columns.size() && order == 0; ++i) {
    const auto column = std::ranges::find(table.columns, condition.columns[i], &FakeColumn::name);
    const auto expected = value_of(kNone, condition.terms[i], column->type, values);
    const auto found = cell(table, key, row, column->name);
    if (!found || !expected)
      return condition.comparison == "=" && !found.has_value() && !expected.has_value();
    if (condition.comparison == "=") {
      if (*found != *expected) return false;
    } else {
      order = compare_cells(column->type, *found, *expected);
    }
  }
  return fits(order, condition.comparison);
}

/// Keys of at most so many rows, in the order of the ring; 0: of all.
std::vector<FakeTables::Key> FakeTables::matching(const Table& table,
                                                  const FakeStatement& statement,
                                                  const std::vector<FakeCell>& values,
                                                  const std::optional<std::string>& paging_state,
                                                  std::size_t rows_max) const {
  Key begin;
  begin.token = std::numeric_limits<std::int64_t>::min();
  auto at = table.rows.begin();
  const auto single = token(statement, values);
  if (single) begin.token = *single;
  for (const auto& condition : statement.where) {
    if (!condition.token || !condition.comparison.starts_with('>')) continue;
    if (const auto bound = value_of(statement, condition.terms[0], "bigint", values))
      begin.token = std::max(begin.token, number_of_bytes(*bound));
  }
  at = table.rows.lower_bound(begin);
  if (paging_state) {
    // The key of the last row that was handed out.
    Key last;
    std::string_view rest = *paging_state;
    const auto take = [&rest](std::size_t size) {
      const auto taken = rest.substr(0, size);
      rest.remove_prefix(std::min(size, rest.size()));
      return taken;
    };
    last.token = number_of_bytes(take(8));
    std::size_t cells = 0;
    while (!rest.empty()) {
      const auto size = static_cast<std::size_t>(number_of_bytes(take(4)));
      const bool of_partition =
          cells < table.columns.size() && table.columns[cells].kind == FakeColumn::Kind::kPartition;
      (of_partition ? last.partition : last.clustering).emplace_back(take(size));
      ++cells;
    }
    at = table.rows.upper_bound(last);
    if (statement.distinct) {
      while (at != table.rows.end() && at->first.token == last.token &&
             at->first.partition == last.partition) {
        ++at;
      }
    }
  }
  const auto end = single ? single : last_token(statement, values);
  std::vector<Key> keys;
  for (; at != table.rows.end(); ++at) {
    const auto& [key, row] = *at;
    if (end && key.token > *end) break;
    if (!lives(row)) continue;
    if (statement.distinct && !keys.empty() && keys.back().partition == key.partition) continue;
    const auto holds = [&](const FakeCondition& condition) {
      return passes(table, key, row, condition, values);
    };
    if (!std::ranges::all_of(statement.where, holds)) continue;
    keys.push_back(key);
    if (keys.size() == rows_max) break;
  }
  return keys;
}

FakeRows FakeTables::select(const Table& table, const FakeStatement& statement,
                            const std::vector<FakeCell>& values, std::int32_t page_rows,
                            const std::optional<std::string>& paging_state) const {
  FakeRows result;
  std::vector<FakeSelected> selected = statement.selected;
  if (selected.empty()) {
    for (const auto& column : table.columns) selected.push_back({false, column.name});
  }
  for (const auto& each : selected)
    result.names.push_back(each.token ? "system.token" : each.column);
  std::size_t rows_max = page_rows > 0 ? static_cast<std::size_t>(page_rows) : 0;
  if (statement.limit) rows_max = *statement.limit;
  const auto keys = matching(table, statement, values, paging_state, rows_max);
  for (const auto& key : keys) {
    const Row& row = table.rows.at(key);
    auto& cells = result.rows.emplace_back();
    for (const auto& each : selected) {
      cells.push_back(each.token ? FakeCell(number_bytes(key.token, 8))
                                 : cell(table, key, row, each.column));
    }
  }
  // As Cassandra does: a full page does not know whether it is the last.
  if (page_rows > 0 && !statement.limit && keys.size() == rows_max) {
    std::string state = number_bytes(keys.back().token, 8);
    for (const auto& each : keys.back().partition) append_text(state, each);
    for (const auto& each : keys.back().clustering) append_text(state, each);
    result.paging_state = std::move(state);
  }
  return result;
}

void FakeTables::write(Table& table, const FakeStatement& statement,
                       const std::vector<FakeCell>& values, const Key& key) {
  std::optional<Clock::time_point> expires;
  if (statement.ttl) {
    const auto seconds = value_of(statement, *statement.ttl, "int", values);
    if (seconds) expires = now() + std::chrono::seconds(number_of_bytes(*seconds));
  }
  Row& row = table.rows[key];
  if (statement.kind == FakeStatement::Kind::kInsert) row.inserted = true;
  for (const auto& [name, term] : statement.sets) {
    const auto column = std::ranges::find(table.columns, name, &FakeColumn::name);
    if (column->kind != FakeColumn::Kind::kRegular) continue;
    const auto value = value_of(statement, term, column->type, values);
    if (value) {
      row.values[name] = {*value, expires};
    } else {
      row.values.erase(name);
    }
  }
}

std::optional<FakeRows> FakeTables::change(Table& table, const FakeStatement& statement,
                                           const std::vector<FakeCell>& values) {
  if (statement.kind == FakeStatement::Kind::kDelete) {
    for (const auto& key : matching(table, statement, values, std::nullopt, 0))
      table.rows.erase(key);
    return std::nullopt;
  }
  const Key key = key_of(table, statement, values);
  if (!statement.is_transaction()) {
    write(table, statement, values, key);
    return std::nullopt;
  }
  const auto found = table.rows.find(key);
  const bool is_there = found != table.rows.end() && lives(found->second);
  bool applied = statement.if_not_exists ? !is_there : is_there;
  for (const auto& condition : statement.conditions)
    applied = applied && passes(table, key, found->second, condition, values);
  if (applied) write(table, statement, values, key);
  FakeRows result;
  result.names = {"[applied]"};
  result.rows = {{std::string(1, applied ? '\1' : '\0')}};
  return result;
}

std::optional<FakeRows> FakeTables::execute(const FakeStatement& statement,
                                            const std::vector<FakeCell>& values,
                                            std::int32_t page_rows,
                                            const std::optional<std::string>& paging_state) {
  using Kind = FakeStatement::Kind;
  if (values.size() != statement.markers) {
    refuse_statement(statement,
                     fmt::format("{} values for {} markers", values.size(), statement.markers));
  }
  if (statement.kind == Kind::kCreateKeyspace) {
    const bool made =
        keyspaces_.try_emplace(statement.keyspace, Keyspace{statement.replication, {}}).second;
    if (!made && !statement.if_not_exists)
      throw FakeError{RF_EXISTS, fmt::format("keyspace {} exists", statement.keyspace)};
    return std::nullopt;
  }
  if (is_system(statement.keyspace)) {
    if (statement.kind != Kind::kSelect) refuse_statement(statement, "a table of the system");
    return select_system(statement, values);
  }
  const auto keyspace = keyspaces_.find(statement.keyspace);
  if (keyspace == keyspaces_.end()) {
    throw FakeError{RF_UNKNOWN_TABLE,
                    fmt::format("keyspace {} does not exist", statement.keyspace)};
  }
  auto& tables = keyspace->second.tables;
  if (statement.kind == Kind::kCreateTable) {
    if (tables.contains(statement.table)) {
      if (statement.if_not_exists) return std::nullopt;
      throw FakeError{RF_EXISTS, fmt::format("table {} exists", statement.table)};
    }
    std::vector<FakeColumn> clustering;
    for (const auto& column : statement.columns) {
      if (column.kind == FakeColumn::Kind::kClustering) clustering.push_back(column);
    }
    std::string id = statement.id;
    if (id.empty()) id = fmt::format("{:08x}-0000-4000-8000-000000000000", ++tables_made_);
    tables.emplace(statement.table, Table{statement.columns, uuid_bytes(id), statement.comment,
                                          std::map<Key, Row, Less>(Less{clustering})});
    return std::nullopt;
  }
  check(statement);
  if (statement.kind == Kind::kDropTable) {
    if (tables.erase(statement.table) == 0)
      throw FakeError{RF_UNKNOWN_TABLE, fmt::format("table {} doesn't exist", statement.table)};
    return std::nullopt;
  }
  Table& table = tables.at(statement.table);
  if (statement.kind == Kind::kSelect)
    return select(table, statement, values, page_rows, paging_state);
  return change(table, statement, values);
}

// ---- tables of the system ----

FakeRows FakeTables::system_rows(const FakeStatement& statement) const {
  FakeRows all;
  if (statement.keyspace == kSystem && statement.table == "local") {
    all.names = {"key", "cluster_name", "partitioner", "release_version"};
    all.rows = {{"local", "fake", "org.apache.cassandra.dht.Murmur3Partitioner", "5.0.6"}};
  } else if (statement.keyspace == kSystem && statement.table == "peers") {
    all.names = {"peer", "host_id"};  // a test has others by FakeAction::change
  } else if (statement.table == "keyspaces") {
    all.names = {"keyspace_name", "replication"};
    for (const auto& [name, keyspace] : keyspaces_)
      all.rows.push_back({name, map_bytes(keyspace.replication)});
  } else if (statement.table == "tables") {
    all.names = {"keyspace_name", "table_name", "id", "comment", "flags"};
    for (const auto& [name, keyspace] : keyspaces_) {
      for (const auto& [table_name, table] : keyspace.tables)
        all.rows.push_back({name, table_name, table.id, table.comment, set_bytes("compound")});
    }
  } else if (statement.table == "views") {
    all.names = {"keyspace_name", "view_name", "id", "comment"};
  } else if (statement.table == "column_masks") {
    all.names = {"keyspace_name", "table_name", "column_name"};
    for (const auto& [name, keyspace] : keyspaces_) {
      for (const auto& [table_name, table] : keyspace.tables) {
        for (const auto& column : table.columns) {
          if (column.masked) all.rows.push_back({name, table_name, column.name});
        }
      }
    }
  } else if (statement.table == "columns") {
    all.names = {"keyspace_name", "table_name",       "column_name", "kind",
                 "position",      "clustering_order", "type"};
    for (const auto& [name, keyspace] : keyspaces_) {
      for (const auto& [table_name, table] : keyspace.tables) {
        std::int64_t position = 0;
        auto last = FakeColumn::Kind::kPartition;
        for (const auto& column : table.columns) {
          if (column.kind != std::exchange(last, column.kind)) position = 0;
          const bool clustering = column.kind == FakeColumn::Kind::kClustering;
          const bool regular = column.kind == FakeColumn::Kind::kRegular;
          all.rows.push_back({name, table_name, column.name,
                              regular ? "regular" : (clustering ? "clustering" : "partition_key"),
                              number_bytes(regular ? -1 : position++, 4),
                              clustering ? (column.descending ? "desc" : "asc") : "none",
                              column.type});
        }
      }
    }
  } else {
    throw FakeError{RF_UNKNOWN_TABLE, fmt::format("unconfigured table {}", statement.table)};
  }
  return all;
}

FakeRows FakeTables::select_system(const FakeStatement& statement,
                                   const std::vector<FakeCell>& values) const {
  const FakeRows all = system_rows(statement);
  const auto place = [&](const std::string& name) {
    const auto found = std::ranges::find(all.names, name);
    if (found == all.names.end())
      refuse_statement(statement, fmt::format("undefined column name {}", name));
    return static_cast<std::size_t>(found - all.names.begin());
  };
  FakeRows result;
  std::vector<std::size_t> places;
  for (const auto& selected : statement.selected) places.push_back(place(selected.column));
  if (places.empty()) {
    for (std::size_t i = 0; i < all.names.size(); ++i) places.push_back(i);
  }
  for (const auto each : places) result.names.push_back(all.names[each]);
  for (const auto& row : all.rows) {
    bool holds = true;
    for (const auto& condition : statement.where) {
      if (condition.token || condition.comparison != "=")
        refuse_statement(statement, "tables of the system only by '='");
      holds = holds && row[place(condition.columns[0])] ==
                           value_of(statement, condition.terms[0], "text", values);
    }
    if (!holds) continue;
    auto& cells = result.rows.emplace_back();
    for (const auto each : places) cells.push_back(row[each]);
  }
  return result;
}

}  // namespace ringfeed::testing
