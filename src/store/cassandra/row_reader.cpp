// A block is one request as a rule; a longer one is read page by page, each page from any replica.
// A block that differs from the index is read once more where no row can be missed, and is an error
// when it still differs.
#include "store/cassandra/row_reader.hpp"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <ringfeed/error.hpp>
#include <utility>

#include "base/background.hpp"
#include "base/hash.hpp"
#include "base/option.hpp"
#include "base/pause.hpp"
#include "dataset/chunk.hpp"
#include "store/reader_closed.hpp"
#include "store/rows/column.hpp"

namespace ringfeed::cassandra {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kReadsMax = 65'536;
/// Of a page, in request timeouts.
constexpr int kDeadlineTimeouts = 3;
constexpr auto kRoundPauseFirst = 100ms;
constexpr auto kRoundPauseMax = 2s;
constexpr auto kLateLeast = 200ms;
/// Of one page.
constexpr std::uint64_t kPageBytes = std::uint64_t{4} << 20;

std::chrono::milliseconds deadline_of(const cql::Session& session) {
  return kDeadlineTimeouts * std::chrono::milliseconds(session.connection().request_timeout_ms);
}

/// Never more than what the block has and one row more, which tells that there are more.
std::int32_t page_rows_of(const BlockInfo& block, std::uint64_t rows_before) {
  const std::uint64_t row_bytes = std::max<std::uint64_t>(1, block.bytes / block.samples);
  const std::uint64_t left = block.samples > rows_before ? block.samples - rows_before : 0;
  return static_cast<std::int32_t>(
      std::min({left + 1, std::max<std::uint64_t>(1, kPageBytes / row_bytes),
                std::uint64_t{std::numeric_limits<std::int32_t>::max()}}));
}

std::vector<rows::RowColumn> columns_at(const rows::RowIndex& index, const ColumnPlaces& places) {
  if (places.empty()) return index.columns;
  std::vector<rows::RowColumn> columns;
  for (const auto place : places) columns.push_back(index.columns[place]);
  return columns;
}

/// Columns whose cells are handed out as they were received, without a copy. A page is then held as
/// a whole, so what else is in it must be little beside them.
std::vector<std::optional<rows::InPlace>> columns_in_place(
    const rows::RowIndex& index, const std::vector<rows::RowColumn>& columns,
    const std::vector<rows::RowColumn>& asked) {
  constexpr std::uint64_t kBytesMin = 512;
  constexpr std::uint64_t kKeyBytes = 32;
  constexpr std::uint64_t kRestShare = 16;
  std::vector<std::optional<rows::InPlace>> in_place;
  std::uint64_t kept = 0;
  std::uint64_t all = kKeyBytes * (index.partition_key.size() + index.clustering.size());
  bool varies = false;
  for (const auto& column : asked) all += rows::fixed_bytes(column, varies);
  for (const auto& column : columns) {
    const std::uint64_t bytes = rows::fixed_bytes(column, varies);
    in_place.push_back(bytes >= kBytesMin ? rows::in_place(column) : std::nullopt);
    if (in_place.back()) kept += bytes;
  }
  if (varies || kept < (all - kept) * kRestShare) in_place.assign(columns.size(), std::nullopt);
  return in_place;
}

Schema schema_of(const std::vector<rows::RowColumn>& columns) {
  Schema schema;
  for (const auto& column : columns) schema.columns.push_back(column.spec);
  return schema;
}

std::shared_ptr<arrow::Schema> arrow_schema_of(
    const Schema& schema, const std::vector<std::optional<rows::InPlace>>& in_place) {
  arrow::FieldVector fields = schema.to_arrow()->fields();
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (in_place[i]) fields[i] = scattered_field(*fields[i], in_place[i]->swapped);
  }
  return arrow::schema(std::move(fields));
}

