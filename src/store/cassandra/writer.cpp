// The order of writes makes a version appear whole or not at all: chunks, then the journal's line
// for their part, then the manifest's pieces, then the one transaction that publishes.
#include "store/cassandra/writer.hpp"

#include <arrow/buffer.h>
#include <fmt/format.h>

#include <algorithm>
#include <ringfeed/error.hpp>
#include <utility>

#include "dataset/ranges.hpp"
#include "store/cassandra/stored_chunks.hpp"
#include "store/version_plan.hpp"

namespace ringfeed::cassandra {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kWindowBytesLeast = std::uint64_t{1} << 20;
/// Without one chunk stored for so long the server is taken for gone.
constexpr auto kChunkPatience = 60s;

/// What the journal's lines and the manifest are about, without the parts of others.
Manifest subject_of(const Manifest& manifest) {
  Manifest subject = manifest;
  subject.parts.clear();
  subject.origin.permutation = "whole";
  return subject;
}

}  // namespace

Writer::Writer(Tables tables, const CassandraStoreOptions& options, const WriteIntent& intent,
               Store::OnStep on_step)
    : tables_(std::move(tables)),
      options_(options),
      on_step_(std::move(on_step)),
      writes_([this](std::uint64_t number, cql::Queue& answers) { send(number, answers); }),
      window_bytes_(options.write_bytes_under_way) {
  tables_.create();
  step("tables");
  if (plan(intent)) {
    prepare();
    return;
  }
  claim_.emplace(tables_, manifest_.origin.fingerprint, options_.lease);
  step("claim");
  // Another writer may have published in between.
  if (plan(intent)) {
    claim_->abandon();
    claim_.reset();
    prepare();
    return;
  }
  manifest_.version = claim_->version();
  prepare();
  recover();
}

void Writer::prepare() {
  if (published_ && !remakes_) {
    journal_parts_ = manifest_.parts.size();
    look_at_published();
    if (missing_.empty()) return;
  }
  insert_ = tables_.session().prepare(
      fmt::format("INSERT INTO {} (claim, number, hash, data) VALUES (?, ?, ?, ?)",
                  tables_.chunks()),
      tables_.where());
  insert_piece_ = tables_.session().prepare(
      fmt::format("INSERT INTO {} (name, version, piece, text) VALUES (?, ?, ?, ?)",
                  tables_.manifests()),
      tables_.where());
}

void Writer::look_at_published() {
  places_ = chunk_places(tables_, manifest_);
  missing_ = missing_chunks(tables_, places_, Consistency::kLocalQuorum);
  const auto own = static_cast<std::int64_t>(manifest_.version);
  std::size_t base = 0;
  while (base < places_.size() && places_[base].key.claim != own) ++base;
  if (!missing_.empty() && missing_[0] < base) {
    const ChunkKey& key = places_[missing_[0]].key;
    throw Error(ErrorCode::kBadData,
                fmt::format("{}: version {} holds chunk {} of version {}, which is gone; ingest "
                            "again what version {} was made of",
                            tables_.where(), manifest_.version, key.number, key.claim, key.claim));
  }
  places_.erase(places_.begin(), places_.begin() + static_cast<std::ptrdiff_t>(base));
  for (auto& number : missing_) number -= base;
}

bool Writer::plan(const WriteIntent& intent) {
  std::vector<std::uint64_t> versions;
  const auto rows = tables_.rows();
  for (const auto& row : rows) {
    if (row.state == kPublished) versions.push_back(row.version);
  }
  VersionPlan plan;
  try {
    plan = plan_version(
        intent, versions,
        [&](std::uint64_t version) {
          return manifest_of(*std::ranges::find(rows, version, &VersionRow::version));
        },
        tables_.where());
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kBadData || !plan_anew(intent, rows)) throw;
    return true;
  }
  manifest_ = std::move(plan.manifest);
  base_parts_ = journal_parts_ = plan.base_parts;
  published_ = plan.published;
  return published_;
}

bool Writer::plan_anew(const WriteIntent& intent, std::span<const VersionRow> rows) {
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
    return false;
  }
  std::vector<std::uint64_t> before;
  if (intent.append) {
    if (lost == 0 || made[lost - 1].state != kPublished) return false;
    before.push_back(made[lost - 1].version);
  }
  VersionPlan plan = plan_version(
      intent, before, [&](std::uint64_t) { return manifest_of(made[lost - 1]); }, tables_.where());
  manifest_ = std::move(plan.manifest);
  manifest_.version = made[lost].version;
  base_parts_ = journal_parts_ = plan.base_parts;
  published_ = remakes_ = true;
  return true;
}

Manifest Writer::manifest_of(const VersionRow& row) const {
  return Manifest::decode(tables_.read_manifest(row), tables_.where());
}

