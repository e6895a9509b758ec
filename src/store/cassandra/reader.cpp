// A read goes from replica to replica in rounds. The first answer that passes its checksum wins; an
// empty or a wrong one never does. A quorum read, whose read repair heals, is asked for only when
// every replica says "no such chunk": with a wrong copy about it could spread that one.
#include "store/cassandra/reader.hpp"

#include <arrow/type.h>
#include <fmt/format.h>

#include <algorithm>
#include <ringfeed/error.hpp>
#include <utility>

#include "base/background.hpp"
#include "base/hash.hpp"
#include "base/option.hpp"
#include "base/pause.hpp"
#include "store/cassandra/stored_chunks.hpp"
#include "store/reader_closed.hpp"

namespace ringfeed::cassandra {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kChunkReadsMax = 65'536;
/// Of a read, in request timeouts.
constexpr int kChunkDeadlineTimeouts = 3;
constexpr auto kChunkPauseFirst = 100ms;
constexpr auto kChunkPauseMax = 2s;
constexpr auto kChunkLateLeast = 20ms;
constexpr int kWarningsMax = 10;

}  // namespace

Reader::Reader(Tables tables, const CassandraStoreOptions& options, const Manifest& manifest,
               std::string_view split, std::uint32_t group, int workers)
    : tables_(std::move(tables)),
      options_(options),
      arrow_schema_(manifest.group_schema(group).to_arrow()),
      select_(select_chunk(tables_)),
      hedging_(kChunkLateLeast),
      in_flight_(in_flight_of(tables_.session(), options_.read_bytes_under_way)) {
  for (const auto& part : manifest.parts) {
    if (part.split != split || part.group != group) continue;
    const auto keys = parse_part_name(part.name, tables_.where());
    for (std::size_t i = 0; i < part.chunk_bytes.size(); ++i) {
      blocks_.push_back({part.chunk_samples[i], part.chunk_bytes[i]});
      places_.push_back({keys.at(i), part.chunk_hash[i]});
    }
  }
  for (int i = 0; i < workers; ++i) workers_.emplace_back([this] { work(); });
}

/// Nobody wants what is under way: a node that does not answer must not hold up whoever ends.
Reader::~Reader() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    const auto cancelled = reader_closed();
    while (!reads_.empty()) finish(reads_.begin()->first, nullptr, cancelled);
  }
  answers_.close();
}

void Reader::read(std::uint64_t number, Done done) {
  if (number >= blocks_.size()) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: block {} asked for, there are {}",
                                                         tables_.where(), number, blocks_.size()));
  }
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [&] { return reads_.size() < kChunkReadsMax; });
  const std::uint64_t id = ++last_read_;
  Read& read = reads_[id];
  read.number = number;
  read.done = std::move(done);
  waiting_.push_back(id);
  start_waiting();
}

// ---- asking; all with the lock held ----

void Reader::start_waiting() {
  while (!waiting_.empty() && !ending_) {
    Read& read = reads_.at(waiting_.front());
    const std::uint64_t bytes = blocks_[read.number].bytes;
    if (bytes_under_way_ > 0 && bytes_under_way_ + bytes > in_flight_.limit()) return;
    const std::uint64_t id = waiting_.front();
    waiting_.pop_front();
    bytes_under_way_ += bytes;
    read.begun = Clock::now();
    read.deadline = read.begun +
                    kChunkDeadlineTimeouts * std::chrono::milliseconds(
                                                 tables_.session().connection().request_timeout_ms);
    begin_round(read);
    ask(id, read, false);
  }
  in_flight_.note_idle();
}

void Reader::begin_round(Read& read) {
  read.asked = read.empty = read.corrupt = 0;
  read.asked_quorum = read.hedged = false;
  read.replicas = tables_.session().replicas(select_, key_values(read.number));
  hedging_.order(read.replicas, read.number + static_cast<std::uint64_t>(read.rounds),
                 Clock::now());
}

void Reader::ask(std::uint64_t id, Read& read, bool quorum) {
  const std::uint64_t tag = ++last_request_;
  Sent sent{id, std::nullopt, Clock::now()};
  cql::Request request = {.consistency = tables_.session().connection().read_consistency};
  if (quorum) {
    request.consistency = Consistency::kLocalQuorum;
    read.asked_quorum = true;
  } else {
    if (read.asked < read.replicas.size()) request.host = read.replicas[read.asked].id;
    ++read.asked;
  }
  sent.host = request.host;
  sent_.emplace(tag, sent);
  read.last_request = tag;
  ++read.under_way;
  hedging_.note_request();
  tables_.session().start(select_, key_values(read.number), request, answers_, tag);
}

