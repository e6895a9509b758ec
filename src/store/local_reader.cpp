// Mapping, checking and decoding of chunks.
#include "store/local_reader.hpp"

#include <arrow/io/memory.h>
#include <arrow/ipc/dictionary.h>
#include <arrow/ipc/reader.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <ringfeed/error.hpp>
#include <utility>

#include "base/hash.hpp"
#include "base/lost_pages.hpp"
#include "dataset/arrow_status.hpp"
#include "dataset/chunk.hpp"
#include "dataset/mapped_buffer.hpp"
#include "store/reader_closed.hpp"

namespace ringfeed {
namespace {

constexpr std::string_view kRemedy = "restore the file from a copy, or ingest again";
/// Files mapped at once by a reader; the system allows a process about 65,000 maps.
constexpr std::size_t kLocalMappedMax = 4096;
/// Reads that wait for a worker.
constexpr std::size_t kLocalQueueMax = 65'536;
/// "ARROW1" and two zeros stand before the schema.
constexpr std::uint64_t kMagicBytes = 8;

/// The columns that an Arrow file says it has.
Schema schema_in_head(const std::shared_ptr<const MappedFile>& file, std::uint64_t bytes) {
  // In turns: what Arrow shares among types is made by whoever is first, unseen by ThreadSanitizer.
  static std::mutex turn;
  const std::lock_guard lock(turn);
  arrow::io::BufferReader in(std::make_shared<MappedBuffer>(file, std::min(kMagicBytes, bytes),
                                                            bytes - std::min(kMagicBytes, bytes)));
  arrow::ipc::DictionaryMemo dictionaries;
  return Schema::from_arrow(
      *value_of(arrow::ipc::ReadSchema(&in, &dictionaries), file->path() + ": head"));
}

/// What an Arrow file can say of the columns.
Schema without_classes(Schema schema) {
  for (auto& column : schema.columns) column.classes.clear();
  return schema;
}

}  // namespace

void throw_damaged(std::string_view path, std::string_view what, std::uint64_t offset,
                   std::uint64_t bytes, std::string_view problem) {
  throw Error(ErrorCode::kBadData, fmt::format("{}: {} (bytes {} to {}): {}; {}", path, what,
                                               offset, offset + bytes, problem, kRemedy));
}

void check_bytes(const MappedFile& file, std::string_view what, std::uint64_t offset,
                 std::uint64_t bytes, std::uint64_t hash) {
  if (hash_bytes(file.data() + offset, bytes) == hash) return;
  throw_damaged(file.path(), what, offset, bytes,
                file.is_whole() ? "its bytes do not match their checksum"
                                : "the file was cut while it was read");
}

std::shared_ptr<const MappedFile> map_part(const LocalLayout& layout, const Schema& schema,
                                           const Part& part, std::string_view where) {
  const std::string path = layout.part_path(part.name, where);
  std::shared_ptr<const MappedFile> file;
  try {
    file = MappedFile::map(layout.root().open_to_read(part.name));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound) throw;
    throw Error(ErrorCode::kBadData,
                fmt::format("{}: the file is missing, and {} needs it; {}", path, where, kRemedy));
  }
  if (file->size() != part.bytes()) {
    throw Error(ErrorCode::kBadData, fmt::format("{}: the file has {} bytes where {} says {}; {}",
                                                 path, file->size(), where, part.bytes(), kRemedy));
  }
  check_bytes(*file, "head", 0, part.head.bytes, part.head.hash);
  if (schema_in_head(file, part.head.bytes) != without_classes(schema)) {
    throw_damaged(path, "head", 0, part.head.bytes, "its columns are not those of the manifest");
  }
  return file;
}

LocalReader::LocalReader(LocalLayout layout, const Manifest& manifest, std::string_view split,
                         std::uint32_t group, int workers)
    : layout_(std::move(layout)),
      manifest_path_(layout_.manifest_path(manifest.version)),
      schema_(manifest.group_schema(group)),
      arrow_schema_(schema_.to_arrow()),
      workers_(workers, kLocalQueueMax) {
  for (const auto& part : manifest.parts) {
    if (part.split != split || part.group != group) continue;
    std::uint64_t offset = part.head.bytes;
    for (std::uint32_t i = 0; i < part.chunk_bytes.size(); ++i) {
      blocks_.push_back({part.chunk_samples[i], part.chunk_bytes[i]});
      places_.push_back({static_cast<std::uint32_t>(parts_.size()), i, offset});
      offset += part.chunk_bytes[i];
    }
    layout_.part_path(part.name, manifest_path_);
    parts_.push_back(part);
  }
  files_.resize(parts_.size());
}

void LocalReader::read(std::uint64_t number, Done done) {
  if (number >= blocks_.size()) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: block {} asked for, there are {}",
                                                         manifest_path_, number, blocks_.size()));
  }
  workers_.submit([this, number, done = std::move(done)] {
    if (closed_) return done(nullptr, reader_closed());
    Chunk chunk;
    std::exception_ptr failure;
    try {
      chunk = load(number);
    } catch (...) {
      failure = std::current_exception();
    }
    done(std::move(chunk), failure);
  });
}

std::shared_ptr<const MappedFile> LocalReader::file_of(std::uint32_t part) {
  {
    const std::lock_guard lock(mutex_);
    if (files_[part] != nullptr) return files_[part];
  }
  auto file = map_part(layout_, schema_, parts_[part], manifest_path_);
  const std::lock_guard lock(mutex_);
  if (files_[part] == nullptr) {
    if (mapped_.size() >= kLocalMappedMax) {
      files_[mapped_.front()] = nullptr;  // chunks in use keep it mapped
      mapped_.pop_front();
    }
    files_[part] = std::move(file);
    mapped_.push_back(part);
  }
  return files_[part];
}

Chunk LocalReader::load(std::uint64_t number) {
  const CheckMeter::Span span(checking_);
  const LostPages lost;
  const Place& place = places_[number];
  const BlockInfo& block = blocks_[number];
  const auto file = file_of(place.part);
  const auto what = [&] { return fmt::format("chunk {}", place.chunk); };
  if (!file->is_whole()) {
    throw_damaged(file->path(), what(), place.offset, block.bytes,
                  "the file was cut after it was opened");
  }
  file->will_need(place.offset, block.bytes);
  const std::uint64_t hash = parts_[place.part].chunk_hash[place.chunk];
  check_bytes(*file, what(), place.offset, block.bytes, hash);
  lost.check();
  return Chunk({.bytes = std::make_shared<MappedBuffer>(file, place.offset, block.bytes),
                .arrow_schema = arrow_schema_,
                .samples = block.samples,
                .hash = hash,
                .where = fmt::format("{}: {} (bytes {} to {})", file->path(), what(), place.offset,
                                     place.offset + block.bytes)});
}

}  // namespace ringfeed
