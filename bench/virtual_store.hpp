// A data set that exists only by number: `blocks` blocks of `block_samples` int64, each of which is
// its sample's number.
#pragma once

#include <arrow/api.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <ringfeed/dataset.hpp>
#include <ringfeed/error.hpp>
#include <utility>
#include <vector>

struct VirtualSize {
  std::uint32_t blocks = 0;
  std::uint32_t block_samples = 0;
};

inline ringfeed::Schema id_schema() {
  ringfeed::Schema schema;
  schema.columns.push_back({"id", ringfeed::ColumnKind::kTensor, ringfeed::DType::kInt64, {}});
  return schema;
}

inline ringfeed::Manifest virtual_manifest(VirtualSize size) {
  ringfeed::Manifest manifest;
  manifest.version = 1;
  manifest.schema = id_schema();
  manifest.splits = {"train"};
  manifest.origin.permutation = "whole";
  ringfeed::Part part;
  part.name = "virtual";
  part.split = "train";
  part.chunk_samples.assign(size.blocks, size.block_samples);
  part.chunk_bytes.assign(size.blocks, 8 * size.block_samples);
  for (std::uint64_t block = 0; block < size.blocks; ++block)
    part.chunk_hash.push_back(block * 0x9E3779B97F4A7C15);
  manifest.groups = {{0}};
  manifest.rows = {part.chunk_samples};
  manifest.parts.push_back(std::move(part));
  manifest.lineage = manifest.new_lineage();
  return manifest;
}

class VirtualReader final : public ringfeed::BlockReader {
 public:
  explicit VirtualReader(VirtualSize size)
      : size_(size),
        blocks_(size.blocks, ringfeed::BlockInfo{size.block_samples, 8 * size.block_samples}) {}
  std::span<const ringfeed::BlockInfo> blocks() const override { return blocks_; }
  void read(std::uint64_t number, Done done) override {
    arrow::Int64Builder ids;
    for (std::uint32_t i = 0; i < size_.block_samples; ++i) {
      if (!ids.Append(static_cast<std::int64_t>(number * size_.block_samples + i)).ok())
        std::abort();
    }
    auto columns = arrow::RecordBatch::Make(id_schema().to_arrow(), size_.block_samples,
                                            {ids.Finish().ValueOrDie()});
    done(ringfeed::Chunk(std::move(columns), schema_), nullptr);
  }

 private:
  const VirtualSize size_;
  const std::vector<ringfeed::BlockInfo> blocks_;
  const std::shared_ptr<const ringfeed::Schema> schema_ =
      std::make_shared<const ringfeed::Schema>(id_schema());
};

class VirtualStore final : public ringfeed::Store {
 public:
  explicit VirtualStore(VirtualSize size) : size_(size) {}
  std::vector<std::uint64_t> versions() override { return {1}; }
  ringfeed::Manifest manifest(std::uint64_t) override { return virtual_manifest(size_); }
  /// There is one column.
  std::unique_ptr<ringfeed::BlockReader> reader(const ringfeed::Manifest&, std::string_view,
                                                const ringfeed::ColumnPlaces&, int) override {
    return std::make_unique<VirtualReader>(size_);
  }
  std::unique_ptr<ringfeed::VersionWriter> write(const ringfeed::WriteIntent&, OnStep) override {
    throw ringfeed::Error(ringfeed::ErrorCode::kInternal, "a virtual store is not written");
  }
  std::uint64_t verify(const ringfeed::Manifest&,
                       const std::function<void(std::uint64_t)>&) override {
    return 0;
  }
  void remove(std::uint64_t) override {
    throw ringfeed::Error(ringfeed::ErrorCode::kInternal, "a virtual store is not removed");
  }

 private:
  const VirtualSize size_;
};
