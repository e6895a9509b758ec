// Blocks are read as they are asked for, and those read last are kept.
#include <arrow/c/bridge.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <list>
#include <mutex>
#include <numeric>
#include <ringfeed/error.hpp>
#include <ringfeed/samples.hpp>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "dataset/arrow_status.hpp"
#include "dataset/chunk.hpp"
#include "feed/buffer_pool.hpp"
#include "feed/gather.hpp"
#include "feed/selection.hpp"
#include "store/blocks_ahead.hpp"

namespace ringfeed {
namespace {

constexpr int kReadThreads = 1;
constexpr std::uint64_t kPartsMax = std::uint64_t{1} << 20;
constexpr std::uint64_t kReadAheadBytes = std::uint64_t{32} << 20;

}  // namespace

struct Samples::Impl {
  Impl(std::shared_ptr<const Dataset> data, const std::vector<std::string>& columns,
       std::uint64_t bytes_max)
      : dataset(std::move(data)),
        selection(dataset->schema(), columns),
        gather(DecodedColumns(selection.columns()), std::make_shared<BufferPool>(0), false),
        cache_bytes_max(bytes_max),
        reader(dataset->reader(kReadThreads, selection.places())) {
    for (const auto& block : reader->blocks()) starts.push_back(starts.back() + block.samples);
  }

  Batch read(std::span<const std::uint64_t> numbers) {
    const std::lock_guard lock(turn);
    for (const auto number : numbers) {
      if (number < starts.back()) continue;
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: there is no sample {}; there are {}, numbered from 0",
                              dataset->url(), number, starts.back()));
    }
    Batch batch;
    batch.size = batch.global_size = static_cast<std::int64_t>(numbers.size());
    gather.begin(numbers.size());
    while (!numbers.empty()) numbers = numbers.subspan(append_some(numbers));
    batch.columns = gather.finish();
    return batch;
  }

  std::uint64_t block_of(std::uint64_t number) const {
    const auto next = std::upper_bound(starts.begin(), starts.end(), number);
    return static_cast<std::uint64_t>(next - starts.begin() - 1);
  }

  /// As many as are in blocks that fit into the cache together.
  std::size_t append_some(std::span<const std::uint64_t> numbers) {
    std::unordered_set<std::uint64_t> blocks;
    std::uint64_t bytes = 0;
    std::size_t count = 0;
    for (; count < numbers.size(); ++count) {
      const auto block = block_of(numbers[count]);
      if (blocks.contains(block)) continue;
      bytes += reader->blocks()[block].bytes;
      if (bytes > cache_bytes_max && !blocks.empty()) break;
      blocks.insert(block);
    }
    bring(blocks);
    std::vector<SampleSource> sources;
    for (const auto number : numbers.first(count)) {
      const auto block = block_of(number);
      sources.push_back(
          {&cached.at(block).block, static_cast<std::uint32_t>(number - starts[block])});
    }
    gather.append(sources);
    return count;
  }

  /// Into the cache; the others that are in it leave in the order of their last use.
  void bring(const std::unordered_set<std::uint64_t>& blocks) {
    std::vector<std::uint64_t> missing;
    for (const auto block : blocks) {
      const auto found = cached.find(block);
      if (found == cached.end()) {
        missing.push_back(block);
        cached_bytes += reader->blocks()[block].bytes;
      } else {
        used.splice(used.end(), used, found->second.use);
      }
    }
    while (cached_bytes > cache_bytes_max && used.size() + missing.size() > blocks.size()) {
      cached_bytes -= reader->blocks()[used.front()].bytes;
      cached.erase(used.front());
      used.pop_front();
    }
    try {
      fetch(missing);
    } catch (...) {
      for (const auto block : missing) {
        if (!cached.contains(block)) cached_bytes -= reader->blocks()[block].bytes;
      }
      throw;
    }
  }

  /// All at once.
  void fetch(const std::vector<std::uint64_t>& blocks) {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<Chunk> chunks(blocks.size());
    std::size_t left = blocks.size();
    std::exception_ptr failure;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      reader->read(blocks[i], [&, i](Chunk chunk, std::exception_ptr error) {
        const std::lock_guard lock(mutex);
        chunks[i] = std::move(chunk);
        if (error && !failure) failure = std::move(error);
        --left;
        changed.notify_one();
      });
    }
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return left == 0; });
    if (failure) std::rethrow_exception(failure);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      OpenBlock block = selection.open(chunks[i]);
      used.push_back(blocks[i]);
      cached.emplace(blocks[i], Cached{std::move(block), std::prev(used.end())});
    }
  }

  struct Cached {
    OpenBlock block;
    std::list<std::uint64_t>::iterator use;
  };

  const std::shared_ptr<const Dataset> dataset;
  const Selection selection;
  std::mutex turn;
  Gather gather;
  const std::uint64_t cache_bytes_max;
  std::unordered_map<std::uint64_t, Cached> cached;
  std::list<std::uint64_t> used;  ///< blocks, the one used last at the end
  std::uint64_t cached_bytes = 0;
  std::vector<std::uint64_t> starts = {0};  ///< first sample of each block, and their number
  const std::unique_ptr<BlockReader> reader;
};

