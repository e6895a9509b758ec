// Reads the blocks of a row table, many under way at once, page by page, and compares each with the
// index. Which replica is asked, and what happens when an answer is late or does not come, is
// decided here.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <ringfeed/store.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/meter.hpp"
#include "store/cassandra/hedging.hpp"
#include "store/cassandra/in_flight.hpp"
#include "store/cassandra/node_meters.hpp"
#include "store/cassandra/row_query.hpp"
#include "store/cassandra/row_table.hpp"
#include "store/rows/index.hpp"

namespace arrow {
class Schema;
}

namespace ringfeed::cassandra {

/// What a reader is of, and how it reads.
struct RowSource {
  std::shared_ptr<const RowTable> table;
  std::shared_ptr<const rows::RowIndex> index;
  std::string where;                            ///< starts the messages
  std::shared_ptr<RowConsistency> consistency;  ///< of the second reading of what differs
  std::uint64_t bytes_under_way = std::uint64_t{32} << 20;  ///< enough where it is near
};

class RowReader final : public BlockReader {
 public:
  /// Of these columns of the index; empty: all.
  RowReader(RowSource source, std::string_view split, const ColumnPlaces& columns, int workers);
  ~RowReader() override;

  std::span<const BlockInfo> blocks() const override { return blocks_; }
  void read(std::uint64_t number, Done done) override;
  bool has_room() const override;
  void add_meters(Meters& meters) const override;
  std::uint64_t overhead_bytes() const override { return kReaderOverheadBytes; }

 private:
  using Clock = std::chrono::steady_clock;
  /// A block that is asked for.
  struct Read {
    std::uint64_t number = 0;
    Done done;
    std::vector<cql::Host> replicas;  ///< in the order they are asked; none: the driver chooses
    std::size_t asked = 0;            ///< of them, for this page
    int under_way = 0;                ///< requests for this page without an answer yet
    std::vector<cql::Rows> pages;
    std::uint64_t rows = 0;  ///< in them, without those that are none
    std::string paging_state;
    bool again = false;     ///< the second reading, at the consistency that misses no row
    bool checking = false;  ///< a thread decodes it
    int rounds = 0;
    std::uint64_t last_request = 0;
    Clock::time_point begun;
    Clock::time_point deadline;  ///< of this page
    std::string failed_node;
  };
  struct Sent {
    std::uint64_t read = 0;
    std::size_t page = 0;
    bool again = false;
    std::optional<cql::HostId> host;
    Clock::time_point at;
  };

  void work();
  void start_waiting();
  void begin(Read& read);
  void begin_page(Read& read);
  void ask(std::uint64_t id, Read& read);
  void start_due(Clock::time_point now);
  void hedge_late(Clock::time_point now);
  void take(cql::Answer answer);
  void note_answer(const Sent& sent, const Read& read, Clock::time_point now);
  void take_failure(std::uint64_t id, Read& read, cql::Failure failure);
  void check(std::uint64_t id);
  Chunk decode(const Read& read, std::string& difference) const;
  void finish(std::uint64_t id, Chunk chunk, std::exception_ptr failure);
  const rows::RowBlock& block(const Read& read) const { return split_->blocks[read.number]; }
  std::string what(std::uint64_t number) const;

  const RowSource source_;
  const rows::RowSplit* split_ = nullptr;
  const std::vector<rows::RowColumn> columns_;  ///< that are handed out
  /// Columns that are asked of the server: where digests are of values all are needed for them.
  const std::vector<rows::RowColumn> asked_;
  std::optional<RowQuery> query_;
  const std::vector<std::optional<rows::InPlace>> in_place_;  ///< by column that is handed out
  const std::shared_ptr<const Schema> schema_;
  const std::shared_ptr<arrow::Schema> arrow_schema_;
  std::vector<BlockInfo> blocks_;

  mutable CheckMeter checking_;
  mutable std::mutex mutex_;  ///< of all below but the queue
  std::condition_variable ended_;
  std::unordered_map<std::uint64_t, Read> reads_;
  std::map<std::uint64_t, Sent> sent_;                   ///< the oldest first
  std::deque<std::uint64_t> waiting_;                    ///< reads that are not asked for yet
  std::multimap<Clock::time_point, std::uint64_t> due_;  ///< when a page is asked for again
  Hedging hedging_;
  InFlight in_flight_;
  NodeMeters nodes_;
  std::uint64_t bytes_under_way_ = 0;
  std::uint64_t last_read_ = 0;
  std::uint64_t last_request_ = 0;
  bool ending_ = false;
  cql::Queue answers_;
  std::vector<std::jthread> workers_;  // last: they use all of the above
};

}  // namespace ringfeed::cassandra