/// A bound of the bytes of these columns in a block: the index knows those of all together.
std::uint32_t bytes_of(const rows::RowBlock& block, const std::vector<rows::RowColumn>& all,
                       const std::vector<rows::RowColumn>& columns) {
  bool varies = false;
  bool others_vary = false;
  std::uint64_t fixed = 0;
  std::uint64_t fixed_of_all = 0;
  for (const auto& column : columns) fixed += rows::fixed_bytes(column, varies);
  for (const auto& column : all) fixed_of_all += rows::fixed_bytes(column, others_vary);
  const std::uint64_t others = block.rows * (fixed_of_all - fixed);
  const std::uint64_t bytes = varies || columns.size() == all.size()
                                  ? block.bytes - std::min(block.bytes, others)
                                  : block.rows * fixed;
  return static_cast<std::uint32_t>(std::min(block.bytes, bytes));
}

std::uint64_t real_rows(const cql::Rows& page, const RowColumns& columns) {
  std::uint64_t count = 0;
  for (std::size_t row = 0; row < page.size(); ++row) count += is_real_row(page, row, columns);
  return count;
}

}  // namespace

RowReader::RowReader(RowSource source, std::string_view split, const ColumnPlaces& columns,
                     int workers)
    : source_(std::move(source)),
      columns_(columns_at(*source_.index, columns)),
      asked_(source_.index->digest_values ? source_.index->columns : columns_),
      in_place_(columns_in_place(*source_.index, columns_, asked_)),
      schema_(std::make_shared<const Schema>(schema_of(columns_))),
      arrow_schema_(arrow_schema_of(*schema_, in_place_)),
      hedging_(kLateLeast),
      in_flight_(in_flight_of(source_.table->session(), source_.bytes_under_way)) {
  const auto found = std::ranges::find(source_.index->splits, split, &rows::RowSplit::name);
  if (found == source_.index->splits.end()) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}: there is no split '{}'", source_.where, split));
  }
  split_ = &*found;
  query_.emplace(*source_.table, *source_.index, asked_,
                 source_.index->split_column ? std::optional(std::string(split)) : std::nullopt);
  for (const auto& block : split_->blocks) {
    blocks_.push_back({block.rows, bytes_of(block, source_.index->columns, asked_)});
    query_->of(block);  // prepared now, so that read() waits for nothing
  }
  for (int i = 0; i < workers; ++i) workers_.emplace_back([this] { work(); });
}

/// As of Reader. A read that is being checked ends by itself, soon.
RowReader::~RowReader() {
  {
    std::unique_lock lock(mutex_);
    ending_ = true;
    const auto cancelled = reader_closed();
    while (!reads_.empty()) {
      const auto idle =
          std::ranges::find_if(reads_, [](const auto& each) { return !each.second.checking; });
      if (idle != reads_.end()) {
        finish(idle->first, nullptr, cancelled);
      } else {
        ended_.wait(lock);
      }
    }
  }
  answers_.close();
}

void RowReader::read(std::uint64_t number, Done done) {
  if (number >= blocks_.size()) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: block {} asked for, there are {}",
                                                         source_.where, number, blocks_.size()));
  }
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [&] { return reads_.size() < kReadsMax; });
  const std::uint64_t id = ++last_read_;
  Read& read = reads_[id];
  read.number = number;
  read.done = std::move(done);
  waiting_.push_back(id);
  start_waiting();
}

// ---- asking; all with the lock held ----

void RowReader::start_waiting() {
  while (!waiting_.empty() && !ending_) {
    const std::uint64_t id = waiting_.front();
    Read& read = reads_.at(id);
    const std::uint64_t bytes = blocks_[read.number].bytes;
    if (bytes_under_way_ > 0 && bytes_under_way_ + bytes > in_flight_.limit()) return;
    waiting_.pop_front();
    bytes_under_way_ += bytes;
    read.begun = Clock::now();
    begin(read);
    ask(id, read);
  }
  in_flight_.note_idle();
}

/// From the first page.
void RowReader::begin(Read& read) {
  read.pages.clear();
  read.rows = 0;
  read.paging_state.clear();
  begin_page(read);
}

