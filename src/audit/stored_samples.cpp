// Nothing of the feed is used: what it delivers is to be checked.
#include "audit/stored_samples.hpp"

#include <arrow/record_batch.h>

#include "base/hash.hpp"
#include "base/lost_pages.hpp"
#include "dataset/chunk.hpp"
#include "dataset/sample_bytes.hpp"
#include "store/blocks_ahead.hpp"

namespace ringfeed {
namespace {

constexpr int kReadThreads = 1;
constexpr std::uint64_t kReadAheadBytes = std::uint64_t{32} << 20;

}  // namespace

std::vector<std::uint64_t> hash_stored_samples(
    const Dataset& dataset, const std::vector<std::string>& columns,
    const std::function<void(std::uint64_t done, std::uint64_t total)>& progress) {
  const ColumnPlaces read = dataset.schema().places_of(columns);
  const Schema schema = dataset.schema().only(read);
  std::vector<std::size_t> places;
  for (const auto& name : columns) places.push_back(schema.index_of(name));
  std::vector<std::uint64_t> hashes;
  hashes.reserve(dataset.size());
  auto reader = dataset.reader(kReadThreads, read);
  std::uint64_t total = 0;
  for (const auto& block : reader->blocks()) total += block.bytes;
  std::uint64_t done = 0;
  const std::vector<BlockInfo> blocks(reader->blocks().begin(), reader->blocks().end());
  BlocksAhead ahead(std::move(reader), kReadAheadBytes);
  std::string bytes;
  for (const auto& block : blocks) {
    const Chunk chunk = ahead.take();
    const LostPages lost;
    const auto views = column_views(*chunk.columns(), schema);
    for (std::size_t row = 0; row < chunk.samples(); ++row) {
      std::uint64_t hash = 0;
      for (const auto place : places) {
        bytes.clear();
        append_value(schema.columns[place], views[place], row, bytes);
        hash_each(bytes.data(), bytes.size(), {&hash, 1});
      }
      hashes.push_back(hash);
    }
    lost.check();
    progress(done += block.bytes, total);
  }
  return hashes;
}

}  // namespace ringfeed
