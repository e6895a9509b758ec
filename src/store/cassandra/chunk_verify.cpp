// Each copy is asked of its own node; what all copies of a chunk have shown decides what is done.
#include "store/cassandra/chunk_verify.hpp"

#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <ringfeed/error.hpp>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/hash.hpp"
#include "base/option.hpp"
#include "dataset/chunk.hpp"
#include "dataset/ranges.hpp"
#include "store/cassandra/stored_chunks.hpp"

namespace ringfeed::cassandra {
namespace {

using namespace std::chrono_literals;

class Verification {
 public:
  Verification(const Tables& tables, const Manifest& manifest, const ChunkVerifyOptions& options)
      : tables_(tables),
        manifest_(manifest),
        options_(options),
        ranges_(manifest.parts.size()),
        select_(select_chunk(tables)) {
    for (std::uint32_t group = 0; group < manifest.groups.size(); ++group)
      arrow_schemas_.push_back(manifest.group_schema(group).to_arrow());
  }

  /// Asks for all copies of each chunk. True: that changed chunks.
  bool pass() {
    checked_ = 0;
    for (std::size_t part = 0; part < manifest_.parts.size(); ++part) {
      const auto keys = parse_part_name(manifest_.parts[part].name, tables_.where());
      for (std::size_t i = 0; i < manifest_.parts[part].chunk_bytes.size(); ++i)
        ask_copies(keys.at(i), part, i);
    }
    while (!sent_.empty()) take();
    return std::exchange(changed_, false);
  }

  std::uint64_t removed() const noexcept { return removed_; }

  std::uint64_t finish() const {
    for (const auto& [address, count] : missing_) {
      warn(
          fmt::format("{}: node {} lacks {} of the chunks, which others have; run 'nodetool repair "
                      "{}' there, or verify with {}",
                      tables_.where(), address, count, tables_.keyspace(), option_name("repair")));
    }
    if (rewritten_ > 0) {
      warn(
          fmt::format("{}: {} chunks were written anew, as some of their copies were damaged or "
                      "gone",
                      tables_.where(), rewritten_));
    }
    if (removed_ > 0) {
      throw Error(ErrorCode::kBadData,
                  fmt::format("{}: {} damaged chunks had no sound copy and were removed; ingest "
                              "again, which puts back what is missing",
                              tables_.where(), removed_));
    }
    for (std::size_t part = 0; part < ranges_.size(); ++part)
      check_ranges(manifest_.parts[part], ranges_[part], tables_.where());
    return checked_;
  }

 private:
  static constexpr int kTriesMax = 3;

  /// What the copies of a chunk have shown so far.
  struct Copies {
    ChunkKey key;
    std::size_t part = 0;    ///< of the manifest
    std::size_t number = 0;  ///< in the part
    std::uint32_t bytes = 0;
    std::size_t left = 0;  ///< copies not looked at yet
    bool sound = false;    ///< one of them is there and right
    bool gone = false;
    bool hollow = false;  ///< gone but for its hash, which an ingest again takes for the chunk
    bool damaged = false;
    cql::Rows rows = {};  ///< a sound copy, to be written over the others
  };
  struct Copy {
    std::shared_ptr<Copies> chunk;
    std::optional<cql::HostId> host;
    std::string address;
    int tries = 0;
    bool quorum = false;  ///< of whichever copies
  };

  void ask_copies(const ChunkKey& key, std::size_t part, std::size_t number) {
    auto replicas = tables_.session().replicas(select_, key_values(key));
    if (replicas.empty()) {
      if (!tables_.session().connection().contact_points_only) throw_unknown_replicas();
      replicas.emplace_back();  // another node's copy, as a contact point is given it
    }
    const std::uint32_t bytes = manifest_.parts[part].chunk_bytes[number];
    const auto chunk = std::make_shared<Copies>(Copies{key, part, number, bytes, replicas.size()});
    for (const auto& replica : replicas) {
      while (!sent_.empty() && bytes_under_way_ + bytes > options_.bytes_under_way_max) take();
      Copy copy{chunk, std::nullopt, replica.address, 0};
      if (!replica.address.empty()) copy.host = replica.id;
      send(std::move(copy));
    }
  }

