// Start of a feed over 10^9 samples that exist only by number (10^6 blocks of 1,000): from the open
// manifest to the first batch in hand. Prints a JSON line {samples, blocks, seconds,
// rss_anon_bytes}; memory is the growth over the bare program, the manifest included.
#include <arrow/api.h>
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <ringfeed/error.hpp>
#include <ringfeed/feed.hpp>
#include <string>

#include "usage.hpp"

namespace {

using namespace ringfeed;

constexpr std::uint32_t kBlocks = 1'000'000;
constexpr std::uint32_t kBlockSamples = 1'000;

Schema id_schema() {
  Schema schema;
  schema.columns.push_back({"id", ColumnKind::kTensor, DType::kInt64, {}});
  return schema;
}

class VirtualReader final : public BlockReader {
 public:
  VirtualReader() : blocks_(kBlocks, BlockInfo{kBlockSamples, 8 * kBlockSamples}) {}
  std::span<const BlockInfo> blocks() const override { return blocks_; }
  void read(std::uint64_t number, Done done) override {
    arrow::Int64Builder ids;
    for (std::uint32_t i = 0; i < kBlockSamples; ++i) {
      if (!ids.Append(static_cast<std::int64_t>(number * kBlockSamples + i)).ok()) std::abort();
    }
    done(arrow::RecordBatch::Make(id_schema().to_arrow(), kBlockSamples,
                                  {ids.Finish().ValueOrDie()}),
         nullptr);
  }

 private:
  std::vector<BlockInfo> blocks_;
};

class VirtualStore final : public Store {
 public:
  std::vector<std::uint64_t> versions() override { return {1}; }
  Manifest manifest(std::uint64_t) override {
    Manifest manifest;
    manifest.version = 1;
    manifest.schema = id_schema();
    manifest.splits = {"train"};
    Part part;
    part.name = "virtual";
    part.split = "train";
    part.chunk_samples.assign(kBlocks, kBlockSamples);
    part.chunk_bytes.assign(kBlocks, 8 * kBlockSamples);
    part.chunk_hash.assign(kBlocks, 0);
    manifest.parts.push_back(std::move(part));
    return manifest;
  }
  std::unique_ptr<BlockReader> reader(const Manifest&, std::string_view, int) override {
    return std::make_unique<VirtualReader>();
  }
  std::unique_ptr<VersionWriter> write(const WriteIntent&, OnStep) override {
    throw Error(ErrorCode::kInternal, "a virtual store is not written");
  }
  std::uint64_t verify(const Manifest&, const std::function<void(std::uint64_t)>&) override {
    return 0;
  }
  void remove(std::uint64_t) override {
    throw Error(ErrorCode::kInternal, "a virtual store is not removed");
  }
};

}  // namespace

int main() {
  const std::uint64_t before = rss_anon_bytes();
  const auto dataset =
      Dataset::open(std::make_shared<VirtualStore>(), "virtual:", std::nullopt, "train");
  const auto start = std::chrono::steady_clock::now();
  FeedOptions options;
  options.order.global_batch = 256;
  options.prefetch_bytes = std::uint64_t{64}
                           << 20;  // of which the index of 10^6 blocks takes 38 MiB
  Feed feed(dataset, options);
  const auto batch = feed.next();
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  fmt::print(
      "{{\"samples\": {}, \"blocks\": {}, \"batch\": {}, \"seconds\": {:.4f}, \"rss_anon_bytes\": "
      "{}}}\n",
      dataset->size(), kBlocks, batch ? batch->size : 0, seconds, rss_anon_bytes() - before);
  return batch ? 0 : 1;
}
