// A source of generated samples: sample i is a function of i alone, so tests can say what must come
// out.
#pragma once

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <ringfeed/chunk.hpp>
#include <ringfeed/source.hpp>
#include <string>
#include <utility>
#include <vector>

namespace ringfeed::testing {

/// image float32 [2, 3] = 6i .. 6i+5; label int64 = i mod 7 (or `label_of`); text = "t" repeated i
/// mod 11 times; tags list<int16> = [i mod 100] repeated i mod 4 times; flag bool = i odd; bits
/// bool [3] = the low bits of i.
class MemorySource final : public Source {
 public:
  struct Options {
    std::int64_t samples = 100;
    std::int64_t batch_rows = 37;
    std::uint64_t fingerprint = 1;
    bool in_place = false;
    std::int64_t first = 0;  ///< i of the first sample
    std::function<std::int64_t(std::int64_t)> label_of = [](std::int64_t i) { return i % 7; };
    std::function<std::string(std::int64_t)> text_of = [](std::int64_t i) {
      return std::string(static_cast<std::size_t>(i % 11), 't');
    };
  };

  explicit MemorySource(Options options) : options_(std::move(options)) {
    schema_.columns = {{"image", ColumnKind::kTensor, DType::kFloat32, {2, 3}},
                       {"label", ColumnKind::kTensor, DType::kInt64, {}},
                       {"text", ColumnKind::kString, DType::kUInt8, {}},
                       {"tags", ColumnKind::kList, DType::kInt16, {}},
                       {"flag", ColumnKind::kTensor, DType::kBool, {}},
                       {"bits", ColumnKind::kTensor, DType::kBool, {3}}};
    arrow_schema_ = schema_.to_arrow();
  }

  const Schema& schema() const override { return schema_; }
  std::shared_ptr<arrow::RecordBatch> next() override {
    if (done_ == options_.samples) return nullptr;
    const std::int64_t rows = std::min(options_.batch_rows, options_.samples - done_);
    auto batch = make(options_.first + done_, rows);
    done_ += rows;
    return batch;
  }
  bool in_place() const override { return options_.in_place; }
  std::uint64_t fingerprint() override { return options_.fingerprint; }
  std::uint64_t bytes_total() const override {
    return static_cast<std::uint64_t>(options_.samples) * 40;
  }
  std::uint64_t bytes_read() const override { return static_cast<std::uint64_t>(done_) * 40; }
  std::uint64_t rejected() const override { return 0; }

  /// The samples [first, first + rows).
  Chunk chunk(std::int64_t first, std::int64_t rows) const {
    return {make(first, rows), std::make_shared<const Schema>(schema_)};
  }

  std::shared_ptr<arrow::RecordBatch> make(std::int64_t first, std::int64_t rows) const {
    auto pool = arrow::default_memory_pool();
    arrow::FloatBuilder pixels;
    arrow::Int64Builder labels;
    arrow::StringBuilder texts;
    arrow::ListBuilder tags(pool, std::make_shared<arrow::Int16Builder>(),
                            arrow_schema_->field(3)->type());
    auto& tag = static_cast<arrow::Int16Builder&>(*tags.value_builder());
    arrow::BooleanBuilder flags;
    arrow::BooleanBuilder bits;
    arrow::Status ok;
    for (std::int64_t i = first; i < first + rows; ++i) {
      for (int k = 0; k < 6; ++k) ok &= pixels.Append(static_cast<float>(6 * i + k));
      ok &= labels.Append(options_.label_of(i));
      ok &= texts.Append(options_.text_of(i));
      ok &= tags.Append();
      for (int k = 0; k < i % 4; ++k) ok &= tag.Append(static_cast<std::int16_t>(i % 100));
      ok &= flags.Append(i % 2 == 1);
      for (int k = 0; k < 3; ++k) ok &= bits.Append(((i >> k) & 1) == 1);
    }
    if (!ok.ok()) ok.Abort();
    const auto fixed = [&](int column, arrow::ArrayBuilder& items, std::int32_t size) {
      return std::make_shared<arrow::FixedSizeListArray>(
          arrow::fixed_size_list(arrow_schema_->field(column)->type()->field(0), size), rows,
          items.Finish().ValueOrDie());
    };
    arrow::ArrayVector columns = {fixed(0, pixels, 6),         labels.Finish().ValueOrDie(),
                                  texts.Finish().ValueOrDie(), tags.Finish().ValueOrDie(),
                                  flags.Finish().ValueOrDie(), fixed(5, bits, 3)};
    return arrow::RecordBatch::Make(arrow_schema_, rows, std::move(columns));
  }

 private:
  Options options_;
  Schema schema_;
  std::shared_ptr<arrow::Schema> arrow_schema_;
  std::int64_t done_ = 0;
};

/// The i of a sample of a MemorySource, from its first pixel.
inline std::int64_t number_of(const arrow::RecordBatch& chunk, std::int64_t row) {
  const auto& list = static_cast<const arrow::FixedSizeListArray&>(*chunk.column(0));
  const auto& pixels = static_cast<const arrow::FloatArray&>(*list.values());
  return static_cast<std::int64_t>(pixels.Value((list.offset() + row) * 6)) / 6;
}

}  // namespace ringfeed::testing