  static cql::Values key_values(const ChunkKey& key) {
    return std::move(cql::Values().bigint(key.claim).bigint(key.number));
  }

  void send(Copy copy) {
    const std::uint64_t tag = ++last_;
    bytes_under_way_ += copy.chunk->bytes;
    const auto consistency =
        copy.quorum ? Consistency::kLocalQuorum : tables_.session().connection().read_consistency;
    tables_.session().start(select_, key_values(copy.chunk->key),
                            {.consistency = consistency, .host = copy.host}, answers_, tag);
    sent_.emplace(tag, std::move(copy));
  }

  void take() {
    auto answer = answers_.next(1h);
    if (!answer) return;
    auto node = sent_.extract(answer->tag);
    Copy& copy = node.mapped();
    Copies& chunk = *copy.chunk;
    bytes_under_way_ -= chunk.bytes;
    if (answer->failure) {
      if (!answer->failure->passes() || ++copy.tries == kTriesMax)
        throw_unread(copy, *answer->failure);
      return send(std::move(copy));
    }
    --chunk.left;
    // Without its bytes a copy is none: read repair brings a node the columns that were asked for.
    if (answer->rows.size() == 0 || !answer->rows.cell(0, 1)) {
      chunk.gone = true;
      chunk.hollow = chunk.hollow || answer->rows.size() > 0;
      if (!copy.quorum && !options_.repair) ++missing_[copy.address];
    } else {
      note(copy, answer->rows);
    }
    if (chunk.left == 0) settle(copy);
  }

  void note(Copy& copy, const cql::Rows& rows) {
    Copies& chunk = *copy.chunk;
    const auto cell = rows.cell(0, 1).value_or("");
    std::string problem;
    if (cell.size() != chunk.bytes) {
      problem = fmt::format("{} bytes where the manifest says {}", cell.size(), chunk.bytes);
    } else if (hash_bytes(cell) != hash_of(chunk)) {
      problem = "its bytes do not match their checksum";
    }
    if (!problem.empty()) {
      note_damage(copy, problem);
      // What may be removed is asked for again: damage may be of the way, and not of the copy.
      if (++copy.tries >= kTriesMax) return;
      ++chunk.left;
      return send(std::move(copy));
    }
    if (options_.repair) chunk.rows = rows;
    if (std::exchange(chunk.sound, true)) return;
    // What has the checksum of the manifest may still be other samples than the manifest says.
    const Part& part = manifest_.parts[chunk.part];
    const auto batch = decode_chunk(chunk_buffer(rows, cell), arrow_schemas_[part.group],
                                    part.chunk_samples[chunk.number], what(chunk));
    widen(ranges_[chunk.part],
          ranges_of_group(*batch, manifest_.schema, manifest_.groups[part.group]));
    checked_ += chunk.bytes;
    if (options_.progress) options_.progress(checked_);
  }

  void note_damage(const Copy& copy, std::string_view problem) {
    copy.chunk->damaged = true;
    if (options_.repair) return;
    throw Error(ErrorCode::kBadData,
                fmt::format("{} on node {}: {}; verify with {}, which writes a sound copy over it",
                            what(*copy.chunk), copy.address, problem, option_name("repair")));
  }

  /// When all copies were looked at.
  void settle(Copy& copy) {
    Copies& chunk = *copy.chunk;
    if (chunk.sound) {
      if (options_.repair && (chunk.damaged || chunk.gone)) rewrite(chunk);
      return;
    }
    // A quorum read could spread what is damaged.
    if (chunk.damaged) return remove(chunk);
    if (copy.quorum && chunk.hollow && options_.repair) return remove(chunk);
    if (copy.quorum) throw_missing(chunk);
    // A node may have asked another one: all may have asked the one that has no copy.
    chunk.left = 1;
    copy.tries = 0;
    copy.quorum = true;
    send(std::move(copy));
  }

  void rewrite(Copies& chunk) {
    change(fmt::format("INSERT INTO {} (claim, number, hash, data) VALUES (?, ?, ?, ?)",
                       tables_.chunks()),
           std::move(key_values(chunk.key)
                         .bigint(static_cast<std::int64_t>(hash_of(chunk)))
                         .view(chunk.rows.cell(0, 1).value_or(""))));
    ++rewritten_;
  }

