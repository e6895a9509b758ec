// Reads chunks by key, many under way at once. Which replica is asked, and what happens when an
// answer is empty, wrong, late or does not come, is decided here and nowhere else.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <ringfeed/store.hpp>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/meter.hpp"
#include "store/cassandra/hedging.hpp"
#include "store/cassandra/in_flight.hpp"
#include "store/cassandra/node_meters.hpp"
#include "store/cassandra/store.hpp"
#include "store/cassandra/tables.hpp"

namespace arrow {
class Schema;
}

namespace ringfeed::cassandra {

/// Of one column group: a block is one of its chunks.
class Reader final : public BlockReader {
 public:
  Reader(Tables tables, const CassandraStoreOptions& options, const Manifest& manifest,
         std::string_view split, std::uint32_t group, int workers);
  ~Reader() override;

  std::span<const BlockInfo> blocks() const override { return blocks_; }
  void read(std::uint64_t number, Done done) override;
  bool has_room() const override;
  void add_meters(Meters& meters) const override;
  std::uint64_t overhead_bytes() const override { return kReaderOverheadBytes; }

 private:
  using Clock = std::chrono::steady_clock;

  struct Place {
    ChunkKey key;
    std::uint64_t hash = 0;
  };
  /// One block that is asked for.
  struct Read {
    std::uint64_t number = 0;
    Done done;
    std::vector<cql::Host> replicas;  ///< in the order they are asked; none: the driver chooses
    std::size_t asked = 0;            ///< of them, in this round
    int under_way = 0;                ///< requests without an answer yet
    std::size_t empty = 0;            ///< replicas that have no such chunk, in this round
    std::size_t corrupt = 0;          ///< replicas whose copy is wrong, in this round
    int rounds = 0;
    bool asked_quorum = false;  ///< in this round
    bool hedged = false;        ///< in this round
    std::uint64_t last_request = 0;
    Clock::time_point begun;
    Clock::time_point deadline;
    std::optional<cql::Failure> failure;  ///< the last one
    std::string trouble;                  ///< which node said what, for messages
  };
  struct Sent {
    std::uint64_t read = 0;
    std::optional<cql::HostId> host;
    Clock::time_point at;
  };

  void work();
  void start_waiting();
  void begin_round(Read& read);
  void ask(std::uint64_t id, Read& read, bool quorum);
  void settle(std::uint64_t id, Read& read);
  void start_due(Clock::time_point now);
  void hedge_late(Clock::time_point now);
  void take(cql::Answer answer);
  Chunk check(std::uint64_t number, const cql::Rows& rows, std::string& problem) const;
  void note_answer(const Sent& sent, const Read* read, Clock::time_point now);
  void warn(const std::string& line);
  void finish(std::uint64_t id, Chunk chunk, std::exception_ptr failure);
  Error give_up(const Read& read) const;
  std::string what(std::uint64_t number) const;
  cql::Values key_values(std::uint64_t number) const;

  const Tables tables_;
  const CassandraStoreOptions options_;
  const std::shared_ptr<arrow::Schema> arrow_schema_;
  cql::Statement select_;
  std::vector<BlockInfo> blocks_;
  std::vector<Place> places_;

  mutable CheckMeter checking_;
  mutable std::mutex mutex_;  ///< of all below but the queue
  std::condition_variable ended_;
  std::unordered_map<std::uint64_t, Read> reads_;
  std::map<std::uint64_t, Sent> sent_;                      ///< the oldest first
  std::deque<std::uint64_t> waiting_;                       ///< reads that are not asked for yet
  std::multimap<Clock::time_point, std::uint64_t> rounds_;  ///< when a read is asked for again
  Hedging hedging_;
  InFlight in_flight_;
  NodeMeters nodes_;
  std::uint64_t bytes_under_way_ = 0;
  std::uint64_t last_read_ = 0;
  std::uint64_t last_request_ = 0;
  int warnings_ = 0;
  bool ending_ = false;
  cql::Queue answers_;
  std::vector<std::jthread> workers_;  // last: they use all of the above
};

}  // namespace ringfeed::cassandra