void RowReader::begin_page(Read& read) {
  const auto& session = source_.table->session();
  read.rounds = 0;
  read.deadline = Clock::now() + deadline_of(session);
  read.asked = 0;
  read.replicas = session.token_replicas(query_->of(block(read)).first, block(read).upto);
  hedging_.order(read.replicas, read.number, Clock::now());
}

void RowReader::ask(std::uint64_t id, Read& read) {
  const std::uint64_t tag = ++last_request_;
  const auto& session = source_.table->session();
  cql::Request request = {.consistency = read.again ? source_.consistency->now()
                                                    : session.connection().read_consistency,
                          .page_rows = page_rows_of(blocks_[read.number], read.rows)};
  if (!read.paging_state.empty()) request.paging_state = read.paging_state;
  if (read.asked < read.replicas.size()) request.host = read.replicas[read.asked].id;
  ++read.asked;
  ++read.under_way;
  read.last_request = tag;
  hedging_.note_request();
  sent_.emplace(tag, Sent{id, read.pages.size(), read.again, request.host, Clock::now()});
  const auto [statement, values] = query_->of(block(read));
  session.start(statement, values, request, answers_, tag);
}

void RowReader::start_due(Clock::time_point now) {
  while (!due_.empty() && due_.begin()->first <= now) {
    const std::uint64_t id = due_.begin()->second;
    due_.erase(due_.begin());
    Read& read = reads_.at(id);
    read.asked = 0;
    ask(id, read);
  }
}

/// Asks a second replica for a page where the first is late. Both read at the same consistency, and
/// what differs from the index is not believed.
void RowReader::hedge_late(Clock::time_point now) {
  if (!hedging_.has_choice()) return;
  const auto late = hedging_.late();
  for (const auto& [tag, sent] : sent_) {
    if (now - sent.at < late) return;
    const auto found = reads_.find(sent.read);
    if (found == reads_.end()) continue;
    Read& read = found->second;
    if (read.last_request != tag || read.under_way != 1 || read.checking) continue;
    if (read.asked >= read.replicas.size() || !hedging_.take_turn(sent.host, now)) continue;
    nodes_.note_again(sent.host, Again::kLate);
    ask(sent.read, read);
  }
}

// ---- answers, on the worker threads ----

void RowReader::work() {
  run_in_background();
  while (true) {
    std::chrono::milliseconds wait;
    {
      const std::lock_guard lock(mutex_);
      if (ending_) return;
      const auto now = Clock::now();
      start_due(now);
      hedge_late(now);
      wait = hedging_.until_look(reads_.empty(),
                                 due_.empty() ? std::nullopt : std::optional(due_.begin()->first));
    }
    if (auto answer = answers_.next(wait)) take(std::move(*answer));
  }
}

void RowReader::take(cql::Answer answer) {
  std::unique_lock lock(mutex_);
  const Sent sent = sent_.extract(answer.tag).mapped();
  const auto now = Clock::now();
  if (!answer.failure) nodes_.note_answer(sent.host, now - sent.at, answer.rows.bytes());
  const auto found = reads_.find(sent.read);
  if (found == reads_.end()) return;
  Read& read = found->second;
  // Another answer to the same page was first, or the block is read anew.
  if (read.checking || sent.page != read.pages.size() || sent.again != read.again) return;
  --read.under_way;
  if (answer.failure) {
    read.failed_node = sent.host ? source_.table->session().address_of(*sent.host) : "";
    const bool overloaded = answer.failure->status == cql::Status::kOverloaded;
    nodes_.note_again(sent.host, overloaded ? Again::kOverloaded : Again::kFailed);
    if (overloaded) in_flight_.note_overload(sent.at, Clock::now());
    return take_failure(sent.read, read, std::move(*answer.failure));
  }
  note_answer(sent, read, now);
  read.under_way = 0;
  read.rows += real_rows(answer.rows, query_->columns());
  const auto state = answer.rows.paging_state();
  read.paging_state = state.value_or("");
  read.pages.push_back(std::move(answer.rows));
  if (state && read.rows <= block(read).rows) {
    begin_page(read);
    return ask(sent.read, read);
  }
  read.checking = true;
  lock.unlock();
  check(sent.read);
}