/// What is next for a read without a request under way.
void Reader::settle(std::uint64_t id, Read& read) {
  if (read.under_way > 0) return;
  const std::size_t replicas = std::max<std::size_t>(1, read.replicas.size());
  if (read.asked < replicas) return ask(id, read, false);
  if (read.empty == replicas && !read.asked_quorum) return ask(id, read, true);
  // Damage may be of the way and not of the copy: that is asked for once more.
  if (read.empty + read.corrupt >= replicas + (read.asked_quorum ? 1 : 0) &&
      (read.corrupt == 0 || read.rounds > 0)) {
    return finish(id, nullptr, std::make_exception_ptr(give_up(read)));
  }
  // Else some node did not answer: again, a little later.
  const auto pause = spread(std::min<std::chrono::milliseconds>(
      kChunkPauseFirst * (1 << std::min(read.rounds, 5)), kChunkPauseMax));
  if (Clock::now() + pause > read.deadline)
    return finish(id, nullptr, std::make_exception_ptr(give_up(read)));
  ++read.rounds;
  rounds_.emplace(Clock::now() + pause, id);
}

void Reader::start_due(Clock::time_point now) {
  while (!rounds_.empty() && rounds_.begin()->first <= now) {
    const std::uint64_t id = rounds_.begin()->second;
    rounds_.erase(rounds_.begin());
    Read& read = reads_.at(id);
    begin_round(read);
    ask(id, read, false);
  }
}

/// Asks a second replica where the first is late. What is answered cannot change by that.
void Reader::hedge_late(Clock::time_point now) {
  if (!hedging_.has_choice()) return;
  const auto late = hedging_.late();
  for (const auto& [tag, sent] : sent_) {
    if (now - sent.at < late) return;
    const auto found = reads_.find(sent.read);
    if (found == reads_.end()) continue;
    Read& read = found->second;
    if (read.last_request != tag || read.under_way != 1 || read.hedged || read.asked_quorum)
      continue;
    if (read.asked >= read.replicas.size() || !hedging_.take_turn(sent.host, now)) continue;
    read.hedged = true;
    nodes_.note_again(sent.host, Again::kLate);
    ask(sent.read, read, false);
  }
}

void Reader::note_answer(const Sent& sent, const Read* read, Clock::time_point now) {
  hedging_.note_answer(read != nullptr ? sent.host : std::nullopt, now - sent.at);
  if (read == nullptr || !sent.host || !read->hedged) return;
  // The answer overtook that of a replica which was asked before.
  for (const auto& [tag, other] : sent_) {
    if (other.read == sent.read && other.host && *other.host != *sent.host)
      hedging_.note_overtaken(*other.host, now);
  }
}

// ---- answers, on the worker threads ----

void Reader::work() {
  run_in_background();
  while (true) {
    std::chrono::milliseconds wait;
    {
      const std::lock_guard lock(mutex_);
      if (ending_) return;
      const auto now = Clock::now();
      start_due(now);
      hedge_late(now);
      wait = hedging_.until_look(
          reads_.empty(), rounds_.empty() ? std::nullopt : std::optional(rounds_.begin()->first));
    }
    if (auto answer = answers_.next(wait)) take(std::move(*answer));
  }
}

