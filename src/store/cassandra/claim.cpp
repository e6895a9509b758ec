// The transactions on a version's row.
#include "store/cassandra/claim.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <functional>
#include <random>
#include <ringfeed/error.hpp>
#include <sstream>

#include "base/background.hpp"
#include "base/file.hpp"
#include "base/pause.hpp"
#include "store/cassandra/writes.hpp"

namespace ringfeed::cassandra {
namespace {

using namespace std::chrono_literals;

const cql::Request kTransaction = {.consistency = Consistency::kLocalQuorum,
                                   .serial_consistency = Consistency::kSerial};
/// How long a step that must come to an end is tried again.
constexpr auto kClaimPatience = 60s;
constexpr auto kClaimPauseFirst = 100ms;
constexpr auto kClaimPauseMax = 2s;
/// Chunk numbers that are reserved ahead: one transaction for as many chunks.
constexpr std::uint64_t kReserveAhead = 4096;

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// When a process started; 0 when there is none (proc(5), field 22 of stat).
std::uint64_t start_ticks_of(std::int64_t pid) {
  const std::string line = first_line(fmt::format("/proc/{}/stat", pid).c_str());
  const auto end = line.rfind(')');
  if (end == std::string::npos) return 0;
  std::istringstream fields(line.substr(end + 1));
  std::string field;
  std::uint64_t ticks = 0;
  for (int i = 3; i < 22; ++i) {
    if (!(fields >> field)) return 0;
    if (i == 3 && (field == "Z" || field == "X")) return 0;
  }
  return fields >> ticks ? ticks : 0;
}

}  // namespace

Owner Owner::self() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  std::random_device random;
  return {host.data(), first_line("/proc/sys/kernel/random/boot_id"), ::getpid(),
          start_ticks_of(::getpid()), std::uint64_t{random()} << 32 | random()};
}

std::string Owner::text() const {
  return fmt::format("process {} on {} (boot {}, start {}, {:016x})", pid, host, boot, start_ticks,
                     nonce);
}

bool Owner::may_live(std::string_view text) {
  const std::string copy(text);
  long long pid = 0;
  std::array<char, 256> host{};
  std::array<char, 64> boot{};
  unsigned long long start = 0;
  if (std::sscanf(copy.c_str(), "process %lld on %255s (boot %63[^,], start %llu,", &pid,
                  host.data(), boot.data(), &start) != 4) {
    return true;
  }
  if (first_line("/proc/sys/kernel/random/boot_id") != boot.data()) return true;  // elsewhere
  return start_ticks_of(pid) == start;
}

bool change_row(const Tables& tables, const std::string& cql, const cql::Values& values,
                std::uint64_t version, bool patient,
                const std::function<bool(const std::optional<VersionRow>&)>& is_done) {
  const auto& session = tables.session();
  const auto statement = session.prepare(cql, tables.where());
  const auto end = std::chrono::steady_clock::now() + kClaimPatience;
  std::chrono::milliseconds pause = kClaimPauseFirst;
  bool in_doubt = false;
  while (true) {
    const auto answer = session.ask(statement, values, kTransaction);
    if (!answer.failure) {
      if (answer.rows.boolean(0, 0)) return true;
      // Not applied: by another writer's change, or because an earlier try of ours was.
      return in_doubt && is_done(tables.row(version));
    }
    in_doubt = in_doubt || !answer.failure->outcome_known;
    const bool over = std::chrono::steady_clock::now() + pause > end;
    if (!answer.failure->passes() || over ||
        (!patient && answer.failure->status == cql::Status::kUnavailable)) {
      throw tables.error(*answer.failure);
    }
    std::this_thread::sleep_for(spread(pause));
    pause = std::min<std::chrono::milliseconds>(pause * 2, kClaimPauseMax);
  }
}

Claim::Claim(const Tables& tables, std::uint64_t fingerprint, std::chrono::seconds lease)
    : tables_(tables), lease_(lease), owner_(Owner::self().text()) {
  acquire(fingerprint);
  renew();
  renewing_ = std::jthread([this](const std::stop_token& stop) { renew_until(stop); });
}

