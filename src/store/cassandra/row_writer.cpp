// CREATE TABLE, INSERTs, then the table is attached.
#include "store/cassandra/row_writer.hpp"

#include <arrow/record_batch.h>
#include <fmt/format.h>

#include <algorithm>
#include <ringfeed/error.hpp>
#include <utility>

#include "base/option.hpp"
#include "cql/identifier.hpp"
#include "dataset/chunk.hpp"
#include "store/rows/mapping.hpp"
#include "store/rows/sample_id.hpp"

namespace ringfeed::cassandra {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kId = "id";
constexpr std::string_view kSplit = "split";
constexpr std::uint64_t kWindowRowsMost = 1024;
constexpr std::uint64_t kWindowRowsLeast = 16;
constexpr std::uint64_t kWindowBytes = std::uint64_t{16} << 20;
/// Without one row stored for so long the server is taken for gone; sooner when not one ever was.
constexpr auto kRowPatience = 60s;
constexpr auto kRowPatienceAtFirst = 3s;

/// A text as a CQL literal.
std::string quote_text(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') quoted += c;
    quoted += c;
  }
  return quoted + "'";
}

void check_names(const Schema& schema, bool has_splits) {
  for (const auto& column : schema.columns) {
    if (column.name != kId && (!has_splits || column.name != kSplit)) continue;
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: the table has a column {} of its own; give the sample's column {} another "
                    "name in the source, or by {}",
                    option_name("layout", "rows"), column.name, column.name,
                    option_name("tensor")));
  }
}

}  // namespace

RowWriter::RowWriter(RowTarget target, const WriteIntent& intent, Store::OnStep on_step)
    : target_(std::move(target)),
      intent_(intent),
      groups_{intent.schema.places_of({})},
      on_step_(std::move(on_step)),
      tables_(target_.session, target_.url),
      table_name_(fmt::format("{}.{}", cql::quote_identifier(target_.url.keyspace),
                              cql::quote_identifier(target_.url.name))),
      split_column_(intent.splits.size() > 1 ? kSplit : ""),
      writes_([this](std::uint64_t number, cql::Queue& answers) { send(number, answers); }),
      window_rows_(kWindowRowsMost) {
  if (published() && missing() == 0) return;
  check_names(intent.schema, !split_column_.empty());
  const bool vectors = has_vectors(*target_.session, tables_.where());
  for (const auto& column : intent.schema.columns)
    columns_.push_back(rows::column_of_sample(column, vectors));
  if (RowTable::exists(*target_.session, target_.url)) {
    const RowTable table(target_.session, target_.url);
    fit_table(table);
    if (!intent.append) check_free(table);
  } else {
    make_table();
  }
  step("table");
  if (!split_column_.empty()) target_.try_split_column(split_column_);
  std::vector<std::string> names = {std::string(kId)};
  for (const auto& column : columns_) names.push_back(column.name);
  if (!split_column_.empty()) names.push_back(split_column_);
  std::string marks = "?";
  for (std::size_t i = 1; i < names.size(); ++i) marks += ", ?";
  insert_ = target_.session->prepare(
      fmt::format("INSERT INTO {} ({}) VALUES ({})", table_name_, quoted_list(names), marks),
      tables_.where());
}

std::uint64_t RowWriter::version() const {
  if (target_.published && missing() == 0) return target_.published->version;
  return target_.versions.empty() ? 1 : target_.versions.back() + 1;
}

void RowWriter::create() const {
  std::string columns = fmt::format("{} uuid PRIMARY KEY", cql::quote_identifier(kId));
  for (const auto& column : columns_)
    columns += fmt::format(", {} {}", cql::quote_identifier(column.name), column.type);
  if (!split_column_.empty())
    columns += fmt::format(", {} text", cql::quote_identifier(split_column_));
  const rows::TableNote note{columns_, split_column_, intent_.origin.fingerprint};
  // Another ingest's table of this name, dropped since, had another id.
  const std::string id =
      tables_.id_of(fmt::format("{} {:016x}", target_.url.name, intent_.origin.fingerprint));
  create_table(*target_.session, fmt::format("{} ({})", table_name_, columns),
               {{"comment", quote_text(note.text())}, {"id", id}}, tables_.where());
  wait_for_table(*target_.session,
                 fmt::format("SELECT {0} FROM {1} WHERE {0} = 00000000-0000-0000-0000-000000000000",
                             cql::quote_identifier(kId), table_name_),
                 tables_.where());
}

void RowWriter::make_table() {
  tables_.rows();  // throws when the keyspace is missing
  check_partitioner(*target_.session, tables_.where());
  if (intent_.append) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}: there is no table to append to; leave {} out", tables_.where(),
                            option_name("append")));
  }
  create();
}

