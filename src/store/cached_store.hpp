// A store in front of another one: what was read of it once is read from a folder of this host
// after that, whether the other one can be reached or not.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <ringfeed/store.hpp>
#include <ringfeed/url.hpp>
#include <string>

#include "base/meter.hpp"
#include "base/thread_pool.hpp"
#include "store/cache_folder.hpp"

namespace arrow {
class Schema;
}

namespace ringfeed {

/// Reading alone goes through the cache.
class CachedStore final : public Store {
 public:
  using Open = std::function<std::unique_ptr<Store>()>;

  /// `open` is called when something is not in the cache, and must outlive nothing but this.
  CachedStore(Url url, Open open, std::unique_ptr<CacheFolder> folder, CacheFolder::Warn warn);

  std::vector<std::uint64_t> versions() override;
  Manifest manifest(std::uint64_t version) override;
  std::unique_ptr<BlockReader> reader(const Manifest& manifest, std::string_view split,
                                      const ColumnPlaces& columns, int workers) override;
  std::unique_ptr<VersionWriter> write(const WriteIntent& intent, OnStep on_step) override {
    return inner().write(intent, std::move(on_step));
  }
  std::uint64_t verify(const Manifest& manifest,
                       const std::function<void(std::uint64_t)>& progress) override {
    return inner().verify(manifest, progress);
  }
  std::uint64_t repair(const Manifest& manifest,
                       const std::function<void(std::uint64_t)>& progress) override {
    return inner().repair(manifest, progress);
  }
  void remove(std::uint64_t version) override { inner().remove(version); }
  std::vector<std::uint64_t> half_removed() override { return inner().half_removed(); }
  std::vector<UnfinishedVersion> unfinished() override { return inner().unfinished(); }
  bool is_immutable() const override { return inner().is_immutable(); }

 private:
  Store& inner() const;
  std::string from_cache(const std::string& name, const std::exception_ptr& why) const;

  const std::string url_;   ///< for messages
  const std::string name_;  ///< of the data set's folder in the cache
  const Open open_;
  const std::unique_ptr<CacheFolder> folder_;
  const CacheFolder::Warn warn_;
  mutable std::mutex mutex_;
  mutable std::unique_ptr<Store> inner_;  ///< null until it is needed
};

/// Of one column group: a block is one of its chunks.
class CachedReader final : public BlockReader {
 public:
  using Open = std::function<std::unique_ptr<BlockReader>()>;

  /// `name`: of the folder of this version's blocks in the cache; `schema`: of the group; `where`
  /// for messages.
  CachedReader(CacheFolder& folder, std::string name, const Schema& schema, Open open,
               std::string where, int workers);
  ~CachedReader() override { closed_ = true; }

  std::span<const BlockInfo> blocks() const override { return blocks_; }
  void read(std::uint64_t number, Done done) override;
  bool has_room() const override;
  void add_meters(Meters& meters) const override;
  std::uint64_t overhead_bytes() const override;

 private:
  std::string file_name(std::uint64_t number) const;
  void find_blocks();
  BlockReader& inner();
  std::optional<CachedFile> file_of(std::uint64_t number);
  Chunk load(std::uint64_t number);
  void keep(std::uint64_t number, const Chunk& chunk) noexcept;
  void warn_full() noexcept;

  CacheFolder& folder_;
  const std::string name_;
  const std::shared_ptr<arrow::Schema> arrow_schema_;
  const Open open_;
  const std::string where_;
  std::vector<BlockInfo> blocks_;
  std::atomic<bool> full_ = false;
  Counter hits_;
  Counter misses_;
  CheckMeter checking_;
  std::atomic<bool> closed_ = false;              ///< what waits is not read any more
  mutable std::mutex mutex_;                      ///< of the three below
  std::vector<std::optional<CachedFile>> files_;  ///< by block, as long as they stay mapped
  std::deque<std::uint64_t> mapped_;              ///< the oldest first
  std::unique_ptr<BlockReader> inner_;            ///< null until it is needed
  ThreadPool workers_;                            // last: its tasks use all of the above
};

}  // namespace ringfeed
