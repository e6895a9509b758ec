// What a row takes is found by looking at a few, then the keys of all rows are read in the order of
// the ring and cut into blocks.
#include "store/cassandra/row_attach.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <ringfeed/error.hpp>
#include <utility>

#include "base/option.hpp"
#include "store/cassandra/row_pass.hpp"
#include "store/cassandra/row_query.hpp"
#include "store/rows/block_cutter.hpp"
#include "store/rows/index_folder.hpp"
#include "store/rows/mapping.hpp"

namespace ringfeed::cassandra {
namespace {

constexpr int kPlaces = 8;
constexpr double kSampleBytes = 256 * 1024;
constexpr double kSampleRowsMost = 500;
constexpr std::size_t kSplitsMost = 1024;

/// How far from one token to a later one, in the numbers of the ring.
double distance(std::int64_t from, std::int64_t to) {
  return static_cast<double>(to) - static_cast<double>(from);
}

/// Bytes that one row's sample has in a batch.
double sample_bytes(const rows::RowIndex& index, const RowColumns& columns, const cql::Rows& rows,
                    std::size_t row, std::size_t first) {
  double bytes = 0;
  for (std::size_t i = 0; i < index.columns.size(); ++i) {
    bool varies = false;
    bytes += static_cast<double>(rows::fixed_bytes(index.columns[i], varies));
    if (varies)
      bytes += static_cast<double>(rows.cell(row, first + columns.mapped[i]).value_or("").size());
  }
  return bytes;
}

cql::Rows ask_patiently(const RowTable& table, const cql::Statement& statement,
                        const cql::Values& values, cql::Request request,
                        RowConsistency& consistency) {
  constexpr int kTriesMost = 3;
  for (int tries = 1;; ++tries) {
    request.consistency = consistency.now();
    auto answer = table.session().ask_patiently(statement, values, request);
    if (!answer.failure) return std::move(answer.rows);
    if (consistency.step_down(*answer.failure, table.where())) continue;
    if (!answer.failure->passes() || tries == kTriesMost)
      throw table.tables().error(*answer.failure);
  }
}

/// A column of text is needed for splits.
void set_split_column(const RowTable& table, const std::string& name, rows::RowIndex& index) {
  if (name.empty()) return;
  const auto found = std::ranges::find(table.columns(), name, &RowTable::Column::name);
  if (found == table.columns().end() ||
      rows::CqlType::parse(found->type) !=
          rows::CqlType{rows::CqlType::Form::kScalar, rows::CqlKind::kText, 0}) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: {} {}: the table has no column of text with this name",
                            table.where(), option_name("split-column"), name));
  }
  index.split_column = rows::KeyColumn{found->name, found->type, false};
}

/// How many of the first clustering columns run in one direction: only by them a partition can be
/// cut. Nor by the split's column behind another one: it has a condition of its own.
std::size_t cut_columns(const rows::RowIndex& index) {
  const auto& clustering = index.clustering;
  std::size_t count = 0;
  while (count < clustering.size() && clustering[count].descending == clustering[0].descending &&
         (count == 0 || !index.split_column || clustering[count].name != index.split_column->name))
    ++count;
  return count;
}

/// Takes the rows of the pass, page by page, and cuts them into blocks.
class Cutting {
 public:
  Cutting(const RowTable& table, rows::RowIndex& index, const RowColumns& columns,
          double bytes_of_row)
      : table_(table), index_(index), columns_(columns), bytes_of_row_(bytes_of_row) {
    if (!index_.split_column) cutter_of("train");
  }

  void take(const cql::Rows& page) {
    std::vector<std::string_view> cells(columns_.names.size());
    for (std::size_t row = 0; row < page.size(); ++row) {
      for (std::size_t i = 0; i < cells.size(); ++i)
        cells[i] = page.cell(row, i + 1).value_or(std::string_view());
      if (!is_real_row(page, row, columns_, 1)) continue;
      take_row(page, row, cells);
    }
  }

  std::uint64_t rows() const noexcept { return rows_; }

  void finish() {
    for (auto& [name, cutter] : cutters_) index_.splits.push_back({name, cutter.finish()});
    if (index_.splits.empty()) index_.splits.push_back({"train", {}});
  }

