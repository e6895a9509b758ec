// Another store's data set with its blocks in memory, read and checked beforehand: reading one
// costs nothing, so that what is left is the assembling.
#pragma once

#include <future>
#include <memory>
#include <ringfeed/dataset.hpp>
#include <ringfeed/error.hpp>
#include <ringfeed/store.hpp>
#include <utility>
#include <vector>

#include "store/group_reader.hpp"

class HeldReader final : public ringfeed::BlockReader {
 public:
  HeldReader(std::shared_ptr<const std::vector<ringfeed::Chunk>> chunks,
             std::vector<ringfeed::BlockInfo> blocks)
      : chunks_(std::move(chunks)), blocks_(std::move(blocks)) {}
  std::span<const ringfeed::BlockInfo> blocks() const override { return blocks_; }
  void read(std::uint64_t number, Done done) override { done((*chunks_)[number], nullptr); }

 private:
  const std::shared_ptr<const std::vector<ringfeed::Chunk>> chunks_;
  const std::vector<ringfeed::BlockInfo> blocks_;
};

class HeldStore final : public ringfeed::Store {
 public:
  explicit HeldStore(const ringfeed::Dataset& dataset) : manifest_(dataset.manifest()) {
    // The columns of a block are held as one.
    std::erase_if(manifest_.parts, [](const ringfeed::Part& part) { return part.group > 0; });
    manifest_.groups = {manifest_.schema.places_of({})};
    const auto reader = dataset.reader(1);
    blocks_.assign(reader->blocks().begin(), reader->blocks().end());
    for (std::uint64_t block = 0; block < blocks_.size(); ++block) {
      std::promise<ringfeed::Chunk> answer;
      reader->read(block, [&](ringfeed::Chunk chunk, std::exception_ptr error) {
        if (error) {
          answer.set_exception(error);
        } else {
          answer.set_value(std::move(chunk));
        }
      });
      chunks_->push_back(answer.get_future().get());
      chunks_->back().columns();  // decoded
    }
  }
  std::vector<std::uint64_t> versions() override { return {manifest_.version}; }
  ringfeed::Manifest manifest(std::uint64_t) override { return manifest_; }
  std::unique_ptr<ringfeed::BlockReader> reader(const ringfeed::Manifest& manifest,
                                                std::string_view split,
                                                const ringfeed::ColumnPlaces& columns,
                                                int) override {
    return ringfeed::read_groups("held", manifest, split, columns, [&](std::uint32_t) {
      return std::make_unique<HeldReader>(chunks_, blocks_);
    });
  }
  std::unique_ptr<ringfeed::VersionWriter> write(const ringfeed::WriteIntent&, OnStep) override {
    throw ringfeed::Error(ringfeed::ErrorCode::kInternal, "a held store is not written");
  }
  std::uint64_t verify(const ringfeed::Manifest&,
                       const std::function<void(std::uint64_t)>&) override {
    return 0;
  }
  void remove(std::uint64_t) override {
    throw ringfeed::Error(ringfeed::ErrorCode::kInternal, "a held store is not removed");
  }

 private:
  ringfeed::Manifest manifest_;
  std::vector<ringfeed::BlockInfo> blocks_;
  const std::shared_ptr<std::vector<ringfeed::Chunk>> chunks_ =
      std::make_shared<std::vector<ringfeed::Chunk>>();
};