Samples::Samples(std::shared_ptr<const Dataset> dataset, std::vector<std::string> columns,
                 std::uint64_t cache_bytes)
    : impl_(std::make_unique<Impl>(std::move(dataset), columns, cache_bytes)) {}

Samples::~Samples() = default;

Batch Samples::read(std::span<const std::uint64_t> numbers) { return impl_->read(numbers); }

Batch load(std::string_view url, std::uint64_t n, const std::vector<std::string>& columns,
           const ConnectionOptions& connection) {
  auto dataset = Dataset::open(url, connection);
  std::vector<std::uint64_t> numbers(std::min(n, dataset->size()));
  std::iota(numbers.begin(), numbers.end(), std::uint64_t{0});
  return Samples(std::move(dataset), columns).read(numbers);
}

namespace {

class DatasetReader final : public arrow::RecordBatchReader {
 public:
  DatasetReader(const std::shared_ptr<const Dataset>& dataset, const Selection& selection,
                const SplitPart& part)
      : read_(dataset->schema().only(selection.places())),
        places_(selection.order()),
        blocks_(dataset->reader(kReadThreads, selection.places()), kReadAheadBytes, part) {
    const auto all = read_.to_arrow();
    arrow::FieldVector fields;
    for (const auto place : places_) fields.push_back(all->field(static_cast<int>(place)));
    schema_ = arrow::schema(std::move(fields));
  }

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* to) override {
    try {
      *to = blocks_.at_end() ? nullptr : next();
      return arrow::Status::OK();
    } catch (const std::exception& error) {
      return arrow::Status::IOError(error.what());
    }
  }

 private:
  std::shared_ptr<arrow::RecordBatch> next() {
    const auto chunk = gathered(blocks_.take().columns(), read_);
    arrow::ArrayVector arrays;
    for (const auto place : places_) arrays.push_back(chunk->column(static_cast<int>(place)));
    return arrow::RecordBatch::Make(schema_, chunk->num_rows(), std::move(arrays));
  }

  const Schema read_;
  const std::vector<std::size_t> places_;  ///< in what is read
  std::shared_ptr<arrow::Schema> schema_;
  BlocksAhead blocks_;
};

}  // namespace

void export_arrow(std::shared_ptr<const Dataset> dataset, const std::vector<std::string>& columns,
                  ArrowArrayStream* to, const SplitPart& part) {
  if (part.count < 1 || part.count > kPartsMax || part.number >= part.count) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("part {} of {} is none; parts are numbered from 0, and there are 1 to {}",
                    part.number, part.count, kPartsMax));
  }
  auto reader =
      std::make_shared<DatasetReader>(dataset, Selection(dataset->schema(), columns), part);
  check(arrow::ExportRecordBatchReader(std::move(reader), to), "the Arrow stream");
}

}  // namespace ringfeed