 private:
  void take_row(const cql::Rows& page, std::size_t row,
                const std::vector<std::string_view>& cells) {
    rows::SeenRow seen;
    seen.token = page.bigint(row, 0);
    seen.partition = std::span(cells).first(columns_.partition);
    seen.clustering = std::span(cells).subspan(columns_.partition, columns_.clustering);
    double bytes = bytes_of_row_;
    if (index_.digest_values) {
      values_.clear();
      for (const auto place : columns_.mapped) values_.push_back(cells[place]);
      seen.values = values_;
      bytes = sample_bytes(index_, columns_, page, row, 1);
    }
    seen.bytes = static_cast<std::uint64_t>(std::llround(std::max(bytes, 1.0)));
    std::string split = "train";
    if (columns_.split) split = cells[*columns_.split];
    cutter_of(split).add(seen);
    ++rows_;
  }

  rows::BlockCutter& cutter_of(const std::string& split) {
    const auto found = cutters_.find(split);
    if (found != cutters_.end()) return found->second;
    if (!is_split_name(split) || cutters_.size() == kSplitsMost) {
      throw Error(
          ErrorCode::kBadData,
          fmt::format("{}: '{}' in column {} is no name of a split, or one too many; a name "
                      "has 1 to 64 letters, digits, '_', '-' and '.', and there are at "
                      "most {}",
                      table_.where(), split, index_.split_column->name, kSplitsMost));
    }
    return cutters_.emplace(split, rows::BlockCutter(index_.block_bytes, cut_columns(index_)))
        .first->second;
  }

  const RowTable& table_;
  rows::RowIndex& index_;
  const RowColumns& columns_;
  const double bytes_of_row_;
  std::map<std::string, rows::BlockCutter> cutters_;
  std::vector<std::string_view> values_;
  std::uint64_t rows_ = 0;
};

std::vector<std::string> names_of(const std::vector<rows::RowColumn>& columns) {
  std::vector<std::string> names;
  for (const auto& column : columns) names.push_back(column.name);
  return names;
}

/// Each row is told by its key: of a type that no driver knows it cannot be read.
void check_key(const RowTable& table) {
  for (const auto* const key : {&table.partition_key(), &table.clustering()}) {
    const auto unknown = std::ranges::find_if(*key, [](const rows::KeyColumn& column) {
      return column.type.find('\'') != std::string::npos;  // the name of a class of Cassandra's
    });
    if (unknown == key->end()) continue;
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: column {} of the key is of type {}, which cannot be read; copy the "
                    "rows into a table with another key",
                    table.where(), unknown->name, unknown->type));
  }
}

/// The index but for its columns and splits.
rows::RowIndex empty_index(const RowTable& table, const AttachOptions& options) {
  check_bounds("block-bytes", options.block_bytes);
  check_key(table);
  rows::RowIndex index;
  index.cluster = table.cluster();
  index.keyspace = table.url().keyspace;
  index.table = table.url().name;
  index.table_id = table.id();
  index.partition_key = table.partition_key();
  index.clustering = table.clustering();
  index.allow_nan = options.allow_nan;
  index.digest_values = options.digest_values;
  index.block_bytes = options.block_bytes;
  return index;
}

/// Reads the rows, in the order of the ring, into the blocks of the index.
void fill_index(const RowTable& table, const AttachOptions& options, RowConsistency& consistency,
                rows::RowIndex& index) {
  table.check_unmasked(read_names(index));
  const RowSample sample = sample_rows(table, index, consistency);
  const std::optional<std::string> split =
      index.split_column ? std::optional(index.split_column->name) : std::nullopt;
  const RowColumns columns(
      index.partition_key, index.clustering,
      options.digest_values ? names_of(index.columns) : std::vector<std::string>(), split);
  // Partitions of one row are told apart by their keys alone: nothing else need be read.
  const bool distinct = index.clustering.empty() && columns.names.size() == columns.partition;
  RowPass pass(table,
               fmt::format("SELECT {}token({}), {} FROM {}", distinct ? "DISTINCT " : "",
                           table.partition_key_text(), quoted_list(columns.names), table.quoted()),
               sample.bytes_on_server_most, sample.rows_total, consistency, options.stop);
  Cutting cutting(table, index, columns, sample.bytes_mapped);
  pass.run(
      [&](const cql::Rows& page) { cutting.take(page); },
      [&](std::size_t done, std::size_t pieces) {
        if (!options.progress) return;
        options.progress({cutting.rows(), static_cast<double>(done) / static_cast<double>(pieces)});
      });
  cutting.finish();
  try_queries(table, index);
}

}  // namespace

