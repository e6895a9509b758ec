// From an address to one split of one version.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <ringfeed/dataset.hpp>
#include <ringfeed/error.hpp>

#include "base/option.hpp"
#include "store/cached_store.hpp"

namespace ringfeed {
namespace {

/// With a cache, where there is to be one.
std::shared_ptr<Store> open_store_or_cache(const Url& url, const ConnectionOptions& connection) {
  if (!connection.cache_dir) {
    if (!connection.cache_bytes) return open_store(url, connection);
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} bounds a folder, and none is given; name one with {}",
                            option_name("cache-bytes"), option_name("cache")));
  }
  return std::make_shared<CachedStore>(
      url, [url, connection] { return open_store(url, connection); },
      std::make_unique<CacheFolder>(*connection.cache_dir, connection.cache_bytes.value_or(0),
                                    connection.warn),
      connection.warn);
}

}  // namespace

std::shared_ptr<const Dataset> Dataset::open(std::string_view text,
                                             const ConnectionOptions& connection) {
  const Url url = Url::parse(text);
  return open(open_store_or_cache(url, connection), url.text(), url.version,
              url.split.value_or(""));
}

std::vector<std::shared_ptr<const Dataset>> Dataset::open_splits(
    std::string_view text, const ConnectionOptions& connection) {
  const Url url = Url::parse(text);
  std::shared_ptr<Dataset> dataset(new Dataset());
  dataset->open_version(open_store_or_cache(url, connection), url.text(), url.version);
  if (url.split) return {dataset->with_split(*url.split)};
  std::vector<std::shared_ptr<const Dataset>> splits;
  for (const auto& split : dataset->manifest().splits) splits.push_back(dataset->with_split(split));
  return splits;
}

std::shared_ptr<const Dataset> Dataset::open(std::shared_ptr<Store> store, std::string url,
                                             std::optional<std::uint64_t> version,
                                             std::string_view split) {
  std::shared_ptr<Dataset> dataset(new Dataset());
  dataset->open_version(std::move(store), std::move(url), version);
  const auto& splits = dataset->manifest_->splits;
  const bool only = splits.size() == 1 && !dataset->has_split("train");
  dataset->choose(!split.empty() ? split : only ? std::string_view(splits.front()) : "train");
  return dataset;
}

void Dataset::open_version(std::shared_ptr<Store> store, std::string url,
                           std::optional<std::uint64_t> version) {
  url_ = std::move(url);
  store_ = std::move(store);
  const auto versions = store_->versions();
  if (versions.empty()) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}: there is no data set here; check the path, or make one with {}",
                            url_, command_name("ingest")));
  }
  manifest_ = std::make_shared<const Manifest>(store_->manifest(version.value_or(versions.back())));
}

std::shared_ptr<const Dataset> Dataset::with_split(std::string_view split) const {
  std::shared_ptr<Dataset> dataset(new Dataset(*this));
  dataset->choose(split);
  Url url = Url::parse(url_);
  url.split = split;
  url.version = version();
  dataset->url_ = url.text();
  return dataset;
}

bool Dataset::has_split(std::string_view split) const noexcept {
  const auto& splits = manifest_->splits;
  return std::find(splits.begin(), splits.end(), split) != splits.end();
}

std::unique_ptr<BlockReader> Dataset::reader(int workers, const ColumnPlaces& columns) const {
  return store_->reader(*manifest_, split_, columns, workers);
}

void Dataset::choose(std::string_view split) {
  if (!has_split(split)) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}: there is no split '{}' in version {}; the splits are {}", url_,
                            split, manifest_->version, fmt::join(manifest_->splits, ", ")));
  }
  split_ = split;
  samples_ = 0;
  bytes_ = 0;
  for (const auto samples : manifest_->rows_of(split_)) samples_ += samples;
  for (const auto& part : manifest_->parts) {
    if (part.split != split_) continue;
    for (const auto bytes : part.chunk_bytes) bytes_ += bytes;
  }
}

}  // namespace ringfeed
