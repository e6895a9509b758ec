// The order of writes makes a version appear whole or not at all: chunks, then the journal's line
// for their part, then the manifest's pieces, then the one transaction that publishes.
#include "store/cassandra/chunk_backend.hpp"

#include <arrow/buffer.h>
#include <fmt/format.h>

#include <algorithm>
#include <ringfeed/error.hpp>
#include <utility>

#include "store/cassandra/stored_chunks.hpp"
#include "store/version_journal.hpp"

namespace ringfeed::cassandra {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kWindowBytesLeast = std::uint64_t{1} << 20;
/// Without one chunk stored for so long the server is taken for gone.
constexpr auto kChunkPatience = 60s;

}  // namespace

ChunkBackend::ChunkBackend(Tables tables, const CassandraStoreOptions& options,
                           Store::OnStep on_step)
    : tables_(std::move(tables)),
      options_(options),
      on_step_(std::move(on_step)),
      writes_([this](std::uint64_t number, cql::Queue& answers) { send(number, answers); }),
      window_bytes_(options.write_bytes_under_way) {
  tables_.create();
  step("tables");
}

void ChunkBackend::prepare() {
  insert_ = tables_.session().prepare(
      fmt::format("INSERT INTO {} (claim, number, hash, data) VALUES (?, ?, ?, ?)",
                  tables_.chunks()),
      tables_.where());
  insert_piece_ = tables_.session().prepare(
      fmt::format("INSERT INTO {} (name, version, piece, text) VALUES (?, ?, ?, ?)",
                  tables_.manifests()),
      tables_.where());
}

VersionPlan ChunkBackend::plan(const WriteIntent& intent) {
  std::vector<std::uint64_t> versions;
  const auto rows = tables_.rows();
  for (const auto& row : rows) {
    if (row.state == kPublished) versions.push_back(row.version);
  }
  try {
    return plan_version(
        intent, versions,
        [&](std::uint64_t version) {
          return manifest_of(*std::ranges::find(rows, version, &VersionRow::version));
        },
        tables_.where());
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kBadData) throw;
    const auto anew = plan_anew(intent, rows);
    if (!anew) throw;
    return *anew;
  }
}

std::optional<VersionPlan> ChunkBackend::plan_anew(const WriteIntent& intent,
                                                   std::span<const VersionRow> rows) const {
  std::vector<VersionRow> made;
  for (const auto& row : rows) {
    // Of a version that is deleted with all its chunks no later one holds anything.
    const bool is_gone = row.state == kDeleted && !has_first_chunk(tables_, row.version);
    if (row.manifest_pieces > 0 && !is_gone) made.push_back(row);
  }
  // It held what the one before it holds, if that is the one that was appended to.
  const std::size_t lost = intent.append ? made.size() - 1 : 0;
  if (made.empty() || made[lost].state != kPublished ||
      made[lost].fingerprint != intent.origin.fingerprint) {
    return std::nullopt;
  }
  std::vector<std::uint64_t> before;
  if (intent.append) {
    if (lost == 0 || made[lost - 1].state != kPublished) return std::nullopt;
    before.push_back(made[lost - 1].version);
  }
  VersionPlan plan = plan_version(
      intent, before, [&](std::uint64_t) { return manifest_of(made[lost - 1]); }, tables_.where());
  plan.manifest.version = made[lost].version;
  plan.published = plan.remakes = true;
  return plan;
}

Manifest ChunkBackend::manifest_of(const VersionRow& row) const {
  return Manifest::decode(tables_.read_manifest(row), tables_.where());
}

void ChunkBackend::begin(const VersionPlan& plan) {
  claim_.emplace(tables_, plan.manifest.origin.fingerprint, options_.lease);
  step("claim");
}

void ChunkBackend::abandon() {
  claim_->abandon();
  claim_.reset();
}

void ChunkBackend::look_at_published(const VersionPlan& plan) {
  const Manifest& manifest = plan.manifest;
  version_ = manifest.version;
  groups_ = manifest.groups.size();
  const auto places = chunk_places(tables_, manifest);
  const auto own = static_cast<std::int64_t>(manifest.version);
  for (const auto i : missing_chunks(tables_, places, Consistency::kLocalQuorum)) {
    const ChunkKey& key = places[i].key;
    if (key.claim != own) {
      throw Error(ErrorCode::kBadData,
                  fmt::format("{}: version {} holds chunk {} of version {}, which is gone; ingest "
                              "again what version {} was made of",
                              tables_.where(), manifest.version, key.number, key.claim, key.claim));
    }
    gone_.emplace(static_cast<std::uint64_t>(key.number), places[i].hash);
  }
  for (const auto& [number, hash] : gone_) {
    if (missing_.empty() || missing_.back() != number / groups_)
      missing_.push_back(number / groups_);
  }
  if (!missing_.empty()) prepare();
}