/// The columns as they are in the table, when they can hold the samples.
void RowWriter::fit_table(const RowTable& table) {
  if (table.is_view()) {
    throw Error(ErrorCode::kConflict,
                fmt::format("{}: this is a materialized view, which is filled by its base table "
                            "alone; choose another name",
                            tables_.where()));
  }
  const auto text_column = [](std::string_view name, const char* type) {
    const std::string own(name);
    return rows::RowColumn{{own, ColumnKind::kString, DType::kUInt8, {}}, own, type};
  };
  std::vector<rows::RowColumn> expected = columns_;
  expected.push_back(text_column(kId, "uuid"));
  if (!split_column_.empty()) expected.push_back(text_column(split_column_, "text"));
  std::string found_text;
  for (const auto& column : table.columns()) {
    found_text += fmt::format("{}{} {}", found_text.empty() ? "" : ", ",
                              cql::quote_identifier(column.name), column.type);
  }
  bool fits = table.columns().size() == expected.size() && table.partition_key().size() == 1 &&
              table.clustering().empty() && table.is_key(kId);
  std::string expected_text;
  for (const auto& column : expected) {
    expected_text += fmt::format("{}{} {}", expected_text.empty() ? "" : ", ",
                                 cql::quote_identifier(column.name), column.type);
    const auto found = std::ranges::find(table.columns(), column.name, &RowTable::Column::name);
    fits = fits && found != table.columns().end() && rows::can_be_written(column, found->type);
    if (!fits) continue;
    for (auto& mapped : columns_) {
      if (mapped.name == found->name) mapped.type = found->type;
    }
  }
  if (fits) return;
  throw Error(
      ErrorCode::kConflict,
      fmt::format("{}: the table is there with other columns: ({}), where this ingest needs "
                  "({}) with {} as the whole primary key; choose another name, or drop the "
                  "table",
                  tables_.where(), found_text, expected_text, kId));
}

/// Rows of another ingest, or of the user, are not mixed with these unasked.
void RowWriter::check_free(const RowTable& table) const {
  if (rows::TableNote::parse(table.comment()).fingerprint == intent_.origin.fingerprint) return;
  const auto rows = target_.session->execute(
      fmt::format("SELECT {} FROM {} LIMIT 1", cql::quote_identifier(kId), table_name_), {},
      {.consistency = target_.session->connection().read_consistency}, tables_.where());
  if (rows.size() == 0) return;
  throw Error(
      ErrorCode::kConflict,
      fmt::format(
          "{}: the table holds rows that were not written from this source; {}"
          "choose another name",
          tables_.where(),
          intent_.copies ? "" : fmt::format("add to them with {}, or ", option_name("append"))));
}

void RowWriter::put(std::string_view split, std::span<const Chunk> chunks,
                    const std::vector<ColumnRange>&) {
  const auto views = column_views(*chunks[0].columns(), intent_.schema);
  for (std::size_t row = 0; row < chunks[0].samples(); ++row) {
    while (!pending_.empty() && (pending_.size() >= window_rows_ || pending_bytes_ > kWindowBytes))
      take_answer();
    const std::uint64_t number = next_row_++;
    Pending pending;
    const auto id = rows::sample_id(intent_.origin.fingerprint, number);
    pending.cells.emplace_back(id.data(), id.size());
    for (std::size_t i = 0; i < columns_.size(); ++i)
      rows::encode_cell(columns_[i], views[i], row, pending.cells.emplace_back());
    if (!split_column_.empty()) pending.cells.emplace_back(split);
    for (const auto& cell : pending.cells) pending.bytes += cell.size();
    pending_bytes_ += pending.bytes;
    pending_.emplace(number, std::move(pending));
    writes_.send(number);
  }
}

void RowWriter::send(std::uint64_t number, cql::Queue& answers) const {
  cql::Values values;
  for (const auto& cell : pending_.at(number).cells) values.view(cell);
  target_.session->start(*insert_, values, {.consistency = target_.consistency->now()}, answers,
                         number);
}

void RowWriter::take_answer() {
  const auto answer = writes_.next(1s);
  if (!answer) return;
  if (answer->failure) return try_again(answer->tag, *answer->failure);
  stored_any_ = true;
  const auto found = pending_.find(answer->tag);
  pending_bytes_ -= found->second.bytes;
  pending_.erase(found);
  window_rows_ = std::min(window_rows_ + 1, kWindowRowsMost);
}

void RowWriter::try_again(std::uint64_t number, const cql::Failure& failure) {
  if (target_.consistency->step_down(failure, tables_.where())) return writes_.send(number);
  const auto patience = stored_any_ ? kRowPatience : kRowPatienceAtFirst;
  if (!failure.passes() || writes_.stalled() > patience) throw tables_.error(failure);
  // The server has too much to do, or a replica is away: less at once, and a pause. A row that was
  // stored all the same is stored again with the same bytes.
  window_rows_ = std::max(window_rows_ / 2, kWindowRowsLeast);
  writes_.send_later(number);
}

Manifest RowWriter::publish() {
  if (published() && missing() == 0) return *target_.published;
  while (!pending_.empty()) take_answer();
  step("rows-stored");
  target_.published = target_.attach(columns_, split_column_, next_row_);
  step("published");
  return *target_.published;
}

void RowWriter::step(std::string_view name) const {
  if (on_step_) on_step_(name);
}

}  // namespace ringfeed::cassandra