void Reader::take(cql::Answer answer) {
  Sent sent;
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto found = sent_.find(answer.tag);
    sent = found->second;
    sent_.erase(found);
    const auto read = reads_.find(sent.read);
    const bool wanted = read != reads_.end();
    if (!answer.failure) {
      const auto now = Clock::now();
      nodes_.note_answer(sent.host, now - sent.at, answer.rows.bytes());
      note_answer(sent, wanted ? &read->second : nullptr, now);
    }
    if (!wanted) return;  // another answer was first
    number = read->second.number;
    --read->second.under_way;
    if (answer.failure) {
      const bool overloaded = answer.failure->status == cql::Status::kOverloaded;
      nodes_.note_again(sent.host, overloaded ? Again::kOverloaded : Again::kFailed);
      if (overloaded) in_flight_.note_overload(sent.at, Clock::now());
      Read& failed = read->second;
      failed.failure = std::move(*answer.failure);
      failed.trouble = sent.host ? tables_.session().address_of(*sent.host) : "";
      if (!failed.failure->passes() ||
          tables_.session().is_hopeless(*failed.failure, failed.replicas)) {
        return finish(sent.read, nullptr, std::make_exception_ptr(give_up(failed)));
      }
      return settle(sent.read, failed);
    }
    // Without its bytes a copy is none: read repair brings a node the columns that were asked for.
    if (answer.rows.size() == 0 || !answer.rows.cell(0, 1)) {
      ++read->second.empty;
      nodes_.note_again(sent.host, Again::kEmpty);
      return settle(sent.read, read->second);
    }
    ++read->second.under_way;  // until it is checked, outside of the lock
  }
  std::string problem;
  Chunk chunk = check(number, answer.rows, problem);
  const std::lock_guard lock(mutex_);
  const auto read = reads_.find(sent.read);
  if (read == reads_.end()) return;
  --read->second.under_way;
  if (chunk != nullptr) return finish(sent.read, std::move(chunk), nullptr);
  ++read->second.corrupt;
  nodes_.note_again(sent.host, Again::kDamaged);
  const std::string node = answer.host ? tables_.session().address_of(*answer.host) : "a node";
  read->second.trouble = fmt::format("{}: {}", node, problem);
  warn(
      fmt::format("{}: the copy of node {} is damaged ({}); another one is read instead; "
                  "{} writes a sound one over it",
                  what(number), node, problem, option_call("repair")));
  settle(sent.read, read->second);
}

Chunk Reader::check(std::uint64_t number, const cql::Rows& rows, std::string& problem) const {
  const CheckMeter::Span span(checking_);
  const auto cell = rows.cell(0, 1).value_or("");
  const BlockInfo& block = blocks_[number];
  if (cell.size() != block.bytes) {
    problem = fmt::format("{} bytes where the manifest says {}", cell.size(), block.bytes);
    return nullptr;
  }
  if (hash_bytes(cell) != places_[number].hash) {
    problem = "its bytes do not match their checksum";
    return nullptr;
  }
  return Chunk({.bytes = chunk_buffer(rows, cell),
                .arrow_schema = arrow_schema_,
                .samples = block.samples,
                .hash = places_[number].hash,
                .where = what(number)});
}

/// With the lock held, which is let go while `done` runs.
void Reader::finish(std::uint64_t id, Chunk chunk, std::exception_ptr failure) {
  auto node = reads_.extract(id);
  const std::uint64_t bytes = blocks_[node.mapped().number].bytes;
  bytes_under_way_ -= bytes;
  if (!failure) in_flight_.note_answer(bytes, node.mapped().begun, Clock::now());
  start_waiting();
  mutex_.unlock();
  node.mapped().done(std::move(chunk), failure);
  mutex_.lock();
  if (reads_.empty() || reads_.size() + 1 == kChunkReadsMax) ended_.notify_all();
}

Error Reader::give_up(const Read& read) const {
  const std::string where = what(read.number);
  if (read.failure && read.empty + read.corrupt < std::max<std::size_t>(1, read.replicas.size())) {
    return tables_.error(*read.failure, fmt::format("{}: node {}", where, read.trouble));
  }
  if (read.corrupt > 0) {
    return Error(ErrorCode::kBadData,
                 fmt::format("{}: no replica has a sound copy ({}); {} removes it, then "
                             "ingest again, which puts back what is missing",
                             where, read.trouble, option_call("repair")));
  }
  return Error(ErrorCode::kBadData,
               fmt::format("{}: no replica has it; was the version deleted? Otherwise ingest "
                           "again, or restore the table from a snapshot",
                           where));
}

bool Reader::has_room() const {
  const std::lock_guard lock(mutex_);
  return waiting_.empty() && bytes_under_way_ < in_flight_.limit();
}

void Reader::add_meters(Meters& meters) const {
  checking_.add_to(meters);
  const std::lock_guard lock(mutex_);
  add_reader_meters(meters, {bytes_under_way_, in_flight_.limit(), waiting_.size()});
  nodes_.add_to(meters, tables_.session());
}

void Reader::warn(const std::string& line) {
  if (options_.warn && warnings_++ < kWarningsMax) options_.warn(line);
}

std::string Reader::what(std::uint64_t number) const {
  const ChunkKey& key = places_[number].key;
  return fmt::format("{}: chunk {} of claim {}", tables_.where(), key.number, key.claim);
}

cql::Values Reader::key_values(std::uint64_t number) const {
  const ChunkKey& key = places_[number].key;
  return std::move(cql::Values().bigint(key.claim).bigint(key.number));
}

}  // namespace ringfeed::cassandra