bool Writer::has_chunk(std::uint64_t number) const {
  if (!published_ || remakes_) return number < stored_chunks_;
  return !std::ranges::binary_search(missing_, number);
}

void Writer::recover() {
  const auto& session = tables_.session();
  // The journal's lines have the numbers -1, -2, ... in the manifest's partition.
  const auto statement = session.prepare(
      fmt::format("SELECT text FROM {} WHERE name = ? AND version = ? AND piece = ?",
                  tables_.manifests()),
      tables_.where());
  const Manifest subject = subject_of(manifest_);
  for (std::int32_t line = 1;; ++line) {
    const auto rows = session.execute(statement,
                                      cql::Values()
                                          .view(tables_.name())
                                          .bigint(static_cast<std::int64_t>(manifest_.version))
                                          .integer(-line),
                                      {.consistency = Consistency::kLocalQuorum}, tables_.where());
    if (rows.size() == 0) break;
    Manifest found;
    try {
      found = Manifest::decode(rows.text(0, 0), tables_.where());
    } catch (const Error&) {
      break;  // what is behind a damaged line is written again
    }
    Manifest about = found;
    about.parts.clear();
    if (about != subject || found.parts.size() != 1) break;
    const auto key = parse_part_name(found.parts[0].name, tables_.where());
    if (key.claim != static_cast<std::int64_t>(manifest_.version) ||
        key.number != static_cast<std::int64_t>(next_chunk_)) {
      break;
    }
    next_chunk_ += found.parts[0].chunk_bytes.size();
    manifest_.parts.push_back(std::move(found.parts[0]));
    ++journal_parts_;
  }
  stored_chunks_ = next_chunk_;
}

void Writer::begin_part() { keeps_parts_ = begins_part_ = true; }

void Writer::put(std::string_view split, const Chunk& chunk,
                 const std::vector<ColumnRange>& ranges) {
  if (published_ && !remakes_) return put_back(chunk);
  if (std::find(manifest_.splits.begin(), manifest_.splits.end(), split) ==
      manifest_.splits.end()) {
    throw Error(ErrorCode::kInternal,
                fmt::format("a chunk is put into split '{}', which was not announced", split));
  }
  if (claim_) claim_->check();
  const auto bytes = static_cast<std::uint64_t>(chunk.encoded()->size());
  const bool is_open = manifest_.parts.size() > journal_parts_;
  const auto is_full = [&] {
    return keeps_parts_ ? begins_part_
                        : manifest_.parts.back().bytes() + bytes > options_.part_bytes;
  };
  if (!is_open || manifest_.parts.back().split != split || is_full()) {
    Part part;
    part.name = part_name(
        {static_cast<std::int64_t>(manifest_.version), static_cast<std::int64_t>(next_chunk_)});
    part.split = split;
    manifest_.parts.push_back(std::move(part));
    write_journal();
  }
  begins_part_ = false;
  const std::uint64_t number = next_chunk_++;
  if (claim_) claim_->reserve(number);
  Part& part = manifest_.parts.back();
  widen(part.ranges, ranges);
  Pending pending{chunk.encoded(), chunk.hash(), manifest_.parts.size() - 1};
  part.chunk_samples.push_back(chunk.samples());
  part.chunk_bytes.push_back(static_cast<std::uint32_t>(bytes));
  part.chunk_hash.push_back(pending.hash);
  enqueue(number, std::move(pending));
}

void Writer::put_back(const Chunk& chunk) {
  if (put_back_ == missing_.size())
    throw Error(ErrorCode::kInternal, "a chunk is put into a published version");
  const ChunkPlace& place = places_[missing_[put_back_++]];
  Pending pending{chunk.encoded(), chunk.hash(), manifest_.parts.size()};
  if (pending.hash != place.hash) {
    throw Error(ErrorCode::kBadData,
                fmt::format("{}: chunk {} of claim {} is gone, and the source gives other bytes "
                            "for it than it did; delete version {} and ingest again",
                            tables_.where(), place.key.number, place.key.claim, manifest_.version));
  }
  enqueue(static_cast<std::uint64_t>(place.key.number), std::move(pending));
}

void Writer::enqueue(std::uint64_t number, Pending pending) {
  const auto bytes = static_cast<std::size_t>(pending.bytes->size());
  while (!pending_.empty() && pending_bytes_ + bytes > window_bytes_) take_answer(1h);
  pending_bytes_ += bytes;
  ++pending_of_part_[pending.part];
  pending_.emplace(number, std::move(pending));
  writes_.send(number);
  while (take_answer(0ms)) {
  }
}

cql::Values Writer::values_of(std::uint64_t number) const {
  const Pending& pending = pending_.at(number);
  return std::move(cql::Values()
                       .bigint(static_cast<std::int64_t>(manifest_.version))
                       .bigint(static_cast<std::int64_t>(number))
                       .bigint(static_cast<std::int64_t>(pending.hash))
                       .view(std::string_view(*pending.bytes)));
}