/// The first answer to a page.
void RowReader::note_answer(const Sent& sent, const Read& read, Clock::time_point now) {
  hedging_.note_answer(sent.host, now - sent.at);
  if (read.under_way == 0) return;
  for (const auto& [tag, other] : sent_) {
    if (other.read == sent.read && other.page == sent.page && other.host)
      hedging_.note_overtaken(*other.host, now);
  }
}

/// With the lock held.
void RowReader::take_failure(std::uint64_t id, Read& read, cql::Failure failure) {
  const auto give_up = [&] {
    const std::string node =
        read.failed_node.empty() ? "" : fmt::format(": node {}", read.failed_node);
    finish(
        id, nullptr,
        std::make_exception_ptr(source_.table->tables().error(failure, what(read.number) + node)));
  };
  if (source_.table->session().lower_pages(failure) ||
      (read.again && source_.consistency->step_down(failure, source_.where))) {
    --read.asked;
    return ask(id, read);
  }
  if (!failure.passes() || source_.table->session().is_hopeless(failure, read.replicas))
    return give_up();
  if (read.under_way > 0) return;
  if (read.asked < read.replicas.size()) return ask(id, read);
  const auto pause = spread(std::min<std::chrono::milliseconds>(
      kRoundPauseFirst * (1 << std::min(read.rounds, 5)), kRoundPauseMax));
  if (Clock::now() + pause > read.deadline) return give_up();
  ++read.rounds;
  due_.emplace(Clock::now() + pause, id);
}

/// Decodes a block whose pages are there. Nobody else touches a read that is being checked.
void RowReader::check(std::uint64_t id) {
  Read* read = nullptr;
  {
    const std::lock_guard lock(mutex_);
    read = &reads_.at(id);
  }
  Chunk chunk;
  std::string difference;
  std::exception_ptr failure;
  try {
    chunk = decode(*read, difference);
  } catch (...) {
    failure = std::current_exception();
  }
  const std::lock_guard lock(mutex_);
  if (failure != nullptr || difference.empty()) return finish(id, std::move(chunk), failure);
  if (!read->again) {
    read->again = true;
    read->checking = false;
    if (ending_) ended_.notify_all();
    begin(*read);
    return ask(id, *read);
  }
  finish(id, nullptr,
         std::make_exception_ptr(
             Error(ErrorCode::kBadData,
                   fmt::format("{}: rows changed since attach: {}; attach again: {}",
                               what(read->number), difference, source_.table->attach_line()))));
}