Claim::~Claim() {
  renewing_ = {};
  if (ended_ || lost_) return;
  // The next try need not wait for the lease to run out.
  try {
    tables_.session().ask(
        tables_.session().prepare(
            fmt::format("UPDATE {} SET lease = null WHERE name = ? AND version = ? IF state = "
                        "'writing' AND owner = ?",
                        tables_.datasets()),
            tables_.where()),
        cql::Values().view(tables_.name()).bigint(static_cast<std::int64_t>(version_)).view(owner_),
        kTransaction);
  } catch (const Error&) {
    // It runs out.
  }
}

void Claim::acquire(std::uint64_t fingerprint) {
  // Each turn either ends or settles one row of another writer.
  while (true) {
    const auto rows = tables_.rows();
    std::optional<VersionRow> open;
    for (const auto& row : rows) {
      if (row.state == kWriting) open = row;
    }
    const auto is_mine = [this](const std::optional<VersionRow>& row) {
      return row && row->owner == owner_ && row->state == kWriting;
    };
    if (!open) {
      const std::uint64_t number = rows.empty() ? 1 : rows.back().version + 1;
      const bool taken = change_row(
          tables_,
          fmt::format("INSERT INTO {} (name, version, state, owner, fingerprint, reserved) "
                      "VALUES (?, ?, 'writing', ?, ?, 0) IF NOT EXISTS",
                      tables_.datasets()),
          cql::Values()
              .view(tables_.name())
              .bigint(static_cast<std::int64_t>(number))
              .view(owner_)
              .bigint(static_cast<std::int64_t>(fingerprint)),
          number, false, is_mine);
      if (!taken) continue;
      version_ = number;
      return;
    }
    if (open->leased && Owner::may_live(open->owner)) {
      throw Error(ErrorCode::kConflict,
                  fmt::format("{}: version {} is being written by {}; wait for its end (if it is "
                              "gone, its claim ends within {} s)",
                              tables_.where(), open->version, open->owner, lease_.count()));
    }
    const bool same = open->fingerprint == fingerprint;
    const auto change = [&](std::string_view set, const cql::Values& values,
                            const std::function<bool(const std::optional<VersionRow>&)>& is_done) {
      return change_row(tables_,
                        fmt::format("UPDATE {} SET {} WHERE name = ? AND version = ? IF state = "
                                    "'writing' AND owner = ?",
                                    tables_.datasets(), set),
                        values, open->version, false, is_done);
    };
    if (same) {
      const bool taken = change("owner = ?",
                                cql::Values()
                                    .view(owner_)
                                    .view(tables_.name())
                                    .bigint(static_cast<std::int64_t>(open->version))
                                    .view(open->owner),
                                is_mine);
      if (!taken) continue;
      version_ = open->version;
      reserved_ = open->reserved;
      return;
    }
    const bool ended = change(
        "state = 'abandoned'",
        cql::Values()
            .view(tables_.name())
            .bigint(static_cast<std::int64_t>(open->version))
            .view(open->owner),
        [](const std::optional<VersionRow>& row) { return row && row->state == kAbandoned; });
    if (!ended) continue;
    std::vector<std::pair<std::int64_t, std::int64_t>> chunks;
    for (std::uint64_t number = 0; number < open->reserved; ++number) {
      chunks.emplace_back(static_cast<std::int64_t>(open->version),
                          static_cast<std::int64_t>(number));
    }
    remove_chunks(tables_, chunks);
    remove_manifest(tables_, open->version);
  }
}

void Claim::renew() {
  const auto& session = tables_.session();
  try {
    if (!renewal_) {
      // Only the lease runs out: a transaction of its own, as a TTL is for all that is set with it.
      renewal_ = session.prepare(
          fmt::format("UPDATE {} USING TTL ? SET lease = true WHERE name = ? AND version = ? IF "
                      "state = 'writing' AND owner = ?",
                      tables_.datasets()),
          tables_.where());
    }
    const auto answer = session.ask(*renewal_,
                                    cql::Values()
                                        .integer(static_cast<std::int32_t>(lease_.count()))
                                        .view(tables_.name())
                                        .bigint(static_cast<std::int64_t>(version_))
                                        .view(owner_),
                                    kTransaction);
    if (answer.failure || answer.rows.boolean(0, 0)) return;
    if (!is_ours()) lost_ = true;
  } catch (const Error&) {
    // No node to renew at: publish() will say so, if it lasts.
  }
}

void Claim::renew_until(const std::stop_token& stop) {
  run_in_background();
  while (!lost_) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, stop, lease_ / 4, [] { return false; });
    }
    if (stop.stop_requested()) return;
    renew();
  }
}