RowSample sample_rows(const RowTable& table, const rows::RowIndex& index,
                      RowConsistency& consistency) {
  // What has a type of this program's: others may be of types that no driver knows.
  std::vector<std::string> all;
  for (const auto& column : table.columns()) {
    const bool is_known = rows::CqlType::parse(column.type).kind != rows::CqlKind::kOther;
    if (is_known || table.is_key(column.name)) all.push_back(column.name);
  }
  RowColumns columns(index.partition_key, index.clustering, names_of(index.columns), std::nullopt);
  columns.names = all;  // of the table, in its order: the key's are the first
  for (std::size_t i = 0; i < columns.mapped.size(); ++i) {
    columns.mapped[i] =
        static_cast<std::size_t>(std::ranges::find(all, index.columns[i].name) - all.begin());
  }
  const std::string key = table.partition_key_text();
  const auto statement =
      table.session().prepare(fmt::format("SELECT token({}), {} FROM {} WHERE token({}) > ?", key,
                                          quoted_list(all), table.quoted(), key),
                              table.where());
  RowSample sample;
  double mapped = 0;
  double span = 0;
  constexpr double kRing = 18446744073709551616.0;
  for (int place = 0; place < kPlaces; ++place) {
    const auto from = static_cast<std::int64_t>(
        static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::min()) +
        static_cast<std::uint64_t>(place) * (std::uint64_t{1} << 61));
    std::int32_t page_rows = 1;
    std::string state;
    for (int page = 0; page < 2; ++page) {
      cql::Request request = {.page_rows = page_rows};
      if (!state.empty()) request.paging_state = state;
      const auto rows =
          ask_patiently(table, statement, cql::Values().bigint(from), request, consistency);
      for (std::size_t row = 0; row < rows.size(); ++row)
        mapped += sample_bytes(index, columns, rows, row, 1);
      sample.rows += rows.size();
      if (rows.size() > 0) {
        const double each = static_cast<double>(rows.bytes()) / static_cast<double>(rows.size());
        sample.bytes_on_server_most = std::max(sample.bytes_on_server_most, each);
        page_rows =
            static_cast<std::int32_t>(std::clamp(kSampleBytes / each, 1.0, kSampleRowsMost));
        if (page == 1) span += distance(from, rows.bigint(rows.size() - 1, 0));
      }
      if (!rows.paging_state()) break;
      state = *rows.paging_state();
    }
  }
  if (sample.rows > 0) sample.bytes_mapped = mapped / static_cast<double>(sample.rows);
  if (span > 0) sample.rows_total = static_cast<double>(sample.rows) / span * kRing;
  return sample;
}

rows::RowIndex make_index(const RowTable& table, const AttachOptions& options,
                          RowConsistency& consistency) {
  rows::RowIndex index = empty_index(table, options);
  AttachOptions chosen = options;
  if (chosen.split_column.empty())
    chosen.split_column = rows::TableNote::parse(table.comment()).split_column;
  set_split_column(table, chosen.split_column, index);
  std::vector<rows::TableColumn> columns;
  for (const auto& column : table.columns())
    columns.push_back({column.name, column.type, table.is_key(column.name)});
  try {
    index.columns = rows::map_columns(columns, table.comment(), chosen);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", table.where(), error.what()));
  }
  fill_index(table, options, consistency, index);
  return index;
}

void try_split_column(const RowTable& table, const std::string& split_column) {
  rows::RowIndex index = empty_index(table, {});
  set_split_column(table, split_column, index);
  rows::RowBlock all;
  all.after = std::numeric_limits<std::int64_t>::min();
  all.upto = std::numeric_limits<std::int64_t>::max();
  index.splits.push_back({"train", {std::move(all)}});
  try_queries(table, index);
}

rows::RowIndex make_index_of(const RowTable& table, const std::vector<rows::RowColumn>& columns,
                             const std::string& split_column, RowConsistency& consistency) {
  const AttachOptions options;
  rows::RowIndex index = empty_index(table, options);
  set_split_column(table, split_column, index);
  index.columns = columns;
  fill_index(table, options, consistency, index);
  return index;
}

}  // namespace ringfeed::cassandra
