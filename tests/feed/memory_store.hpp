// A store in memory for the tests of the feed: chunks of any sizes, answered late and out of order
// by its own thread, with errors on request. Column `id` is the number of the sample in storage
// order, so a batch says what it holds.
#pragma once

#include <arrow/api.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <ringfeed/dataset.hpp>
#include <ringfeed/error.hpp>
#include <ringfeed/store.hpp>
#include <thread>
#include <vector>

#include "base/random.hpp"
#include "store/group_reader.hpp"

namespace ringfeed {

struct MemoryPlan {
  std::vector<std::uint32_t> block_samples;
  std::int64_t width = 3;                      ///< of column `x`, float32 [width], x[i] = id + i
  std::optional<std::uint64_t> error_at_read;  ///< this read (from 0) fails with kUnavailable
  std::uint64_t shuffle_answers_seed = 1;
  std::chrono::milliseconds answer_time = {};  ///< of each read
  bool has_room = false;                       ///< what the reader says of itself
};

inline Schema memory_schema(std::int64_t width) {
  Schema schema;
  schema.columns.push_back({"id", ColumnKind::kTensor, DType::kInt64, {}});
  schema.columns.push_back({"x", ColumnKind::kTensor, DType::kFloat32, {width}});
  schema.columns.push_back({"odd", ColumnKind::kTensor, DType::kBool, {}});
  schema.columns.push_back({"name", ColumnKind::kString, DType::kUInt8, {}});
  schema.columns.push_back({"list", ColumnKind::kList, DType::kInt32, {}});
  return schema;
}

/// Samples [first, first + count).
inline std::shared_ptr<arrow::RecordBatch> memory_chunk(std::int64_t width, std::uint64_t first,
                                                        std::uint32_t count) {
  arrow::Int64Builder ids;
  arrow::FloatBuilder values;
  arrow::BooleanBuilder odds;
  arrow::StringBuilder names;
  const auto item = std::make_shared<arrow::Int32Builder>();
  const auto schema = memory_schema(width).to_arrow();
  arrow::ListBuilder lists(arrow::default_memory_pool(), item, schema->field(4)->type());
  for (std::uint64_t id = first; id < first + count; ++id) {
    ids.Append(static_cast<std::int64_t>(id)).ok();
    for (std::int64_t i = 0; i < width; ++i)
      values.Append(static_cast<float>(static_cast<std::int64_t>(id) + i)).ok();
    odds.Append(id % 2 == 1).ok();
    names.Append("sample " + std::to_string(id)).ok();
    lists.Append().ok();
    for (std::uint64_t i = 0; i < id % 4; ++i) item->Append(static_cast<std::int32_t>(id)).ok();
  }
  const auto x = std::make_shared<arrow::FixedSizeListArray>(schema->field(1)->type(), count,
                                                             *values.Finish());
  return arrow::RecordBatch::Make(
      schema, count, {*ids.Finish(), x, *odds.Finish(), *names.Finish(), *lists.Finish()});
}

class MemoryReader final : public BlockReader {
 public:
  MemoryReader(MemoryPlan plan, std::vector<Chunk> chunks,
               std::shared_ptr<std::atomic<std::uint64_t>> reads)
      : plan_(std::move(plan)), chunks_(std::move(chunks)), reads_(std::move(reads)) {
    for (const auto samples : plan_.block_samples) {
      infos_.push_back({samples, static_cast<std::uint32_t>(samples * (40 + 4 * plan_.width))});
    }
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }

  ~MemoryReader() override {
    thread_.request_stop();
    changed_.notify_all();
    thread_.join();
  }

  std::span<const BlockInfo> blocks() const override { return infos_; }

  bool has_room() const override { return plan_.has_room; }

  void read(std::uint64_t number, Done done) override {
    const std::lock_guard lock(mutex_);
    waiting_.push_back({number, reads_->fetch_add(1), std::move(done)});
    changed_.notify_all();
  }

 private:
  struct Request {
    std::uint64_t block;
    std::uint64_t read;
    Done done;
  };

  void run(const std::stop_token& stop) {
    Random random(plan_.shuffle_answers_seed);
    while (true) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, stop, [&] { return !waiting_.empty(); });
      if (waiting_.empty()) return;
      std::swap(waiting_[random.below(waiting_.size())], waiting_.back());
      const Request request = std::move(waiting_.back());
      waiting_.pop_back();
      lock.unlock();
      std::this_thread::sleep_for(plan_.answer_time);
      if (plan_.error_at_read == request.read) {
        request.done(nullptr, std::make_exception_ptr(
                                  Error(ErrorCode::kUnavailable, "node 127.0.0.9: no answer")));
      } else {
        request.done(chunks_[request.block], nullptr);
      }
    }
  }

  MemoryPlan plan_;
  std::vector<Chunk> chunks_;
  std::shared_ptr<std::atomic<std::uint64_t>> reads_;
  std::vector<BlockInfo> infos_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<Request> waiting_;
  std::jthread thread_;
};

class MemoryStore final : public Store {
 public:
  explicit MemoryStore(MemoryPlan plan) : plan_(std::move(plan)) {
    const auto schema = std::make_shared<const Schema>(memory_schema(plan_.width));
    std::uint64_t first = 0;
    for (const auto samples : plan_.block_samples) {
      chunks_.emplace_back(memory_chunk(plan_.width, first, samples), schema);
      first += samples;
    }
  }

  std::vector<std::uint64_t> versions() override { return {1}; }
  Manifest manifest(std::uint64_t) override {
    Manifest manifest;
    manifest.version = 1;
    manifest.schema = memory_schema(plan_.width);
    manifest.splits = {"train"};
    Part part;
    part.name = "memory";
    part.split = "train";
    part.chunk_samples = plan_.block_samples;
    part.chunk_bytes.assign(plan_.block_samples.size(), 1 << 20);
    part.chunk_hash.assign(plan_.block_samples.size(), 0);
    manifest.origin.permutation = "whole";
    manifest.parts = {part};
    manifest.groups = {manifest.schema.places_of({})};
    manifest.rows = {plan_.block_samples};
    manifest.lineage = manifest.new_lineage();
    return manifest;
  }
  std::unique_ptr<BlockReader> reader(const Manifest& manifest, std::string_view split,
                                      const ColumnPlaces& columns, int) override {
    return read_groups("memory", manifest, split, columns, [&](std::uint32_t) {
      return std::make_unique<MemoryReader>(plan_, chunks_, reads_);
    });
  }
  std::unique_ptr<VersionWriter> write(const WriteIntent&, OnStep) override {
    throw Error(ErrorCode::kInternal, "not of use here");
  }
  std::uint64_t verify(const Manifest&, const std::function<void(std::uint64_t)>&) override {
    return 0;
  }
  void remove(std::uint64_t) override { throw Error(ErrorCode::kInternal, "not of use here"); }

  /// Reads asked of all readers of this store.
  std::uint64_t reads() const { return reads_->load(); }

 private:
  MemoryPlan plan_;
  std::vector<Chunk> chunks_;
  std::shared_ptr<std::atomic<std::uint64_t>> reads_ =
      std::make_shared<std::atomic<std::uint64_t>>(0);
};

inline std::shared_ptr<const Dataset> dataset_of(const std::shared_ptr<MemoryStore>& store) {
  return Dataset::open(store, "memory:", std::nullopt, "train");
}

}  // namespace ringfeed