std::vector<RowRun> ChunkBackend::recover(Manifest& manifest) {
  if (claim_) manifest.version = claim_->version();
  version_ = manifest.version;
  base_parts_ = manifest.parts.size();
  groups_ = manifest.groups.size();
  subject_ = journal_subject(manifest);
  prepare();
  std::vector<RowRun> runs;
  if (!claim_) return runs;  // a published version's manifest is made again: it has no journal
  const auto& session = tables_.session();
  // The journal's lines have the numbers -1, -2, ... in the manifest's partition.
  const auto statement = session.prepare(
      fmt::format("SELECT text FROM {} WHERE name = ? AND version = ? AND piece = ?",
                  tables_.manifests()),
      tables_.where());
  std::uint64_t next = 0;  // row group
  while (true) {
    const auto rows = session.execute(statement,
                                      cql::Values()
                                          .view(tables_.name())
                                          .bigint(static_cast<std::int64_t>(version_))
                                          .integer(-(journal_lines_ + 1)),
                                      {.consistency = Consistency::kLocalQuorum}, tables_.where());
    if (rows.size() == 0) return runs;
    auto run = run_of_line(rows.text(0, 0), subject_);
    if (!run) return runs;
    for (const auto& part : run->parts) {
      if (part.name != part_name(keys_of(part.group, next))) return runs;
    }
    next += run->rows.size();
    runs.push_back(std::move(*run));
    ++journal_lines_;
  }
}

PartKeys ChunkBackend::keys_of(std::uint32_t group, std::uint64_t row_group) const {
  return {
      {static_cast<std::int64_t>(version_), static_cast<std::int64_t>(row_group * groups_ + group)},
      static_cast<std::int64_t>(groups_)};
}

void ChunkBackend::open(Part& part, std::uint64_t, std::uint64_t first_row_group) {
  part.name = part_name(keys_of(part.group, first_row_group));
}

void ChunkBackend::append(const Part& part, const Chunk& chunk) {
  if (claim_) claim_->check();
  const auto key = parse_part_name(part.name, tables_.where()).at(part.chunk_hash.size());
  const auto number = static_cast<std::uint64_t>(key.number);
  if (claim_) claim_->reserve(number);
  enqueue(number, {chunk.encoded(), chunk.hash(), sealed_runs_});
}

void ChunkBackend::seal(RowRun& run) {
  ++sealed_runs_;
  if (!claim_) return;  // no journal
  claim_->check();
  sealed_.push_back(run);
  write_journal();
}

void ChunkBackend::put_back(std::span<const Chunk> chunks) {
  if (put_back_ == missing_.size()) return VersionBackend::put_back(chunks);
  const std::uint64_t row_group = missing_[put_back_++];
  for (std::size_t group = 0; group < chunks.size(); ++group) {
    const auto gone = gone_.find(row_group * groups_ + group);
    if (gone == gone_.end()) continue;
    const auto& [number, hash] = *gone;
    Pending pending{chunks[group].encoded(), chunks[group].hash(), 0};
    if (pending.hash != hash) {
      throw Error(ErrorCode::kBadData,
                  fmt::format("{}: chunk {} of claim {} is gone, and the source gives other bytes "
                              "for it than it did; delete version {} and ingest again",
                              tables_.where(), number, version_, version_));
    }
    enqueue(number, std::move(pending));
  }
}

void ChunkBackend::enqueue(std::uint64_t number, Pending pending) {
  const auto bytes = static_cast<std::size_t>(pending.bytes->size());
  while (!pending_.empty() && pending_bytes_ + bytes > window_bytes_) take_answer(1h);
  pending_bytes_ += bytes;
  ++pending_of_run_[pending.run];
  pending_.emplace(number, std::move(pending));
  writes_.send(number);
  while (take_answer(0ms)) {
  }
}

cql::Values ChunkBackend::values_of(std::uint64_t number) const {
  const Pending& pending = pending_.at(number);
  return std::move(cql::Values()
                       .bigint(static_cast<std::int64_t>(version_))
                       .bigint(static_cast<std::int64_t>(number))
                       .bigint(static_cast<std::int64_t>(pending.hash))
                       .view(std::string_view(*pending.bytes)));
}

void ChunkBackend::send(std::uint64_t number, cql::Queue& answers) const {
  tables_.session().start(*insert_, values_of(number),
                          {.consistency = tables_.session().connection().write_consistency},
                          answers, number);
}

bool ChunkBackend::take_answer(std::chrono::milliseconds timeout) {
  const auto answer = writes_.next(timeout);
  if (!answer) return false;
  if (answer->failure) {
    try_again(answer->tag, *answer->failure);
    return true;
  }
  const auto found = pending_.find(answer->tag);
  const auto bytes = static_cast<std::size_t>(found->second.bytes->size());
  const std::size_t run = found->second.run;
  pending_.erase(found);
  pending_bytes_ -= bytes;
  window_bytes_ = std::min(window_bytes_ + bytes / 8, options_.write_bytes_under_way);
  if (--pending_of_run_[run] == 0) {
    pending_of_run_.erase(run);
    write_journal();
  }
  return true;
}

