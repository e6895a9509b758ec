// Blocks by the reader of the feed; then the gaps between them, which no block covers.
#include "store/cassandra/row_verify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <ringfeed/error.hpp>
#include <utility>
#include <vector>

namespace ringfeed::cassandra {
namespace {

constexpr int kWorkers = 2;
constexpr std::uint64_t kReadsAtOnce = 64;
constexpr std::int32_t kPageRows = 16;

std::uint64_t verify_blocks(const RowSource& source, std::string_view split,
                            const std::function<void(std::uint64_t)>& progress) {
  std::mutex mutex;
  std::condition_variable ended;
  std::uint64_t left = 0;
  std::uint64_t done = 0;
  std::exception_ptr failure;
  // Last: it waits for its reads, which use the above.
  RowReader reader(source, split, {}, kWorkers);
  const auto blocks = reader.blocks();
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    {
      std::unique_lock lock(mutex);
      ended.wait(lock, [&] { return left < kReadsAtOnce; });
      if (failure != nullptr) break;
      ++left;
      if (progress) progress(done);
    }
    const std::uint64_t bytes = blocks[i].bytes;
    reader.read(i, [&, bytes](const Chunk&, const std::exception_ptr& error) {
      const std::lock_guard lock(mutex);
      if (error != nullptr && failure == nullptr) failure = error;
      done += bytes;
      --left;
      ended.notify_all();
    });
  }
  std::unique_lock lock(mutex);
  ended.wait(lock, [&] { return left == 0; });
  if (failure != nullptr) std::rethrow_exception(failure);
  return done;
}

/// Token ranges that no block is about.
std::vector<rows::RowBlock> gaps_of(const rows::RowSplit& split) {
  std::vector<rows::RowBlock> gaps;
  std::int64_t covered = std::numeric_limits<std::int64_t>::min();
  const auto add = [&](std::int64_t upto) {
    if (covered >= upto) return;
    rows::RowBlock& gap = gaps.emplace_back();
    gap.after = covered;
    gap.upto = upto;
  };
  for (const auto& block : split.blocks) {
    add(block.after);
    covered = std::max(covered, block.upto);
  }
  add(std::numeric_limits<std::int64_t>::max());
  return gaps;
}

void check_is_empty(const RowSource& source, const RowQuery& query, const rows::RowBlock& gap) {
  const auto& session = source.table->session();
  const auto [statement, values] = query.of(gap);
  std::string state;
  while (true) {
    cql::Request request = {.consistency = session.connection().read_consistency,
                            .page_rows = kPageRows};
    if (!state.empty()) request.paging_state = state;
    const auto answer = session.ask_patiently(statement, values, request);
    if (answer.failure) throw source.table->tables().error(*answer.failure);
    for (std::size_t row = 0; row < answer.rows.size(); ++row) {
      if (!is_real_row(answer.rows, row, query.columns())) continue;
      std::vector<std::string_view> key;
      for (std::size_t i = 0; i < query.columns().key(); ++i)
        key.push_back(answer.rows.cell(row, i).value_or(""));
      throw Error(
          ErrorCode::kBadData,
          fmt::format("{}: version {}: rows changed since attach: a row with {} where there "
                      "was none; attach again: {}",
                      source.where, source.index->version, key_text(*source.index, key),
                      source.table->attach_line()));
    }
    if (!answer.rows.paging_state()) return;
    state = *answer.rows.paging_state();
  }
}

}  // namespace

std::uint64_t verify_rows(const RowSource& source, std::string_view split,
                          const std::function<void(std::uint64_t bytes)>& progress) {
  const std::uint64_t bytes = verify_blocks(source, split, progress);
  const auto found = std::ranges::find(source.index->splits, split, &rows::RowSplit::name);
  const RowQuery query(
      *source.table, *source.index, source.index->columns,
      source.index->split_column ? std::optional(std::string(split)) : std::nullopt);
  for (const auto& gap : gaps_of(*found)) {
    check_is_empty(source, query, gap);
    if (progress) progress(bytes);
  }
  return bytes;
}

}  // namespace ringfeed::cassandra
