// Which versions a URL means.
#include <fmt/format.h>

#include <algorithm>
#include <ringfeed/dataset.hpp>
#include <ringfeed/error.hpp>
#include <ringfeed/maintenance.hpp>
#include <ringfeed/store.hpp>
#include <ringfeed/url.hpp>

#include "base/option.hpp"
#include "dataset/chunk.hpp"
#include "dataset/finite.hpp"
#include "store/blocks_ahead.hpp"

namespace ringfeed {
namespace {

constexpr std::uint64_t kReadAheadBytes = std::uint64_t{16} << 20;

void check_stop(const std::stop_token& stop) {
  if (stop.stop_requested()) throw Error(ErrorCode::kCancelled, "interrupted");
}

/// How many values of a version are NaN or infinite.
std::uint64_t not_finite_in(Store& store, const Manifest& manifest, const VerifyOptions& options) {
  std::uint64_t found = 0;
  for (const auto& split : manifest.splits) {
    BlocksAhead blocks(store.reader(manifest, split, {}, 1), kReadAheadBytes);
    while (!blocks.at_end()) {
      check_stop(options.stop);
      found +=
          count_not_finite(*gathered(blocks.take().columns(), manifest.schema), manifest.schema);
    }
  }
  return found;
}

}  // namespace

std::uint64_t Store::repair(const Manifest&, const std::function<void(std::uint64_t bytes)>&) {
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("what is in one copy cannot be repaired from others, as packed data sets in "
                  "Cassandra can; verify without {}, and restore or ingest again what is damaged",
                  option_name("repair")));
}

VerifyResult verify(std::string_view url, const VerifyOptions& options,
                    const ConnectionOptions& connection) {
  const Url place = Url::parse(url);
  const auto store = open_store(place, connection);
  VerifyResult result;
  result.versions = store->versions();
  if (place.version || result.versions.empty())
    result.versions = {Dataset::open(url, connection)->version()};  // or its error
  if (!store->is_immutable()) result.versions = {result.versions.back()};
  for (const auto version : result.versions) {
    const Manifest manifest = store->manifest(version);
    std::uint64_t total = 0;
    for (const auto& part : manifest.parts) total += part.bytes();
    const auto progress = [&](std::uint64_t bytes) {
      check_stop(options.stop);
      if (options.progress) options.progress(version, bytes, total);
    };
    result.bytes +=
        options.repair ? store->repair(manifest, progress) : store->verify(manifest, progress);
    if (!manifest.origin.allow_nan) continue;
    result.not_finite = result.not_finite.value_or(0) + not_finite_in(*store, manifest, options);
  }
  return result;
}

std::vector<std::uint64_t> removable_versions(std::string_view url,
                                              const ConnectionOptions& connection) {
  const Url place = Url::parse(url);
  if (place.split) {
    throw Error(ErrorCode::kInvalidArgument,
                "delete: whole versions are deleted, not splits; leave out ?split=");
  }
  if (place.version) return {*place.version};
  const auto store = open_store(place, connection);
  std::vector<std::uint64_t> versions = store->half_removed();
  for (const auto version : store->versions()) versions.push_back(version);
  std::ranges::sort(versions);
  if (versions.empty()) Dataset::open(url, connection);  // its error
  return versions;
}

void remove(std::string_view url, std::span<const std::uint64_t> versions,
            const ConnectionOptions& connection, const std::stop_token& stop) {
  const auto store = open_store(Url::parse(url), connection);
  for (const auto version : versions) {
    check_stop(stop);
    store->remove(version);
  }
}

}  // namespace ringfeed