void ChunkBackend::try_again(std::uint64_t number, const cql::Failure& failure) {
  const auto& session = tables_.session();
  if (!failure.passes() || writes_.stalled() > kChunkPatience ||
      session.is_hopeless(failure, session.replicas(*insert_, values_of(number)))) {
    throw tables_.error(failure);
  }
  // The server has too much to do, or a replica is away: less at once, and a pause. A write that
  // took effect all the same is written again with the same bytes.
  window_bytes_ = std::max(window_bytes_ / 2, kWindowBytesLeast);
  writes_.send_later(number);
}

/// In order: a line says that all chunks up to the end of its run are stored.
void ChunkBackend::write_journal() {
  while (!sealed_.empty()) {
    const std::size_t run = sealed_runs_ - sealed_.size();
    if (!pending_of_run_.empty() && pending_of_run_.begin()->first <= run) return;
    step("part-stored");
    tables_.session().execute(*insert_piece_,
                              cql::Values()
                                  .view(tables_.name())
                                  .bigint(static_cast<std::int64_t>(version_))
                                  .integer(-(journal_lines_ + 1))
                                  .bytes(journal_line(subject_, sealed_.front())),
                              {.consistency = tables_.session().connection().write_consistency},
                              tables_.where());
    sealed_.pop_front();
    ++journal_lines_;
    step("journal-written");
  }
}

void ChunkBackend::wait_for_all() {
  while (!pending_.empty()) take_answer(1h);
}

std::uint32_t ChunkBackend::write_manifest(const Manifest& manifest) {
  const std::string text = manifest.text_to_publish();
  std::uint32_t pieces = 0;
  for (std::size_t at = 0; at < text.size(); at += kPieceBytes) {
    tables_.session().execute(*insert_piece_,
                              cql::Values()
                                  .view(tables_.name())
                                  .bigint(static_cast<std::int64_t>(version_))
                                  .integer(static_cast<std::int32_t>(pieces++))
                                  .bytes(std::string_view(text).substr(at, kPieceBytes)),
                              {.consistency = tables_.session().connection().write_consistency},
                              tables_.where());
  }
  return pieces;
}

/// An acknowledged write may stay unseen: below a deletion that has a time to come.
void ChunkBackend::check_stored(const Manifest& manifest) {
  std::vector<ChunkPlace> places = chunk_places(tables_, manifest, base_parts_);
  // Fewer replicas than a quorum may have been asked to store them.
  for (const auto consistency : {Consistency::kLocalQuorum, Consistency::kAll}) {
    const auto missing = missing_chunks(tables_, places, consistency);
    if (missing.empty()) return;
    std::vector<ChunkPlace> left;
    for (const auto at : missing) left.push_back(places[at]);
    places = std::move(left);
  }
  if (claim_) claim_->ask();  // another writer has put its own there, or removed ours
  const ChunkKey& key = places.front().key;
  throw Error(ErrorCode::kBadData,
              fmt::format("{}: chunk {} of claim {} was stored and is not there: the table {} has "
                          "deletions with a time in the future, as a client with a wrong clock "
                          "makes; ingest under another name",
                          tables_.where(), key.number, key.claim, tables_.chunks()));
}

void ChunkBackend::publish_repaired(const Manifest& manifest, bool remakes) {
  wait_for_all();
  check_stored(manifest);
  if (remakes) {
    const std::uint32_t pieces = write_manifest(manifest);
    const auto row = tables_.row(version_);
    if (row && row->state == kPublished && row->manifest_pieces != pieces) {
      throw Error(ErrorCode::kBadData,
                  fmt::format("{}: the manifest of version {} was lost, and the source gives "
                              "another one; delete the version and ingest again",
                              tables_.where(), version_));
    }
  }
  const auto row = tables_.row(version_);
  if (row && row->state == kPublished) return;
  if (remakes) remove_manifest(tables_, version_);
  throw Error(ErrorCode::kConflict, fmt::format("{}: version {} was deleted while it was repaired",
                                                tables_.where(), version_));
}

void ChunkBackend::publish(const Manifest& manifest) {
  if (!claim_) return;  // it was called before, and the version was published
  wait_for_all();
  step("chunks-stored");
  check_stored(manifest);
  claim_->check();
  const std::uint32_t pieces = write_manifest(manifest);
  step("manifest-written");
  claim_->publish(pieces);
  claim_.reset();
  step("published");
  const cql::Answer answer = tables_.session().ask(
      tables_.session().prepare(
          fmt::format("DELETE FROM {} WHERE name = ? AND version = ? AND piece < 0",
                      tables_.manifests()),
          tables_.where()),
      cql::Values().view(tables_.name()).bigint(static_cast<std::int64_t>(version_)),
      {.consistency = tables_.session().connection().write_consistency});
  // A journal that stays is in nobody's way: no writer reads that of a published version.
  static_cast<void>(answer);
  step("journal-removed");
}

void ChunkBackend::step(std::string_view name) const {
  if (on_step_) on_step_(name);
}

}  // namespace ringfeed::cassandra