void Claim::throw_lost() const {
  throw Error(ErrorCode::kConflict,
              fmt::format("{}: another process has taken over version {}; nothing that this one "
                          "wrote is visible to readers",
                          tables_.where(), version_));
}

bool Claim::is_ours() const {
  const auto row = tables_.row(version_);
  return row && row->owner == owner_ && row->state == kWriting;
}

void Claim::ask() const {
  if (!is_ours()) throw_lost();
}

void Claim::check() const {
  if (lost_) throw_lost();
}

void Claim::reserve(std::uint64_t number) {
  if (number < reserved_) return;
  const std::uint64_t reserved = number + kReserveAhead;
  const bool done = change_row(
      tables_,
      fmt::format("UPDATE {} SET reserved = ? WHERE name = ? AND version = ? IF state = 'writing' "
                  "AND owner = ?",
                  tables_.datasets()),
      cql::Values()
          .bigint(static_cast<std::int64_t>(reserved))
          .view(tables_.name())
          .bigint(static_cast<std::int64_t>(version_))
          .view(owner_),
      version_, true, [&](const std::optional<VersionRow>& row) {
        return row && row->owner == owner_ && row->state == kWriting && row->reserved == reserved;
      });
  if (!done) throw_lost();
  reserved_ = reserved;
}

void Claim::publish(std::uint32_t manifest_pieces) {
  renewing_ = {};
  const bool done = change_row(
      tables_,
      fmt::format("UPDATE {} SET state = 'published', manifest_pieces = ? WHERE name = ? AND "
                  "version = ? IF state = 'writing' AND owner = ?",
                  tables_.datasets()),
      cql::Values()
          .integer(static_cast<std::int32_t>(manifest_pieces))
          .view(tables_.name())
          .bigint(static_cast<std::int64_t>(version_))
          .view(owner_),
      version_, true, [&](const std::optional<VersionRow>& row) {
        return row && row->owner == owner_ && row->state == kPublished;
      });
  ended_ = true;
  if (!done) throw_lost();
}

void Claim::abandon() noexcept {
  renewing_ = {};
  ended_ = true;
  try {
    change_row(
        tables_,
        fmt::format("UPDATE {} SET state = 'abandoned' WHERE name = ? AND version = ? IF "
                    "state = 'writing' AND owner = ?",
                    tables_.datasets()),
        cql::Values().view(tables_.name()).bigint(static_cast<std::int64_t>(version_)).view(owner_),
        version_, false,
        [](const std::optional<VersionRow>& row) { return row && row->state == kAbandoned; });
  } catch (const Error&) {
    // The next writer does it, once the lease is over.
  }
}

void remove_chunks(const Tables& tables,
                   const std::vector<std::pair<std::int64_t, std::int64_t>>& chunks) {
  constexpr std::uint64_t kUnderWayMax = 256;
  const auto& session = tables.session();
  const auto statement =
      session.prepare(fmt::format("DELETE FROM {} WHERE claim = ? AND number = ?", tables.chunks()),
                      tables.where());
  const cql::Request request = {.consistency = session.connection().write_consistency};
  Writes deletes([&](std::uint64_t at, cql::Queue& answers) {
    session.start(statement, cql::Values().bigint(chunks[at].first).bigint(chunks[at].second),
                  request, answers, at);
  });
  std::uint64_t left = 0;
  const auto take = [&] {
    const auto answer = deletes.next(1h);
    if (!answer) return;
    if (!answer->failure) {
      --left;
    } else if (answer->failure->passes() && deletes.stalled() < kClaimPatience &&
               answer->failure->status != cql::Status::kUnavailable) {
      deletes.send_later(answer->tag);
    } else {
      throw tables.error(*answer->failure);
    }
  };
  for (std::uint64_t at = 0; at < chunks.size(); ++at) {
    while (left >= kUnderWayMax) take();
    deletes.send(at);
    ++left;
  }
  while (left > 0) take();
}

void remove_manifest(const Tables& tables, std::uint64_t version) {
  const auto& session = tables.session();
  session.execute(fmt::format("DELETE FROM {} WHERE name = ? AND version = ?", tables.manifests()),
                  cql::Values().view(tables.name()).bigint(static_cast<std::int64_t>(version)),
                  {.consistency = session.connection().write_consistency}, tables.where());
}

}  // namespace ringfeed::cassandra
