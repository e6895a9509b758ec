// Lines are made and go to the file on a thread of their own, so that neither keeps training
// waiting: when so many have come together, and when they must be durable.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <ringfeed/error.hpp>
#include <ringfeed/ledger.hpp>

#include "audit/ledger_file.hpp"
#include "audit/ledger_line.hpp"
#include "base/file.hpp"
#include "base/folder.hpp"
#include "base/thread_pool.hpp"

namespace ringfeed {
namespace {

constexpr std::size_t kPieceSamples = 32768;  // about 1 MiB of text

/// Lines of some batches, before they are text.
struct Piece {
  struct Line {
    std::uint64_t epoch = 0;
    std::uint64_t step = 0;
    std::uint64_t first = 0;
    std::size_t size = 0;
  };

  void add(const Batch& batch) {
    lines.push_back({static_cast<std::uint64_t>(batch.epoch),
                     static_cast<std::uint64_t>(batch.step), batch.first, batch.samples.size()});
    samples.insert(samples.end(), batch.samples.begin(), batch.samples.end());
    hashes.insert(hashes.end(), batch.hashes.begin(), batch.hashes.end());
  }

  /// Leaves it empty, and keeps its memory.
  void move_to(LedgerChain& chain, std::string& text) {
    std::size_t at = 0;
    for (const auto& line : lines) {
      append_batch(line.epoch, line.step, line.first, std::span(samples).subspan(at, line.size),
                   std::span(hashes).subspan(at, line.size), chain, text);
      at += line.size;
    }
    lines.clear();
    samples.clear();
    hashes.clear();
  }

  std::vector<Line> lines;
  std::vector<std::uint64_t> samples;  ///< of all of them
  std::vector<std::uint64_t> hashes;
};

}  // namespace

struct Ledger::Impl {
  explicit Impl(LedgerOptions options_in)
      : options(std::move(options_in)),
        header{.start = options.start,
               .rank = options.rank,
               .world_size = options.world_size,
               .columns = {},
               .position = nlohmann::json::parse(options.position)},
        file(make_file()),
        end(header.begin()) {}

  /// A run that begins anew would hide the one before it: of that nothing would count.
  void check_begins_no_second_run() const {
    if (options.start == 0 || header.begin() != LedgerPosition{}) return;
    if (!has_ended(options.folder, {options.rank, options.start - 1})) return;
    throw Error(ErrorCode::kConflict,
                fmt::format("{}: the run of this ledger has ended, and another one begins here; "
                            "choose another folder, or go on from the end of that run",
                            options.folder));
  }

  File make_file() const {
    make_folders(options.folder);
    check_begins_no_second_run();
    const Folder folder(options.folder);
    const std::string name = ledger_file_name(options.rank, options.start);
    try {
      File made = folder.create_new(name);
      sync_folder(options.folder);
      return made;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kConflict) throw;
      throw Error(ErrorCode::kConflict,
                  fmt::format("{}: this start of this rank has a ledger already; each start has a "
                              "number of its own (Ledger::next_start), or choose another folder",
                              folder.path_of(name)));
    }
  }

  /// The header is written with the first piece: only a batch tells which columns there are.
  void need_header(const std::vector<Column>& columns) {
    if (header_made) return;
    for (const auto& column : columns) header.columns.push_back(column.name);
    append(header, chain, writers_text);  // the writer is idle: it had no batch yet
    header_made = true;
  }

  void write(const Batch& batch) {
    const auto size = static_cast<std::size_t>(batch.size);
    if (batch.samples.size() != size || batch.hashes.size() != size) {
      throw Error(ErrorCode::kInvalidArgument,
                  "a batch without the numbers and hashes of its samples cannot go into a ledger; "
                  "make the feed with FeedOptions::track_samples");
    }
    need_header(batch.columns);
    piece.add(batch);
    end = {static_cast<std::uint64_t>(batch.epoch),
           batch.first + static_cast<std::uint64_t>(batch.global_size)};
    if (piece.samples.size() >= kPieceSamples) write_piece();
  }

  /// One piece at a time: what waits is bounded, and what went wrong is known with the next.
  void write_piece() {
    wait_written();
    std::swap(piece, writers_piece);
    const auto work = std::make_shared<std::packaged_task<void()>>([this] {
      writers_piece.move_to(chain, writers_text);
      file.write(writers_text);
      file.start_sync();  // so that flush() has little left to wait for
      writers_text.clear();
    });
    written = work->get_future();
    writer.submit([work] { (*work)(); });
  }

  /// Throws again, each time, what a piece failed with: a ledger must not go on behind a gap.
  void wait_written() const {
    if (written.valid()) written.get();
  }

  void write_rest() {
    write_piece();
    wait_written();
  }

  void flush() {
    write_rest();
    file.sync();
  }

  /// A start that was given nothing leaves nothing behind.
  void close() {
    if (!header_made) {
      Folder(options.folder).remove(ledger_file_name(options.rank, options.start));
      return sync_folder(options.folder);
    }
    write_rest();
    std::string last;
    append(LedgerEnd{end}, chain, last);  // the writer is idle
    file.write(last);
    file.sync();
  }

  LedgerOptions options;
  LedgerHeader header;
  File file;
  bool header_made = false;
  LedgerPosition end;
  Piece piece;
  Piece writers_piece;
  LedgerChain chain;  ///< the writer's
  std::string writers_text;
  std::shared_future<void> written;  ///< the last that the writer was given
  ThreadPool writer{1, 1};           ///< last: it uses the above
};

std::uint64_t Ledger::next_start(const std::string& folder) {
  std::uint64_t next = 0;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(folder, none)) {
    LedgerFileName name;
    if (parse_ledger_file_name(entry.path().filename().string(), name))
      next = std::max(next, name.start + 1);
  }
  return next;
}

Ledger::Ledger(LedgerOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}

Ledger::~Ledger() {
  if (impl_ == nullptr) return;
  try {
    impl_->write_rest();
  } catch (const Error&) {
    // The lines that are missing are found by the audit.
  }
}

Ledger::Ledger(Ledger&&) noexcept = default;
Ledger& Ledger::operator=(Ledger&&) noexcept = default;

void Ledger::write(const Batch& batch) { impl_->write(batch); }
void Ledger::flush() { impl_->flush(); }
void Ledger::close() { impl_->close(); }

}  // namespace ringfeed
