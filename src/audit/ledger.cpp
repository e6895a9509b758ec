// Lines go to the file when so many have come together, and when they must be durable.
#include <ringfeed/ledger.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <ringfeed/error.hpp>
#include <string_view>
#include <vector>

#include "audit/ledger_line.hpp"
#include "base/file.hpp"
#include "base/hash.hpp"

namespace ringfeed {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{256} << 10;

/// The bytes of one sample in a column, as pieces. Where the number of its elements varies, that is
/// the first one, in `count_bytes`.
void append_pieces(const Column& column, std::int64_t size, std::int64_t row,
                   std::array<char, 8>& count_bytes, std::vector<std::string_view>& pieces) {
  const auto* const data = static_cast<const char*>(column.data);
  if (column.offsets == nullptr) {
    const std::size_t length = column.bytes / static_cast<std::size_t>(size);
    pieces.emplace_back(data + static_cast<std::size_t>(row) * length, length);
    return;
  }
  const std::int64_t begin = column.offsets[row];
  const std::int64_t end = column.offsets[row + 1];
  const auto element = static_cast<std::int64_t>(size_of(column.dtype));
  const std::uint64_t count = static_cast<std::uint64_t>(end - begin);
  for (std::size_t byte = 0; byte < count_bytes.size(); ++byte)
    count_bytes[byte] = static_cast<char>(count >> (8 * byte));
  pieces.emplace_back(count_bytes.data(), count_bytes.size());
  if (count > 0)
    pieces.emplace_back(data + begin * element, static_cast<std::size_t>((end - begin) * element));
}

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
    if (batch.samples.size() != static_cast<std::size_t>(batch.size)) {
      throw Error(ErrorCode::kInvalidArgument,
                  "a batch without the numbers of its samples cannot go into a ledger; make the "
                  "feed with FeedOptions::sample_numbers");
    }
    need_header(batch.columns);
    line.epoch = static_cast<std::uint64_t>(batch.epoch);
    line.step = static_cast<std::uint64_t>(batch.step);
    line.first = batch.first;
    line.samples = batch.samples;
    line.hashes.clear();
    counts.resize(batch.columns.size());
    for (std::int64_t row = 0; row < batch.size; ++row) {
      pieces.clear();
      for (std::size_t c = 0; c < batch.columns.size(); ++c)
        append_pieces(batch.columns[c], batch.size, row, counts[c], pieces);
      line.hashes.push_back(pieces.size() == 1 ? hash_bytes(pieces[0]) : hash_bytes(pieces));
    }
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
  // Kept for their memory:
  LedgerBatch line;
  std::vector<std::string_view> pieces;
  std::vector<std::array<char, 8>> counts;
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
