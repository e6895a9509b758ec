// Samples in the caller's memory as a source.
#include <numeric>
#include <ringfeed/source.hpp>

#include "source_files.hpp"

namespace ringfeed {
namespace {

using testing::Content;
using testing::expect_error;
using Texts = std::vector<std::string>;

/// A column over memory of its own.
template <typename T>
Column column_of(std::string name, ColumnKind kind, DType dtype, std::vector<std::int64_t> shape,
                 std::vector<T> values, std::vector<std::int64_t> offsets = {}) {
  struct Kept {
    std::vector<T> values;
    std::vector<std::int64_t> offsets;
  };
  auto kept = std::make_shared<Kept>(Kept{std::move(values), std::move(offsets)});
  Column column;
  column.name = std::move(name);
  column.kind = kind;
  column.dtype = dtype;
  column.shape = std::move(shape);
  if (kind != ColumnKind::kTensor) column.shape = {static_cast<std::int64_t>(kept->values.size())};
  column.data = kept->values.data();
  column.bytes = kept->values.size() * sizeof(T);
  if (!kept->offsets.empty()) column.offsets = kept->offsets.data();
  column.owner = std::move(kept);
  return column;
}

Batch batch_of(std::int64_t first, std::int64_t size) {
  Batch batch;
  batch.size = size;
  std::vector<float> x(static_cast<std::size_t>(2 * size));
  std::iota(x.begin(), x.end(), static_cast<float>(2 * first));
  std::vector<std::uint8_t> flags;
  std::vector<char> text;
  std::vector<std::int16_t> tags;
  std::vector<std::int64_t> text_ends = {0};
  std::vector<std::int64_t> tag_ends = {0};
  for (std::int64_t i = first; i < first + size; ++i) {
    flags.push_back(static_cast<std::uint8_t>(i % 2));
    text.insert(text.end(), static_cast<std::size_t>(i % 3), 'a');
    text_ends.push_back(static_cast<std::int64_t>(text.size()));
    tags.insert(tags.end(), static_cast<std::size_t>(i % 4), static_cast<std::int16_t>(i));
    tag_ends.push_back(static_cast<std::int64_t>(tags.size()));
  }
  batch.columns = {column_of("x", ColumnKind::kTensor, DType::kFloat32, {size, 2}, std::move(x)),
                   column_of("flag", ColumnKind::kTensor, DType::kBool, {size}, std::move(flags)),
                   column_of("text", ColumnKind::kString, DType::kUInt8, {}, std::move(text),
                             std::move(text_ends)),
                   column_of("tags", ColumnKind::kList, DType::kInt16, {}, std::move(tags),
                             std::move(tag_ends))};
  return batch;
}

/// Batches of these sizes, their samples counting on.
std::unique_ptr<Source> sized_source(std::vector<std::int64_t> sizes, Extent extent,
                                     const SourceOptions& options = {}) {
  const auto next = [sizes = std::move(sizes), at = std::size_t{0},
                     first = std::int64_t{0}]() mutable -> std::optional<Batch> {
    if (at == sizes.size()) return std::nullopt;
    const auto size = sizes[at++];
    first += size;
    return batch_of(first - size, size);
  };
  return open_batches(next, extent, "data", options);
}

// Rows that the maker of a batch calls bad are bad records, numbered through all batches.
TEST(BatchSource, SamplesThatAreKnownToBeBad) {
  const auto open = [](Extent extent, const SourceOptions& options) {
    const auto number = std::make_shared<int>(0);
    return open_batches(
        [number]() -> std::optional<Batch> {
          if (*number == 2) return std::nullopt;
          return batch_of(10 * (*number)++, 10);
        },
        extent, "data", options,
        [number] { return std::vector<BadSample>{{*number, "it has no picture"}}; });
  };
  for (const auto extent : {Extent::kWhole, Extent::kStream}) {
    expect_error(ErrorCode::kBadData, "data: sample 1: it has no picture; ", [&] {
      const auto source = open(extent, {});
      while (source->next() != nullptr) {
      }
    });
    SourceOptions options;
    options.on_bad = OnBad::kSkip;
    options.batch_rows = 3;
    options.row_number = "row";
    const auto source = open(extent, options);
    std::vector<std::int64_t> numbers;
    while (const auto batch = source->next()) {
      const auto view = column_views(*batch, source->schema()).back();
      for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
        std::int64_t value = 0;
        std::memcpy(&value, view.sample(static_cast<std::size_t>(row)), sizeof value);
        numbers.push_back(value);
      }
    }
    EXPECT_EQ(source->rejected(), 2u);
    EXPECT_EQ(numbers, (std::vector<std::int64_t>{0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16,
                                                  17, 18, 19}));
  }
}

TEST(BatchSource, ValuesOfEveryKind) {
  for (const auto extent : {Extent::kWhole, Extent::kStream}) {
    auto source = sized_source({5, 0, 7}, extent);
    EXPECT_EQ(source->in_place(), extent == Extent::kWhole);
    std::int64_t i = 0;
    EXPECT_EQ(source->schema().columns.size(), 4u);
    while (const auto batch = source->next()) {
      check_columns(*batch, source->schema(), "test");
      ASSERT_TRUE(batch->ValidateFull().ok()) << batch->ValidateFull().ToString();
      const auto views = column_views(*batch, source->schema());
      for (std::size_t row = 0; row < static_cast<std::size_t>(batch->num_rows()); ++row, ++i) {
        float x[2];
        std::memcpy(x, views[0].sample(row), sizeof x);
        EXPECT_EQ(x[1], static_cast<float>(2 * i + 1));
        const auto bit = views[1].bit_offset + static_cast<std::int64_t>(row);
        EXPECT_EQ((static_cast<int>(views[1].data[bit / 8]) >> (bit % 8)) & 1, i % 2);
        EXPECT_EQ(views[2].offsets[row + 1] - views[2].offsets[row], i % 3);
        ASSERT_EQ(views[3].offsets[row + 1] - views[3].offsets[row], i % 4);
        for (auto k = views[3].offsets[row]; k < views[3].offsets[row + 1]; ++k)
          EXPECT_EQ(reinterpret_cast<const std::int16_t*>(views[3].data)[k], i);
      }
    }
    EXPECT_EQ(i, 12);
  }
}

TEST(BatchSource, FingerprintIsOfTheSamples) {
  const auto fingerprint = sized_source({12}, Extent::kWhole)->fingerprint();
  EXPECT_EQ(sized_source({5, 7}, Extent::kWhole)->fingerprint(), fingerprint);
  EXPECT_NE(sized_source({11}, Extent::kWhole)->fingerprint(), fingerprint);
}

TEST(BatchSource, ColumnsThatChangeAreNamed) {
  const auto changing = [](auto change) {
    return [change, first = true]() mutable -> std::optional<Batch> {
      Batch batch = batch_of(0, 3);
      if (!first) change(batch);
      first = false;
      return batch;
    };
  };
  const auto read = [](const NextBatch& next) {
    return [next] { Content(open_batches(next, Extent::kStream, "data", {})); };
  };
  expect_error(ErrorCode::kBadData,
               "data: column 'x' is float32 [1] from sample 3 on, and float32 [2] before",
               read(changing([](Batch& batch) { batch.columns[0].shape = {3, 1}; })));
  expect_error(ErrorCode::kBadData, "data: column 'tags' is missing from sample 3 on",
               read(changing([](Batch& batch) { batch.columns.pop_back(); })));
  expect_error(ErrorCode::kInvalidArgument, "data: there is no sample",
               [] { sized_source({}, Extent::kStream); });
}

}  // namespace
}  // namespace ringfeed
