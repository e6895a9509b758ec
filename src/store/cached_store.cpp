// In the cache a data set is a folder by the hash of its address: versions, manifests, and for each
// version, split and column group a folder with a file per chunk, which is the chunk encoded.
#include "store/cached_store.hpp"

#include <arrow/buffer.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <ringfeed/error.hpp>
#include <utility>

#include "base/byte_size.hpp"
#include "base/hash.hpp"
#include "base/lost_pages.hpp"
#include "base/option.hpp"
#include "dataset/mapped_buffer.hpp"
#include "store/group_reader.hpp"
#include "store/reader_closed.hpp"

namespace ringfeed {
namespace {

/// Reads that wait for a worker.
constexpr std::size_t kCacheQueueMax = 65'536;
constexpr const char* kBlocksFile = "blocks";
/// Files that a reader keeps mapped: to map one costs more than to check it.
constexpr std::size_t kCacheMappedMax = 4096;

/// Who asks, and for which version and split, is not part of it.
std::string bare_text(Url url) {
  url.user.reset();
  url.split.reset();
  url.version.reset();
  return url.text();
}

std::string folder_name(std::string_view text) { return fmt::format("{:016x}", hash_bytes(text)); }

template <typename T>
std::string_view bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

template <typename T>
std::vector<T> values_of(std::string_view bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

bool is_unreachable(const Error& error) {
  return error.code() == ErrorCode::kUnavailable || error.code() == ErrorCode::kTimeout;
}

}  // namespace

CachedStore::CachedStore(Url url, Open open, std::unique_ptr<CacheFolder> folder,
                         CacheFolder::Warn warn)
    : url_(bare_text(url)),
      name_(folder_name(url_)),
      open_(std::move(open)),
      folder_(std::move(folder)),
      warn_(std::move(warn)) {}

Store& CachedStore::inner() const {
  const std::lock_guard lock(mutex_);
  if (inner_ == nullptr) inner_ = open_();
  return *inner_;
}

/// Throws `why` when it is not there, or when the store was not out of reach.
std::string CachedStore::from_cache(const std::string& name, const std::exception_ptr& why) const {
  try {
    std::rethrow_exception(why);
  } catch (const Error& error) {
    const auto found = is_unreachable(error) ? folder_->find(name) : std::nullopt;
    if (!found) throw;
    const LostPages lost;
    std::string bytes(found->view());
    lost.check();
    return bytes;
  }
}

std::vector<std::uint64_t> CachedStore::versions() {
  const std::string name = name_ + "/versions";
  try {
    const auto versions = inner().versions();
    folder_->replace(name, bytes_of(versions));
    return versions;
  } catch (const Error& error) {
    const auto kept = from_cache(name, std::current_exception());
    if (warn_) {
      warn_(fmt::format("{}; what is in the cache {} is read without it", error.what(),
                        folder_->path()));
    }
    return values_of<std::uint64_t>(kept);
  }
}

Manifest CachedStore::manifest(std::uint64_t version) {
  const std::string name = fmt::format("{}/manifest-{}", name_, version);
  try {
    auto manifest = inner().manifest(version);
    folder_->replace(name, manifest.encode());
    return manifest;
  } catch (const Error&) {
    return Manifest::decode(from_cache(name, std::current_exception()),
                            folder_->path() + "/" + name);
  }
}

std::unique_ptr<BlockReader> CachedStore::reader(const Manifest& manifest, std::string_view split,
                                                 const ColumnPlaces& columns, int workers) {
  // With the manifest's hash: a data set may be deleted, and another one made in its place.
  const std::string name =
      fmt::format("{}/{}-{}-{}", name_, manifest.version, folder_name(manifest.encode()), split);
  return read_groups(url_, manifest, split, columns, [&](std::uint32_t group) {
    const auto open = [this, manifest, of = std::string(split), group, workers] {
      return inner().reader(manifest, of, manifest.groups[group], workers);
    };
    return std::make_unique<CachedReader>(*folder_, fmt::format("{}-{}", name, group),
                                          manifest.group_schema(group), open,
                                          fmt::format("split {} of {}", split, url_), workers);
  });
}

CachedReader::CachedReader(CacheFolder& folder, std::string name, const Schema& schema, Open open,
                           std::string where, int workers)
    : folder_(folder),
      name_(std::move(name)),
      arrow_schema_(schema.to_arrow()),
      open_(std::move(open)),
      where_(std::move(where)),
      workers_(workers, kCacheQueueMax) {
  find_blocks();
  files_.resize(blocks_.size());
}

void CachedReader::find_blocks() {
  const std::string name = name_ + "/" + kBlocksFile;
  if (const auto found = folder_.find(name)) {
    const LostPages lost;
    blocks_ = values_of<BlockInfo>(found->view());
    lost.check();
    return;
  }
  const auto blocks = inner().blocks();
  blocks_.assign(blocks.begin(), blocks.end());
  folder_.replace(name, bytes_of(blocks_));
}

BlockReader& CachedReader::inner() {
  const std::lock_guard lock(mutex_);
  if (inner_ == nullptr) inner_ = open_();
  return *inner_;
}

bool CachedReader::has_room() const {
  if (!workers_.is_idle()) return false;
  const std::lock_guard lock(mutex_);
  return inner_ == nullptr || inner_->has_room();
}

void CachedReader::add_meters(Meters& meters) const {
  checking_.add_to(meters, {{"store", "cache"}});
  meters.push_back(
      counter_meter("ringfeed_cache_hits_total", "Blocks that the cache had.", hits_.value()));
  meters.push_back(counter_meter("ringfeed_cache_misses_total",
                                 "Blocks that were read of the store behind the cache.",
                                 misses_.value()));
  const std::lock_guard lock(mutex_);
  if (inner_ != nullptr) inner_->add_meters(meters);
}

/// Of the store behind only once that was needed: what comes from the cache is no anonymous memory,
/// which leaves room for it.
std::uint64_t CachedReader::overhead_bytes() const {
  const std::lock_guard lock(mutex_);
  return inner_ != nullptr ? inner_->overhead_bytes() : 0;
}

std::string CachedReader::file_name(std::uint64_t number) const {
  return fmt::format("{}/{:08}.chunk", name_, number);
}

void CachedReader::read(std::uint64_t number, Done done) {
  if (number >= blocks_.size()) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: block {} asked for, there are {}",
                                                         where_, number, blocks_.size()));
  }
  workers_.submit([this, number, done = std::move(done)] {
    if (closed_) return done(nullptr, reader_closed());
    if (auto chunk = load(number); chunk != nullptr) {
      hits_.add();
      return done(std::move(chunk), nullptr);
    }
    misses_.add();
    try {
      inner().read(number, [this, number, done](Chunk chunk, std::exception_ptr failure) {
        done(chunk, failure);
        if (!failure) keep(number, chunk);
      });
    } catch (...) {
      done(nullptr, std::current_exception());
    }
  });
}

