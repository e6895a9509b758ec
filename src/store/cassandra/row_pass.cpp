// A page is counted in rows and its rows may be large: pages are sized by the bytes that rows were
// seen to have, so that the server has little in memory for each.
#include "store/cassandra/row_pass.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <ringfeed/error.hpp>
#include <utility>

#include "base/pause.hpp"

namespace ringfeed::cassandra {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kPiecesAtOnce = 8;
constexpr double kRowsPerPiece = 20'000;
constexpr std::size_t kPiecesLeast = 16;
constexpr std::size_t kPiecesMost = 65'536;
/// Of one page on the server.
constexpr double kPassPageBytes = 1 << 20;
constexpr std::int32_t kPageRowsMost = 5'000;
/// Of pages that wait for the pieces before theirs.
constexpr std::uint64_t kWaitingBytesMost = std::uint64_t{4} << 20;
/// Of a page, in request timeouts.
constexpr int kPassDeadlineTimeouts = 3;
constexpr auto kPassPauseFirst = 100ms;
constexpr auto kPassPauseMost = 2s;

std::int32_t rows_of_page(double row_bytes) {
  return static_cast<std::int32_t>(
      std::clamp(kPassPageBytes / std::max(row_bytes, 1.0), 1.0, double{kPageRowsMost}));
}

/// Where piece `number` of `count` equal ones ends; the last at the last token.
std::int64_t end_of_piece(std::size_t number, std::size_t count) {
  if (number + 1 == count) return std::numeric_limits<std::int64_t>::max();
  const std::uint64_t step = std::numeric_limits<std::uint64_t>::max() / count;
  const auto first = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::min());
  return static_cast<std::int64_t>(first + step * (number + 1));
}

}  // namespace

RowPass::RowPass(const RowTable& table, const std::string& select, double row_bytes,
                 double rows_total, RowConsistency& consistency, std::stop_token stop)
    : table_(table),
      consistency_(consistency),
      stop_(std::move(stop)),
      select_(table.session().prepare(
          fmt::format("{} WHERE token({}) > ? AND token({}) <= ?", select,
                      table.partition_key_text(), table.partition_key_text()),
          table.where())),
      page_rows_(rows_of_page(row_bytes)),
      row_bytes_(row_bytes),
      pieces_count_(static_cast<std::size_t>(
          std::clamp(rows_total / kRowsPerPiece, double{kPiecesLeast}, double{kPiecesMost}))) {}

void RowPass::run(const OnPage& on_page, const OnPiece& on_piece) {
  while (head_ < pieces_count_) {
    if (stop_.stop_requested())
      throw Error(ErrorCode::kCancelled, "stopped; the table is as attached as before");
    start_pieces();
    take(50ms);
    hand_over(on_page, on_piece);
  }
}

void RowPass::start_pieces() {
  while (next_ < pieces_count_ && open_.size() < kPiecesAtOnce) {
    Piece& piece = open_[next_];
    piece.after = next_ == 0 ? std::numeric_limits<std::int64_t>::min()
                             : end_of_piece(next_ - 1, pieces_count_);
    piece.upto = end_of_piece(next_, pieces_count_);
    ++next_;
  }
  const auto now = Clock::now();
  for (auto& [number, piece] : open_) {
    // Only the first piece goes on without a bound: its pages are handed over as they come.
    const bool full = number != head_ && piece.bytes > kWaitingBytesMost;
    if (!piece.under_way && !piece.done && !full && piece.not_before <= now) ask(number);
  }
}

void RowPass::ask(std::size_t number) {
  Piece& piece = open_.at(number);
  if (piece.tries == 0) {
    piece.deadline = Clock::now() +
                     kPassDeadlineTimeouts * std::chrono::milliseconds(
                                                 table_.session().connection().request_timeout_ms);
  }
  cql::Request request = {.consistency = consistency_.now(), .page_rows = page_rows_};
  if (!piece.paging_state.empty()) request.paging_state = piece.paging_state;
  const auto replicas = table_.session().token_replicas(select_, piece.upto);
  if (!replicas.empty())
    request.host = replicas[static_cast<std::size_t>(piece.tries) % replicas.size()].id;
  table_.session().start(select_, cql::Values().bigint(piece.after).bigint(piece.upto), request,
                         answers_, number);
  piece.under_way = true;
}

void RowPass::take(std::chrono::milliseconds timeout) {
  const auto answer = answers_.next(timeout);
  if (!answer) return;
  Piece& piece = open_.at(answer->tag);
  piece.under_way = false;
  if (answer->failure) return try_again(answer->tag, piece, *answer->failure);
  piece.tries = 0;
  note_size(answer->rows);
  const auto state = answer->rows.paging_state();
  piece.done = !state;
  piece.paging_state = state.value_or("");
  if (answer->rows.size() == 0) return;
  piece.bytes += answer->rows.bytes();
  piece.pages.push_back(answer->rows);
}

void RowPass::try_again(std::size_t number, Piece& piece, const cql::Failure& failure) {
  if (table_.session().lower_pages(failure) || consistency_.step_down(failure, table_.where()))
    return ask(number);
  if (!failure.passes() || Clock::now() > piece.deadline) throw table_.tables().error(failure);
  page_rows_ = std::max(page_rows_ / 2, 1);
  const auto pause = spread(std::min<std::chrono::milliseconds>(
      kPassPauseFirst * (1 << std::min(piece.tries, 5)), kPassPauseMost));
  piece.not_before = Clock::now() + pause;
  ++piece.tries;
}

void RowPass::note_size(const cql::Rows& rows) {
  if (rows.size() == 0) return;
  row_bytes_ =
      std::max(row_bytes_, static_cast<double>(rows.bytes()) / static_cast<double>(rows.size()));
  // At most twice as many as before: what was seen so far may be small by chance.
  page_rows_ = std::min(rows_of_page(row_bytes_),
                        page_rows_ > kPageRowsMost / 2 ? kPageRowsMost : 2 * page_rows_);
}

void RowPass::hand_over(const OnPage& on_page, const OnPiece& on_piece) {
  while (head_ < pieces_count_) {
    const auto found = open_.find(head_);
    if (found == open_.end()) return;
    Piece& piece = found->second;
    for (const auto& page : piece.pages) on_page(page);
    piece.pages.clear();
    piece.bytes = 0;
    if (!piece.done) return;
    open_.erase(found);
    on_piece(++head_, pieces_count_);
  }
}

}  // namespace ringfeed::cassandra