Chunk RowReader::decode(const Read& read, std::string& difference) const {
  const CheckMeter::Span span(checking_);
  const RowColumns& columns = query_->columns();
  const rows::RowIndex& index = *source_.index;
  std::vector<std::vector<std::string_view>> cells(columns.names.size());
  for (auto& column : cells) column.reserve(read.rows);
  std::vector<std::size_t> starts;  // of pages
  for (const auto& page : read.pages) {
    starts.push_back(cells[0].size());
    for (std::size_t row = 0; row < page.size(); ++row) {
      if (!is_real_row(page, row, columns)) continue;
      for (std::size_t i = 0; i < cells.size(); ++i)
        cells[i].push_back(page.cell(row, i).value_or(std::string_view()));
    }
  }
  const std::size_t rows = cells[0].size();
  const rows::RowBlock& expected = block(read);
  if (rows != expected.rows) {
    difference = fmt::format("{}{} rows now, {} then", rows > expected.rows ? "at least " : "",
                             rows, expected.rows);
    return nullptr;
  }
  std::string text;
  Hasher hasher;
  for (std::size_t row = 0; row < rows; ++row) {
    text.clear();
    for (std::size_t i = 0; i < columns.key(); ++i) rows::append_to_digest(text, cells[i][row]);
    hasher.update(text);
    if (!index.digest_values) continue;
    for (const auto place : columns.mapped) {
      text.clear();
      rows::append_to_digest(text, cells[place][row]);
      hasher.update(text);
    }
  }
  if (hasher.digest() != expected.digest) {
    difference = fmt::format("{} rows now and then, but other {}", rows,
                             index.digest_values ? "keys or values" : "keys");
    return nullptr;
  }
  std::vector<std::shared_ptr<arrow::ArrayData>> arrays;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    try {
      const auto& spec = columns_[i].spec;
      const auto asked = std::ranges::find(asked_, columns_[i]) - asked_.begin();
      auto& column = cells[columns.mapped[static_cast<std::size_t>(asked)]];
      const std::size_t bytes = spec.sample_bytes();
      const auto is_whole = [bytes](std::string_view cell) { return cell.size() == bytes; };
      if (in_place_[i] && std::ranges::all_of(column, is_whole)) {
        if (!index.allow_nan) rows::check_finite(spec, *in_place_[i], column);
        Scattered scattered{std::move(column), starts, {}, in_place_[i]->swapped};
        for (const auto& page : read.pages)
          scattered.owners.push_back(std::make_shared<const cql::Rows>(page));
        arrays.push_back(scattered_column(scattered));
        column = std::move(scattered.samples);
      } else {
        arrays.push_back(rows::decode_cells(columns_[i], column));
        if (!index.allow_nan) rows::check_finite(spec, *arrays.back());
      }
    } catch (const rows::BadCell& bad) {
      std::vector<std::string_view> key;
      for (std::size_t k = 0; k < columns.key(); ++k) key.push_back(cells[k][bad.row]);
      throw Error(ErrorCode::kBadData,
                  fmt::format("{}: the row with {}: column {}: {}; correct the row, or leave the "
                              "column out ({})",
                              source_.where, key_text(*source_.index, key), columns_[i].name,
                              bad.what, option_call("columns")));
    }
  }
  return {
      arrow::RecordBatch::Make(arrow_schema_, static_cast<std::int64_t>(rows), std::move(arrays)),
      schema_};
}

/// With the lock held, which is let go while `done` runs.
void RowReader::finish(std::uint64_t id, Chunk chunk, std::exception_ptr failure) {
  auto node = reads_.extract(id);
  const std::uint64_t bytes = blocks_[node.mapped().number].bytes;
  bytes_under_way_ -= bytes;
  if (!failure) in_flight_.note_answer(bytes, node.mapped().begun, Clock::now());
  start_waiting();
  mutex_.unlock();
  node.mapped().done(std::move(chunk), failure);
  mutex_.lock();
  if (ending_ || reads_.size() + 1 == kReadsMax) ended_.notify_all();
}

bool RowReader::has_room() const {
  const std::lock_guard lock(mutex_);
  return waiting_.empty() && bytes_under_way_ < in_flight_.limit();
}

void RowReader::add_meters(Meters& meters) const {
  checking_.add_to(meters);
  const std::lock_guard lock(mutex_);
  add_reader_meters(meters, {bytes_under_way_, in_flight_.limit(), waiting_.size()});
  nodes_.add_to(meters, source_.table->session());
}

std::string RowReader::what(std::uint64_t number) const {
  const rows::RowBlock& block = split_->blocks[number];
  const std::string where =
      fmt::format("{}: version {}: block {}", source_.where, source_.index->version, number);
  if (block.partition.empty())
    return fmt::format("{} (tokens {} to {})", where, block.after, block.upto);
  const std::vector<std::string_view> key(block.partition.begin(), block.partition.end());
  return fmt::format("{} (of the partition with {})", where, key_text(*source_.index, key));
}

}  // namespace ringfeed::cassandra