  void remove(const Copies& chunk) {
    change(fmt::format("DELETE FROM {} WHERE claim = ? AND number = ?", tables_.chunks()),
           key_values(chunk.key));
    ++removed_;
  }

  /// On every node: a quorum may be those whose copies were right before.
  void change(const std::string& cql, const cql::Values& values) {
    const auto& session = tables_.session();
    const auto answer = session.ask_patiently(session.prepare(cql, tables_.where()), values,
                                              {.consistency = Consistency::kAll});
    if (answer.failure) throw tables_.error(*answer.failure);
    changed_ = true;
  }

  void warn(const std::string& line) const {
    if (options_.warn) options_.warn(line);
  }

  [[noreturn]] void throw_unknown_replicas() const {
    throw Error(ErrorCode::kUnavailable,
                fmt::format("{}: it is not known which nodes have copies of the chunks, so not all "
                            "copies can be read; verify again when all nodes of keyspace {} are up",
                            tables_.where(), tables_.keyspace()));
  }

  [[noreturn]] void throw_unread(const Copy& copy, const cql::Failure& failure) const {
    const Error error = tables_.error(failure);
    if (copy.address.empty() || !failure.passes()) throw error;
    throw Error(error.code(),
                fmt::format("{}; every copy is read, and node {} did not answer for its own: "
                            "verify again when all nodes are up",
                            error.what(), copy.address));
  }

  [[noreturn]] void throw_missing(const Copies& chunk) const {
    const std::string first =
        chunk.hollow ? fmt::format(" but for its hash; verify with {}, which removes that, then",
                                   option_name("repair"))
                     : ";";
    throw Error(ErrorCode::kBadData,
                fmt::format("{} is missing on every node{} ingest again, which puts back what is "
                            "missing",
                            what(chunk), first));
  }

  std::uint64_t hash_of(const Copies& chunk) const {
    return manifest_.parts[chunk.part].chunk_hash[chunk.number];
  }

  std::string what(const Copies& chunk) const {
    return fmt::format("{}: chunk {} of claim {}", tables_.where(), chunk.key.number,
                       chunk.key.claim);
  }

  const Tables& tables_;
  const Manifest& manifest_;
  const ChunkVerifyOptions& options_;
  std::vector<std::shared_ptr<arrow::Schema>> arrow_schemas_;  ///< of the column groups
  std::vector<std::vector<ColumnRange>> ranges_;  ///< of each part, as its chunks have them
  cql::Statement select_;
  cql::Queue answers_;
  std::unordered_map<std::uint64_t, Copy> sent_;
  std::map<std::string, std::uint64_t> missing_;  ///< copies, by node
  std::uint64_t bytes_under_way_ = 0;
  std::uint64_t last_ = 0;
  std::uint64_t checked_ = 0;
  std::uint64_t rewritten_ = 0;
  std::uint64_t removed_ = 0;
  bool changed_ = false;
};

/// With contact points only, one that does not answer is none that the session knows: its copies
/// would not be missed.
void check_contact_points(const Tables& tables) {
  const auto& connection = tables.session().connection();
  if (!connection.contact_points_only) return;
  for (const auto& point : connection.contact_points) {
    auto one = connection;
    one.contact_points = {point};
    try {
      cql::Session::open(one, tables.keyspace());
    } catch (const Error& error) {
      throw Error(error.code(),
                  fmt::format("{}: {}; every copy is read: verify again when all hosts that are "
                              "named are up, or name the others alone",
                              tables.where(), error.what()));
    }
  }
}

/// A node may ask another one for what it has itself (the dynamic snitch), and hide a damaged copy:
/// what was changed is looked at again, as long as there is something to change.
constexpr int kPassesMax = 4;

}  // namespace

std::uint64_t verify_chunks(const Tables& tables, const Manifest& manifest,
                            const ChunkVerifyOptions& options) {
  check_contact_points(tables);
  Verification verification(tables, manifest, options);
  for (int pass = 1; pass <= kPassesMax; ++pass) {
    if (!verification.pass() || verification.removed() > 0) break;
  }
  return verification.finish();
}

}  // namespace ringfeed::cassandra
