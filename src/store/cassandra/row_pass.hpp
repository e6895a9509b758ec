// The pass over all rows of a table that the index is made of. Several pieces of the ring are read
// at once; their rows reach the caller in the order of the ring.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "store/cassandra/row_query.hpp"

namespace ringfeed::cassandra {

class RowPass {
 public:
  /// One page: the first cell of each row is its token, the others are those of `columns`.
  using OnPage = std::function<void(const cql::Rows& page)>;
  /// Pieces done, and how many there are.
  using OnPiece = std::function<void(std::size_t done, std::size_t pieces)>;

  /// `row_bytes`: what the server has in memory for a row of a page, at most; `rows_total`:
  /// roughly.
  RowPass(const RowTable& table, const std::string& select, double row_bytes, double rows_total,
          RowConsistency& consistency, std::stop_token stop);

  void run(const OnPage& on_page, const OnPiece& on_piece);

 private:
  using Clock = std::chrono::steady_clock;
  struct Piece {
    std::int64_t after = 0;
    std::int64_t upto = 0;
    std::string paging_state;
    std::deque<cql::Rows> pages;  ///< that wait for the pieces before this one
    std::uint64_t bytes = 0;      ///< of them
    bool under_way = false;
    bool done = false;
    int tries = 0;
    Clock::time_point not_before{};
    Clock::time_point deadline{};
  };

  void start_pieces();
  void ask(std::size_t number);
  void take(std::chrono::milliseconds timeout);
  void try_again(std::size_t number, Piece& piece, const cql::Failure& failure);
  void hand_over(const OnPage& on_page, const OnPiece& on_piece);
  void note_size(const cql::Rows& rows);

  const RowTable& table_;
  RowConsistency& consistency_;
  const std::stop_token stop_;
  cql::Statement select_;
  std::int32_t page_rows_;
  double row_bytes_;
  std::size_t pieces_count_;
  std::size_t head_ = 0;  ///< the piece whose rows are next
  std::size_t next_ = 0;  ///< the piece that is started next
  std::map<std::size_t, Piece> open_;
  cql::Queue answers_;
};

}  // namespace ringfeed::cassandra