/// Nothing when it is not there, or not whole.
std::optional<CachedFile> CachedReader::file_of(std::uint64_t number) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto& mapped = files_[number]; mapped && CacheFolder::is_whole(*mapped))
      return mapped;
  }
  auto found = folder_.find(file_name(number));
  if (!found) return found;
  const std::lock_guard lock(mutex_);
  if (!files_[number]) {
    if (mapped_.size() >= kCacheMappedMax) {
      files_[mapped_.front()].reset();  // chunks in use keep it mapped
      mapped_.pop_front();
    }
    mapped_.push_back(number);
  }
  files_[number] = found;
  return found;
}

/// Null when it is not there, or not whole.
Chunk CachedReader::load(std::uint64_t number) {
  const CheckMeter::Span span(checking_);
  const LostPages zeros;  // whoever copies out of the chunk asks whether there are any
  const auto file = file_of(number);
  if (!file) return nullptr;
  const std::string name = file_name(number);
  Chunk chunk({.bytes = std::make_shared<MappedBuffer>(file->file, 0, file->bytes),
               .arrow_schema = arrow_schema_,
               .samples = blocks_[number].samples,
               .where = folder_.path() + "/" + name});
  try {
    chunk.columns();  // now, as long as the store behind can be asked instead
    return chunk;
  } catch (const Error&) {
    folder_.drop(name);
    return nullptr;
  }
}

void CachedReader::keep(std::uint64_t number, const Chunk& chunk) noexcept {
  if (full_) return;
  try {
    const LostPages lost;
    const Chunk own = chunk.detached();  // the feed holds the other one, and counts its memory
    const std::string_view bytes(*own.encoded());
    lost.check();
    if (folder_.keep(file_name(number), bytes)) return;
    if (!full_.exchange(true)) warn_full();
  } catch (const std::exception& error) {
    folder_.warn_once(fmt::format("{}: a block cannot be cached: {}", where_, error.what()));
  }
}

void CachedReader::warn_full() noexcept {
  const std::uint64_t files = folder_.count(name_);
  const std::uint64_t kept = std::min<std::uint64_t>(files > 0 ? files - 1 : 0, blocks_.size());
  std::uint64_t bytes = 0;
  for (const auto& block : blocks_) bytes += block.bytes;
  folder_.warn_once(fmt::format(
      "the cache {} is full ({}): it serves {:.0f} % of {}, the rest is read from the store in "
      "each epoch; {} would hold it whole",
      folder_.path(), format_bytes(folder_.bytes_max()),
      100.0 * static_cast<double>(kept) / static_cast<double>(blocks_.size()), where_,
      option_name("cache-bytes", format_bytes(bytes + bytes / 50))));
}

}  // namespace ringfeed