void Writer::send(std::uint64_t number, cql::Queue& answers) const {
  tables_.session().start(*insert_, values_of(number),
                          {.consistency = tables_.session().connection().write_consistency},
                          answers, number);
}

bool Writer::take_answer(std::chrono::milliseconds timeout) {
  const auto answer = writes_.next(timeout);
  if (!answer) return false;
  if (answer->failure) {
    try_again(answer->tag, *answer->failure);
    return true;
  }
  const auto found = pending_.find(answer->tag);
  const auto bytes = static_cast<std::size_t>(found->second.bytes->size());
  const std::size_t part = found->second.part;
  pending_.erase(found);
  pending_bytes_ -= bytes;
  window_bytes_ = std::min(window_bytes_ + bytes / 8, options_.write_bytes_under_way);
  if (--pending_of_part_[part] == 0) {
    pending_of_part_.erase(part);
    write_journal();
  }
  return true;
}

void Writer::try_again(std::uint64_t number, const cql::Failure& failure) {
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

void Writer::write_journal() {
  if (!claim_) return;
  // In order: a line says that all chunks up to the end of its part are stored.
  while (journal_parts_ + 1 < manifest_.parts.size() &&
         (pending_of_part_.empty() || pending_of_part_.begin()->first > journal_parts_)) {
    Manifest line = subject_of(manifest_);
    line.parts.push_back(manifest_.parts[journal_parts_]);
    step("part-stored");
    tables_.session().execute(
        *insert_piece_,
        cql::Values()
            .view(tables_.name())
            .bigint(static_cast<std::int64_t>(manifest_.version))
            .integer(-static_cast<std::int32_t>(journal_parts_ - base_parts_ + 1))
            .bytes(line.encode()),
        {.consistency = tables_.session().connection().write_consistency}, tables_.where());
    ++journal_parts_;
    step("journal-written");
  }
}

void Writer::wait_for_all() {
  while (!pending_.empty()) take_answer(1h);
}

void Writer::set_permutation(std::string_view permutation) {
  if (!published_ || remakes_) manifest_.origin.permutation = permutation;
}

std::uint32_t Writer::write_manifest() {
  const std::string text = manifest_.text_to_publish();
  std::uint32_t pieces = 0;
  for (std::size_t at = 0; at < text.size(); at += kPieceBytes) {
    tables_.session().execute(*insert_piece_,
                              cql::Values()
                                  .view(tables_.name())
                                  .bigint(static_cast<std::int64_t>(manifest_.version))
                                  .integer(static_cast<std::int32_t>(pieces++))
                                  .bytes(std::string_view(text).substr(at, kPieceBytes)),
                              {.consistency = tables_.session().connection().write_consistency},
                              tables_.where());
  }
  return pieces;
}

/// An acknowledged write may stay unseen: below a deletion that has a time to come.
void Writer::check_stored() {
  std::vector<ChunkPlace> places = chunk_places(tables_, manifest_, base_parts_);
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

Manifest Writer::publish_repaired() {
  if (missing() == 0) return manifest_;
  wait_for_all();
  check_stored();
  if (remakes_) {
    const std::uint32_t pieces = write_manifest();
    const auto row = tables_.row(manifest_.version);
    if (row && row->state == kPublished && row->manifest_pieces != pieces) {
      throw Error(ErrorCode::kBadData,
                  fmt::format("{}: the manifest of version {} was lost, and the source gives "
                              "another one; delete the version and ingest again",
                              tables_.where(), manifest_.version));
    }
  }
  const auto row = tables_.row(manifest_.version);
  if (row && row->state == kPublished) return manifest_;
  if (remakes_) remove_manifest(tables_, manifest_.version);
  throw Error(ErrorCode::kConflict, fmt::format("{}: version {} was deleted while it was repaired",
                                                tables_.where(), manifest_.version));
}

Manifest Writer::publish() {
  if (published_) return publish_repaired();
  wait_for_all();
  step("chunks-stored");
  check_stored();
  claim_->check();
  const std::uint32_t pieces = write_manifest();
  step("manifest-written");
  claim_->publish(pieces);
  published_ = true;
  step("published");
  claim_.reset();
  const cql::Answer answer = tables_.session().ask(
      tables_.session().prepare(
          fmt::format("DELETE FROM {} WHERE name = ? AND version = ? AND piece < 0",
                      tables_.manifests()),
          tables_.where()),
      cql::Values().view(tables_.name()).bigint(static_cast<std::int64_t>(manifest_.version)),
      {.consistency = tables_.session().connection().write_consistency});
  // A journal that stays is in nobody's way: no writer reads that of a published version.
  static_cast<void>(answer);
  step("journal-removed");
  return manifest_;
}

void Writer::step(std::string_view name) const {
  if (on_step_) on_step_(name);
}

}  // namespace ringfeed::cassandra
