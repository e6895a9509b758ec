// Lines go to the file when so many have come together, and when they must be durable.
#include <ringfeed/ledger.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <ringfeed/error.hpp>

#include "audit/ledger_line.hpp"
#include "base/file.hpp"

namespace ringfeed {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 20;

}  // namespace

struct Ledger::Impl {
  explicit Impl(LedgerOptions options_in) : options(std::move(options_in)), file(make_file()) {
    header.start = options.start;
    header.rank = options.rank;
    header.world_size = options.world_size;
    header.position = nlohmann::json::parse(options.position);
    end = header.place();
  }

  File make_file() const {
    make_folders(options.folder);
    const std::string path =
        options.folder + "/" + ledger_file_name(options.rank, options.start);
    if (std::filesystem::exists(path)) {
      throw Error(ErrorCode::kConflict,
                  fmt::format("{}: this start of this rank has a ledger already; each start has a "
                              "number of its own (Ledger::next_start), or choose another folder",
                              path));
    }
    File made = File::create(path);
    sync_folder(options.folder);
    return made;
  }

  /// The header is written with the first batch: only that tells which columns there are.
  void need_header(const std::vector<Column>& columns) {
    if (header_written) return;
    for (const auto& column : columns) header.columns.push_back(column.name);
    buffer += encode(header);
    header_written = true;
  }

  void write(const Batch& batch) {
    const auto size = static_cast<std::size_t>(batch.size);
    if (batch.samples.size() != size || batch.hashes.size() != size) {
      throw Error(ErrorCode::kInvalidArgument,
                  "a batch without the numbers and hashes of its samples cannot go into a ledger; "
                  "make the feed with FeedOptions::track_samples");
    }
    need_header(batch.columns);
    line.epoch = static_cast<std::uint64_t>(batch.epoch);
    line.step = static_cast<std::uint64_t>(batch.step);
    line.first = batch.first;
    line.samples = batch.samples;
    line.hashes = batch.hashes;
    append(line, buffer);
    end = {line.epoch, line.first + static_cast<std::uint64_t>(batch.global_size)};
    if (buffer.size() >= kBufferBytes) write_buffer();
  }

  void write_buffer() {
    file.write(buffer);
    file.start_sync();  // so that flush() has little left to wait for
    buffer.clear();
  }

  void flush() {
    write_buffer();
    file.sync();
  }

  LedgerOptions options;
  File file;
  LedgerHeader header;
  bool header_written = false;
  std::string buffer;
  Place end;
  LedgerBatch line;  ///< kept for its memory
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
    impl_->write_buffer();
  } catch (const Error&) {
    // The lines that are missing are found by the audit.
  }
}

Ledger::Ledger(Ledger&&) noexcept = default;
Ledger& Ledger::operator=(Ledger&&) noexcept = default;

void Ledger::write(const Batch& batch) { impl_->write(batch); }
void Ledger::flush() { impl_->flush(); }

void Ledger::close() {
  impl_->need_header({});
  impl_->buffer += encode(LedgerEnd{impl_->end});
  impl_->flush();
}

}  // namespace ringfeed
