// A reader of the CQL that src/ writes.
#include <fmt/format.h>
#include <ringfeed_driver.h>

#include <algorithm>
#include <charconv>

#include "store_cassandra/fake_tables.hpp"

namespace ringfeed::testing {
namespace {

struct FakeToken {
  enum class Kind { kWord, kQuoted, kText, kNumber, kMark, kEnd };
  Kind kind = Kind::kEnd;
  std::string text;
};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string lower_case(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

class StatementReader {
 public:
  explicit StatementReader(std::string_view cql) : cql_(cql) { cut(); }

  FakeStatement read() {
    statement_.cql = cql_;
    if (takes("select")) {
      read_select();
    } else if (takes("insert")) {
      read_insert();
    } else if (takes("update")) {
      read_update();
    } else if (takes("delete")) {
      statement_.kind = FakeStatement::Kind::kDelete;
      expect("from");
      read_table_name();
      expect("where");
      statement_.where = read_conditions();
    } else if (takes("create")) {
      takes("table") ? read_create_table() : read_create_keyspace();
    } else if (takes("drop")) {
      statement_.kind = FakeStatement::Kind::kDropTable;
      expect("table");
      read_table_name();
    } else {
      refuse();
    }
    if (peek().kind != FakeToken::Kind::kEnd) refuse();
    return std::move(statement_);
  }

 private:
  [[noreturn]] void refuse() const {
    throw FakeError{RF_INVALID, fmt::format("the driver of the tests does not know '{}' in: {}",
                                            tokens_[at_].text, cql_)};
  }

  void cut() {
    std::size_t i = 0;
    while (i < cql_.size()) {
      const char c = cql_[i];
      if (c == ' ' || c == '\n') {
        ++i;
      } else if (c == '"' || c == '\'') {
        FakeToken token{c == '"' ? FakeToken::Kind::kQuoted : FakeToken::Kind::kText, ""};
        for (++i; i < cql_.size(); ++i) {
          if (cql_[i] == c && (i + 1 == cql_.size() || cql_[i + 1] != c)) break;
          if (cql_[i] == c) ++i;  // doubled
          token.text += cql_[i];
        }
        ++i;
        tokens_.push_back(std::move(token));
      } else if (is_letter(c) || is_digit(c) || c == '-') {
        const std::size_t begin = i;
        const bool word = is_letter(c);
        while (i < cql_.size() && (is_letter(cql_[i]) || is_digit(cql_[i]) || cql_[i] == '-')) ++i;
        tokens_.push_back({word ? FakeToken::Kind::kWord : FakeToken::Kind::kNumber,
                           std::string(cql_.substr(begin, i - begin))});
      } else {
        std::string mark(1, c);
        if ((c == '<' || c == '>') && i + 1 < cql_.size() && cql_[i + 1] == '=') mark += '=';
        i += mark.size();
        tokens_.push_back({FakeToken::Kind::kMark, std::move(mark)});
      }
    }
    tokens_.push_back({FakeToken::Kind::kEnd, "the end"});
  }

  const FakeToken& peek() const { return tokens_[at_]; }
  FakeToken next() {
    FakeToken token = tokens_[at_];
    if (at_ + 1 < tokens_.size()) ++at_;
    return token;
  }
  bool is(std::string_view text) const {
    const FakeToken& token = peek();
    return (token.kind == FakeToken::Kind::kWord || token.kind == FakeToken::Kind::kMark) &&
           lower_case(token.text) == text;
  }
  bool takes(std::string_view text) {
    if (!is(text)) return false;
    next();
    return true;
  }
  void expect(std::string_view text) {
    if (!takes(text)) refuse();
  }

  std::string read_name() {
    if (peek().kind == FakeToken::Kind::kQuoted) return next().text;
    if (peek().kind != FakeToken::Kind::kWord) refuse();
    return lower_case(next().text);
  }

  void read_table_name() {
    statement_.keyspace = read_name();
    expect(".");
    statement_.table = read_name();
  }

  bool read_if_not_exists() {
    if (!takes("if")) return false;
    expect("not");
    expect("exists");
    return true;
  }

  FakeTerm read_term() {
    using Kind = FakeTerm::Kind;
    if (takes("?")) return {Kind::kMarker, statement_.markers++, ""};
    if (peek().kind == FakeToken::Kind::kText) return {Kind::kText, 0, next().text};
    if (peek().kind == FakeToken::Kind::kNumber) return {Kind::kNumber, 0, next().text};
    if (takes("true")) return {Kind::kTrue, 0, ""};
    if (takes("false")) return {Kind::kFalse, 0, ""};
    if (takes("null")) return {Kind::kNull, 0, ""};
    refuse();
  }

  std::vector<std::string> read_names() {
    std::vector<std::string> names;
    expect("(");
    do {
      names.push_back(read_name());
    } while (takes(","));
    expect(")");
    return names;
  }

  std::vector<FakeCondition> read_conditions() {
    std::vector<FakeCondition> conditions;
    do {
      FakeCondition condition;
      bool is_tuple = false;
      if (takes("token")) {
        condition.token = true;
        condition.columns = read_names();
      } else if (is("(")) {
        is_tuple = true;
        condition.columns = read_names();
      } else {
        condition.columns = {read_name()};
      }
      condition.comparison = next().text;
      static constexpr std::string_view kComparisons[] = {"=", "<", "<=", ">", ">="};
      if (std::ranges::find(kComparisons, condition.comparison) == std::end(kComparisons)) refuse();
      if (is_tuple) expect("(");
      do {
        condition.terms.push_back(read_term());
      } while (is_tuple && takes(","));
      if (is_tuple) expect(")");
      const std::size_t expected = is_tuple ? condition.columns.size() : 1;
      if (condition.terms.size() != expected) refuse();
      conditions.push_back(std::move(condition));
    } while (takes("and"));
    return conditions;
  }

  void read_select() {
    statement_.kind = FakeStatement::Kind::kSelect;
    statement_.distinct = takes("distinct");
    if (!takes("*")) {
      do {
        FakeSelected selected;
        if (is("token") && tokens_[at_ + 1].text == "(") {
          next();
          selected.token = true;
          read_names();
        } else {
          selected.column = read_name();
        }
        statement_.selected.push_back(std::move(selected));
      } while (takes(","));
    }
    expect("from");
    read_table_name();
    if (takes("where")) statement_.where = read_conditions();
    if (takes("limit")) {
      std::size_t limit = 0;
      const std::string text = next().text;
      std::from_chars(text.data(), text.data() + text.size(), limit);
      if (limit == 0) refuse();
      statement_.limit = limit;
    }
    if (takes("allow")) {
      expect("filtering");
      statement_.filtering = true;
    }
  }

  void read_insert() {
    statement_.kind = FakeStatement::Kind::kInsert;
    expect("into");
    read_table_name();
    const auto names = read_names();
    expect("values");
    expect("(");
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (i > 0) expect(",");
      statement_.sets.emplace_back(names[i], read_term());
    }
    expect(")");
    statement_.if_not_exists = read_if_not_exists();
  }

  void read_update() {
    statement_.kind = FakeStatement::Kind::kUpdate;
    read_table_name();
    if (takes("using")) {
      expect("ttl");
      statement_.ttl = read_term();
    }
    expect("set");
    do {
      std::string name = read_name();
      expect("=");
      statement_.sets.emplace_back(std::move(name), read_term());
    } while (takes(","));
    expect("where");
    statement_.where = read_conditions();
    if (takes("if")) statement_.conditions = read_conditions();
  }

  std::vector<std::pair<std::string, std::string>> read_map() {
    std::vector<std::pair<std::string, std::string>> map;
    expect("{");
    do {
      std::string key = next().text;
      expect(":");
      map.emplace_back(std::move(key), next().text);
    } while (takes(","));
    expect("}");
    return map;
  }

  void read_create_keyspace() {
    statement_.kind = FakeStatement::Kind::kCreateKeyspace;
    expect("keyspace");
    statement_.if_not_exists = read_if_not_exists();
    statement_.keyspace = read_name();
    expect("with");
    expect("replication");
    expect("=");
    statement_.replication = read_map();
  }

  /// "frozen<list<int>>", "vector<float, 3>".
  std::string read_type() {
    std::string type = read_name();
    if (!takes("<")) return type;
    type += "<";
    if (peek().kind == FakeToken::Kind::kNumber) refuse();
    type += read_type();
    while (takes(",")) type += ", " + next().text;
    expect(">");
    return type + ">";
  }

  void set_kind(const std::string& name, FakeColumn::Kind kind) {
    const auto found = std::ranges::find(statement_.columns, name, &FakeColumn::name);
    if (found == statement_.columns.end()) refuse();
    FakeColumn column = *found;
    column.kind = kind;
    statement_.columns.erase(found);
    keys_.push_back(std::move(column));
  }

  void read_primary_key() {
    expect("(");
    std::vector<std::string> partition;
    if (is("(")) {
      partition = read_names();
    } else {
      partition = {read_name()};
    }
    std::vector<std::string> clustering;
    while (takes(",")) clustering.push_back(read_name());
    expect(")");
    for (const auto& name : partition) set_kind(name, FakeColumn::Kind::kPartition);
    for (const auto& name : clustering) set_kind(name, FakeColumn::Kind::kClustering);
  }

  void read_create_table() {
    statement_.kind = FakeStatement::Kind::kCreateTable;
    statement_.if_not_exists = read_if_not_exists();
    read_table_name();
    expect("(");
    do {
      if (is("primary")) {
        next();
        expect("key");
        read_primary_key();
        continue;
      }
      FakeColumn column;
      column.name = read_name();
      column.type = read_type();
      column.masked = takes("masked");
      if (column.masked) {
        expect("with");
        expect("default");
      }
      statement_.columns.push_back(column);
      if (takes("primary")) {
        expect("key");
        set_kind(column.name, FakeColumn::Kind::kPartition);
      }
    } while (takes(","));
    expect(")");
    if (keys_.empty()) refuse();
    if (takes("with")) {
      do {
        read_table_option();
      } while (takes("and"));
    }
    std::ranges::sort(statement_.columns, {}, &FakeColumn::name);
    statement_.columns.insert(statement_.columns.begin(), keys_.begin(), keys_.end());
  }

  void read_table_option() {
    if (takes("clustering")) {
      expect("order");
      expect("by");
      expect("(");
      do {
        const std::string name = read_name();
        const auto found = std::ranges::find(keys_, name, &FakeColumn::name);
        if (found == keys_.end()) refuse();
        found->descending = takes("desc");
        if (!found->descending) takes("asc");
      } while (takes(","));
      return expect(")");
    }
    const std::string option = read_name();
    expect("=");
    if (option == "id") {
      statement_.id = next().text;
    } else if (option == "comment") {
      statement_.comment = next().text;
    } else if (option == "compression" || option == "caching") {
      read_map();
    } else {
      refuse();
    }
  }

  const std::string_view cql_;
  std::vector<FakeToken> tokens_;
  std::size_t at_ = 0;
  FakeStatement statement_;
  std::vector<FakeColumn> keys_;
};

}  // namespace

FakeStatement parse_fake_statement(std::string_view cql) { return StatementReader(cql).read(); }

}  // namespace ringfeed::testing
