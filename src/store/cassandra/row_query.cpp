// CQL of reading rows. Names are quoted, everything else is bound.
#include "store/cassandra/row_query.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ringfeed/error.hpp>
#include <set>
#include <utility>

#include "cql/identifier.hpp"

namespace ringfeed::cassandra {
namespace {

/// "(\"a\", \"b\") > (?, ?)".
std::string bound_text(const std::vector<rows::KeyColumn>& clustering, std::size_t count,
                       std::string_view comparison) {
  std::vector<std::string> names;
  std::string marks;
  for (std::size_t i = 0; i < count; ++i) {
    names.push_back(clustering[i].name);
    marks += i == 0 ? "?" : ", ?";
  }
  return fmt::format(" AND ({}) {} ({})", quoted_list(names), comparison, marks);
}

std::vector<std::string> mapped_names(const std::vector<rows::RowColumn>& columns) {
  std::vector<std::string> names;
  for (const auto& column : columns) names.push_back(column.name);
  return names;
}

}  // namespace

std::vector<std::string> read_names(const rows::RowIndex& index) {
  const std::optional<std::string> split =
      index.split_column ? std::optional(index.split_column->name) : std::nullopt;
  return RowColumns(index.partition_key, index.clustering, mapped_names(index.columns), split)
      .names;
}

RowColumns::RowColumns(const std::vector<rows::KeyColumn>& partition_key,
                       const std::vector<rows::KeyColumn>& clustering_key,
                       const std::vector<std::string>& mapped_names,
                       const std::optional<std::string>& split_column)
    : partition(partition_key.size()), clustering(clustering_key.size()) {
  for (const auto* const key : {&partition_key, &clustering_key}) {
    for (const auto& column : *key) names.push_back(column.name);
  }
  for (const auto& name : mapped_names) mapped.push_back(place(name));
  if (split_column) split = place(*split_column);
}

std::size_t RowColumns::place(const std::string& name) {
  const auto found = std::ranges::find(names, name);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  names.push_back(name);
  return names.size() - 1;
}

std::string key_text(const rows::RowIndex& index, std::span<const std::string_view> key) {
  std::string text;
  for (std::size_t i = 0; i < key.size(); ++i) {
    const std::size_t of_partition = index.partition_key.size();
    const auto& column =
        i < of_partition ? index.partition_key[i] : index.clustering[i - of_partition];
    text += fmt::format("{}{}={}", i == 0 ? "" : ", ", column.name,
                        rows::cell_text(column.type, key[i]));
  }
  return text;
}

RowQuery::RowQuery(const RowTable& table, const rows::RowIndex& index,
                   const std::vector<rows::RowColumn>& columns,
                   const std::optional<std::string>& split)
    : table_(table),
      index_(index),
      split_(split),
      columns_(index.partition_key, index.clustering, mapped_names(columns), std::nullopt) {}

std::string RowQuery::condition(const rows::RowBlock& block) const {
  std::string text;
  if (block.partition.empty()) {
    const std::string token = fmt::format("token({})", table_.partition_key_text());
    text = fmt::format("{} > ? AND {} <= ?", token, token);
  } else {
    for (const auto& column : index_.partition_key) {
      text +=
          fmt::format("{}{} = ?", text.empty() ? "" : " AND ", cql::quote_identifier(column.name));
    }
  }
  const bool descending = !index_.clustering.empty() && index_.clustering[0].descending;
  const SplitBy by = split_by(block);
  // From the split's first row, where the run has no bound of its own; likewise to its last.
  const bool from_split = by == SplitBy::kBounds && block.behind.empty();
  const bool to_split = by == SplitBy::kBounds && block.last.empty();
  if (!block.behind.empty() || from_split) {
    const std::string_view beyond = from_split ? "=" : "";
    text += bound_text(index_.clustering, from_split ? 1 : block.behind.size(),
                       fmt::format("{}{}", descending ? "<" : ">", beyond));
  }
  if (!block.last.empty() || to_split)
    text +=
        bound_text(index_.clustering, to_split ? 1 : block.last.size(), descending ? ">=" : "<=");
  if (by == SplitBy::kEqual || by == SplitBy::kFilter)
    text += fmt::format(" AND {} = ?", cql::quote_identifier(index_.split_column->name));
  if (by == SplitBy::kFilter) text += " ALLOW FILTERING";
  return text;
}

RowQuery::SplitBy RowQuery::split_by(const rows::RowBlock& block) const {
  if (!split_) return SplitBy::kNothing;
  const std::string& name = index_.split_column->name;
  if (block.partition.empty()) return SplitBy::kFilter;
  if (table_.is_key(name) &&
      std::ranges::find(index_.clustering, name, &rows::KeyColumn::name) == index_.clustering.end())
    return SplitBy::kNothing;
  if (index_.clustering.empty() || index_.clustering[0].name != name) return SplitBy::kFilter;
  return block.behind.empty() && block.last.empty() ? SplitBy::kEqual : SplitBy::kBounds;
}

std::pair<cql::Statement, cql::Values> RowQuery::of(const rows::RowBlock& block) const {
  cql::Values values;
  if (block.partition.empty()) {
    values.bigint(block.after).bigint(block.upto);
  } else {
    for (const auto& cell : block.partition) values.view(cell);
  }
  const SplitBy by = split_by(block);
  for (const auto& cell : block.behind) values.view(cell);
  if (by == SplitBy::kBounds && block.behind.empty()) values.view(*split_);
  for (const auto& cell : block.last) values.view(cell);
  if (by == SplitBy::kBounds && block.last.empty()) values.view(*split_);
  if (by == SplitBy::kEqual || by == SplitBy::kFilter) values.view(*split_);
  const std::string where = condition(block);
  const std::lock_guard lock(mutex_);
  auto found = prepared_.find(where);
  if (found == prepared_.end()) {
    auto statement =
        table_.session().prepare(fmt::format("SELECT {} FROM {} WHERE {}",
                                             quoted_list(columns_.names), table_.quoted(), where),
                                 table_.where());
    found = prepared_.emplace(where, std::move(statement)).first;
  }
  return {found->second, std::move(values)};
}

void try_queries(const RowTable& table, const rows::RowIndex& index) {
  for (const auto& split : index.splits) {
    const RowQuery query(table, index, index.columns,
                         index.split_column ? std::optional(split.name) : std::nullopt);
    std::set<std::string> tried;
    for (const auto& block : split.blocks) {
      if (!tried.insert(query.condition(block)).second) continue;
      const auto [statement, values] = query.of(block);
      const auto& session = table.session();
      const auto answer =
          session.ask(statement, values,
                      {.consistency = session.connection().read_consistency, .page_rows = 1});
      if (!answer.failure || answer.failure->passes()) continue;
      const Error error = table.tables().error(*answer.failure);
      throw Error(error.code(),
                  fmt::format("{}; so the rows cannot be read{}", error.what(),
                              index.split_column ? "; without a split column nothing is filtered "
                                                   "by the server"
                                                 : ""));
    }
  }
}

}  // namespace ringfeed::cassandra
