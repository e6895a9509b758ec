// The spill is one unnamed file of Arrow messages, mapped when it is whole.
#include "ingest/segment.hpp"

#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/dictionary.h>
#include <arrow/ipc/options.h>
#include <arrow/ipc/reader.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <utility>

#include "dataset/arrow_status.hpp"

namespace ringfeed {
namespace {

constexpr int kCoarseShift = 10;

/// Memory in the mapped spill, which it keeps mapped.
class SpillBuffer final : public arrow::Buffer {
 public:
  explicit SpillBuffer(std::shared_ptr<const MappedFile> file)
      : arrow::Buffer(reinterpret_cast<const std::uint8_t*>(file->data()),
                      static_cast<std::int64_t>(file->size())),
        file_(std::move(file)) {}

 private:
  std::shared_ptr<const MappedFile> file_;
};

}  // namespace

Segment::Segment(Schema schema, const std::optional<std::string>& spill_folder)
    : schema_(std::move(schema)), arrow_schema_(schema_.to_arrow()) {
  if (spill_folder) spill_ = File::create_unnamed(*spill_folder);
}

void Segment::add(std::shared_ptr<arrow::RecordBatch> batch) {
  starts_.push_back(starts_.back() + static_cast<std::uint64_t>(batch->num_rows()));
  if (!spill_) {
    batches_.push_back(std::move(batch));
    return;
  }
  auto options = arrow::ipc::IpcWriteOptions::Defaults();
  options.use_threads = false;
  const auto bytes = value_of(arrow::ipc::SerializeRecordBatch(*batch, options), spill_->path());
  spill_->write(
      {reinterpret_cast<const char*>(bytes->data()), static_cast<std::size_t>(bytes->size())});
  spill_offsets_.push_back(
      std::exchange(spilled_bytes_, spilled_bytes_ + static_cast<std::uint64_t>(bytes->size())));
}

void Segment::seal() {
  if (spill_) {
    const auto whole = std::make_shared<SpillBuffer>(MappedFile::map(*spill_));
    auto options = arrow::ipc::IpcReadOptions::Defaults();
    options.use_threads = false;
    const arrow::ipc::DictionaryMemo no_dictionaries;
    for (const auto offset : spill_offsets_) {
      arrow::io::BufferReader reader(arrow::SliceBuffer(whole, static_cast<std::int64_t>(offset)));
      batches_.push_back(
          value_of(arrow::ipc::ReadRecordBatch(arrow_schema_, &no_dictionaries, options, &reader),
                   spill_->path()));
    }
  }
  for (const auto& batch : batches_) views_.push_back(column_views(*batch, schema_));
  std::uint32_t batch = 0;
  for (std::uint64_t sample = 0; sample < samples(); sample += std::uint64_t{1} << kCoarseShift) {
    while (starts_[batch + 1] <= sample) ++batch;
    coarse_.push_back(batch);
  }
}

void Segment::clear() {
  batches_.clear();
  views_.clear();
  starts_ = {0};
  coarse_.clear();
  spill_offsets_.clear();
  spilled_bytes_ = 0;
  if (spill_) spill_->resize(0);
}

void Segment::locate(std::span<const std::uint32_t> samples,
                     std::vector<SamplePlace>& places) const {
  places.clear();
  places.reserve(samples.size());
  for (const auto sample : samples) {
    std::uint32_t batch = coarse_[sample >> kCoarseShift];
    while (starts_[batch + 1] <= sample) ++batch;
    places.push_back({batch, static_cast<std::uint32_t>(sample - starts_[batch])});
  }
}

SampleSizes::SampleSizes(const Schema& schema) {
  for (std::size_t i = 0; i < schema.columns.size(); ++i) {
    if (schema.columns[i].kind == ColumnKind::kTensor) {
      fixed_bytes_ += schema.columns[i].sample_bytes();
    } else {
      varying_.push_back(i);
    }
  }
}

std::uint64_t SampleSizes::bytes(const std::vector<ColumnView>& views,
                                 std::uint64_t row) const noexcept {
  std::uint64_t sum = fixed_bytes_;
  for (const auto column : varying_) {
    const auto& view = views[column];
    sum +=
        static_cast<std::uint64_t>(view.offsets[row + 1] - view.offsets[row]) * view.element_bytes;
  }
  return sum;
}

}  // namespace ringfeed
