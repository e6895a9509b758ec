// Nothing of the feed is used: what it delivers is to be checked.
#include "audit/stored_samples.hpp"

#include <arrow/record_batch.h>

#include "base/byte_order.hpp"
#include "base/hash.hpp"
#include "base/lost_pages.hpp"
#include "dataset/chunk.hpp"
#include "store/blocks_ahead.hpp"

namespace ringfeed {
namespace {

constexpr int kReadThreads = 1;
constexpr std::uint64_t kReadAheadBytes = std::uint64_t{32} << 20;

void append_bits(const ColumnView& view, std::size_t first, std::size_t count, std::string& bytes) {
  for (std::size_t i = first; i < first + count; ++i) {
    const std::size_t bit = static_cast<std::size_t>(view.bit_offset) + i;
    bytes.push_back(static_cast<char>((view.data[bit / 8] >> (bit % 8)) & std::byte{1}));
  }
}

void append_bytes(const std::byte* data, std::size_t count, std::string& bytes) {
  if (count > 0) bytes.append(reinterpret_cast<const char*>(data), count);
}

void append_tensor(const ColumnSpec& column, const ColumnView& view, std::size_t row,
                   std::string& bytes) {
  const auto elements = static_cast<std::size_t>(column.elements());
  if (view.bit_packed) return append_bits(view, row * elements, elements, bytes);
  const std::size_t before = bytes.size();
  if (!view.swapped) return append_bytes(view.sample(row), column.sample_bytes(), bytes);
  bytes.resize(before + column.sample_bytes());
  swap_4(view.sample(row), elements, bytes.data() + before);
}

void append_varying(const ColumnView& view, std::size_t row, std::string& bytes) {
  const auto begin = static_cast<std::size_t>(view.offsets[row]);
  const std::size_t count = static_cast<std::size_t>(view.offsets[row + 1]) - begin;
  if (view.bit_packed) return append_bits(view, begin, count, bytes);
  append_bytes(view.data + begin * view.element_bytes, count * view.element_bytes, bytes);
}

}  // namespace

std::vector<std::uint64_t> hash_stored_samples(
    const Dataset& dataset, const std::vector<std::string>& columns,
    const std::function<void(std::uint64_t done, std::uint64_t total)>& progress) {
  const Schema& schema = dataset.schema();
  std::vector<std::size_t> places;
  for (const auto& name : columns) places.push_back(schema.index_of(name));
  std::vector<std::uint64_t> hashes;
  hashes.reserve(dataset.size());
  auto reader = dataset.reader(kReadThreads);
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
        if (views[place].offsets != nullptr) {
          append_varying(views[place], row, bytes);
        } else {
          append_tensor(schema.columns[place], views[place], row, bytes);
        }
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
