#include "dataset/chunk.hpp"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/extension/fixed_shape_tensor.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/compression.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <ringfeed/error.hpp>

#include "../../fuzz/chunk_fuzz.hpp"
#include "ingest/memory_source.hpp"

namespace ringfeed::testing {
namespace {

std::string hex(const arrow::Buffer& bytes) {
  std::string text;
  for (std::int64_t i = 0; i < bytes.size(); ++i) {
    const char* const digits = "0123456789abcdef";
    text += digits[bytes.data()[i] >> 4];
    text += digits[bytes.data()[i] & 15];
  }
  return text;
}

std::shared_ptr<arrow::Buffer> copy_of(const arrow::Buffer& bytes) {
  auto copy = arrow::AllocateBuffer(bytes.size()).ValueOrDie();
  std::memcpy(copy->mutable_data(), bytes.data(), static_cast<std::size_t>(bytes.size()));
  return copy;
}

ErrorCode code_of_decode(std::shared_ptr<arrow::Buffer> bytes, const Schema& schema,
                         std::uint32_t samples) {
  try {
    decode_chunk(std::move(bytes), schema.to_arrow(), samples, "here");
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).substr(0, 6), "here: ");
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.code();
  }
  return ErrorCode::kInternal;
}

template <typename T>
T value_at(const ColumnView& view, std::size_t row, std::size_t element) {
  T value;
  std::memcpy(&value, view.data + row * view.stride_bytes + element * view.element_bytes,
              sizeof(T));
  return value;
}

bool bit_at(const ColumnView& view, std::int64_t bit) {
  bit += view.bit_offset;
  return (static_cast<unsigned>(view.data[bit / 8]) >> (bit % 8) & 1u) != 0;
}

/// Views of samples first .. first + rows of a MemorySource.
void expect_views(const std::vector<ColumnView>& views, std::int64_t first, std::int64_t rows) {
  for (std::int64_t r = 0; r < rows; ++r) {
    const auto row = static_cast<std::size_t>(r);
    const std::int64_t i = first + r;
    for (std::size_t k = 0; k < 6; ++k) {
      EXPECT_EQ(value_at<float>(views[0], row, k),
                static_cast<float>(6 * i) + static_cast<float>(k));
    }
    EXPECT_EQ(value_at<std::int64_t>(views[1], row, 0), i % 7);
    EXPECT_EQ(views[2].offsets[row + 1] - views[2].offsets[row], i % 11);
    ASSERT_EQ(views[3].offsets[row + 1] - views[3].offsets[row], i % 4);
    for (auto k = views[3].offsets[row]; k < views[3].offsets[row + 1]; ++k) {
      std::int16_t tag = 0;
      std::memcpy(&tag, views[3].data + static_cast<std::size_t>(k) * views[3].element_bytes,
                  sizeof(tag));
      EXPECT_EQ(tag, i % 100);
    }
    EXPECT_EQ(bit_at(views[4], r), i % 2 == 1);
    for (std::int64_t k = 0; k < 3; ++k) EXPECT_EQ(bit_at(views[5], r * 3 + k), (i >> k & 1) == 1);
  }
}

TEST(Chunk, ComesBackAsItWasWithoutACopy) {
  const MemorySource source({});
  const auto batch = source.make(5, 70);
  const auto bytes = encode_chunk(*batch);
  EXPECT_EQ(bytes->size() % static_cast<std::int64_t>(kChunkAlignment), 0);
  const auto arrow_schema = source.schema().to_arrow();
  const auto before = arrow::default_memory_pool()->total_bytes_allocated();
  const auto decoded = decode_chunk(bytes, arrow_schema, 70, "here");
  EXPECT_EQ(arrow::default_memory_pool()->total_bytes_allocated(), before);
  EXPECT_TRUE(decoded->Equals(*batch, /*check_metadata=*/true));
  const auto views = column_views(*decoded, source.schema());
  expect_views(views, 5, 70);
  const auto* const begin = reinterpret_cast<const std::byte*>(bytes->data());
  for (const auto& view : views) {
    EXPECT_GE(view.data, begin);
    EXPECT_LE(view.data, begin + bytes->size());
  }
}

TEST(Chunk, TheSameSamplesGiveTheSameBytes) {
  const MemorySource source({});
  const auto bytes = encode_chunk(*source.make(64, 8));
  EXPECT_TRUE(bytes->Equals(*encode_chunk(*source.make(64, 8))));
  // From a slice too: nothing of what is beside it is stored.
  EXPECT_TRUE(bytes->Equals(*encode_chunk(*source.make(0, 100)->Slice(64, 8))));
  const auto decoded = decode_chunk(bytes, source.schema().to_arrow(), 8, "here");
  EXPECT_TRUE(bytes->Equals(*encode_chunk(*decoded)));
}

TEST(Chunk, GoldenBytes) {
  Schema schema;
  schema.columns = {{"x", ColumnKind::kTensor, DType::kFloat32, {2}},
                    {"label", ColumnKind::kTensor, DType::kInt16, {}}};
  const auto arrow_schema = schema.to_arrow();
  arrow::FloatBuilder x;
  arrow::Int16Builder label;
  ASSERT_TRUE(x.AppendValues({1.0F, 2.0F, -1.5F, 0.25F}).ok());
  ASSERT_TRUE(label.AppendValues(std::vector<std::int16_t>{258, -1}).ok());
  const auto batch = arrow::RecordBatch::Make(
      arrow_schema, 2,
      arrow::ArrayVector{std::make_shared<arrow::FixedSizeListArray>(arrow_schema->field(0)->type(),
                                                                     2, x.Finish().ValueOrDie()),
                         label.Finish().ValueOrDie()});
  EXPECT_EQ(hex(*encode_chunk(*batch)),
            "ffffffffd800000014000000000000000c0016000600050008000c000c0000000003040018000000180000"
            "0000000000"
            "00000a0018000c00040008000a0000006c0000001000000002000000000000000000000005000000000000"
            "0000000000"
            "00000000000000000000000000000000000000000000000000000000000000001000000000000000100000"
            "0000000000"
            "00000000000000001000000000000000040000000000000000000000030000000200000000000000000000"
            "0000000000"
            "04000000000000000000000000000000020000000000000000000000000000000000803f000000400000c0"
            "bf0000803e"
            "0201ffff00000000");
}

TEST(Chunk, ViewsRespectSlices) {
  const MemorySource source({});
  const auto batch = source.make(0, 100);
  for (const std::int64_t first : {0, 1, 7, 8, 9, 50, 99}) {
    const auto slice = batch->Slice(first, 100 - first);
    check_columns(*slice, source.schema(), "here");
    expect_views(column_views(*slice, source.schema()), first, 100 - first);
  }
}

TEST(Chunk, ViewsSeeAnExtensionArrayAsItsStorage) {
  Schema schema;
  schema.columns = {{"image", ColumnKind::kTensor, DType::kFloat32, {2, 3}}};
  const MemorySource source({});
  const auto storage = source.make(0, 10)->column(0);
  const auto type = arrow::extension::fixed_shape_tensor(arrow::float32(), {2, 3});
  const auto array = arrow::ExtensionType::WrapArray(type, storage);
  const auto batch = arrow::RecordBatch::Make(arrow::schema({arrow::field("image", type)}), 10,
                                              arrow::ArrayVector{array});
  check_columns(*batch, schema, "here");
  const auto view = column_views(*batch->Slice(3), schema).front();
  EXPECT_EQ(view.stride_bytes, 24u);
  EXPECT_EQ(value_at<float>(view, 2, 1), 31.0F);
}

TEST(Chunk, CheckColumnsNamesTheDifference) {
  const MemorySource source({});
  const auto batch = source.make(0, 4);
  const auto refused = [&](const arrow::RecordBatch& bad) -> std::string {
    try {
      check_columns(bad, source.schema(), "data.csv");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadData);
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(refused(*batch), "");
  EXPECT_NE(refused(*batch->RemoveColumn(5).ValueOrDie()).find("5 columns where the schema has 6"),
            std::string::npos);
  const auto floats = arrow::MakeArrayOfNull(arrow::float32(), 4).ValueOrDie();
  EXPECT_NE(
      refused(*batch->SetColumn(1, arrow::field("label", arrow::float32()), floats).ValueOrDie())
          .find("label"),
      std::string::npos);
  EXPECT_NE(
      refused(*batch->RenameColumns({"a", "label", "text", "tags", "flag", "bits"}).ValueOrDie())
          .find("image"),
      std::string::npos);
  const auto nulls = arrow::MakeArrayOfNull(arrow::int64(), 4).ValueOrDie();
  EXPECT_NE(refused(*batch->SetColumn(1, arrow::field("label", arrow::int64()), nulls).ValueOrDie())
                .find("nulls"),
            std::string::npos);
}

TEST(Chunk, RefusesWhatIsTooLarge) {
  Schema schema;
  schema.columns = {{"x", ColumnKind::kTensor, DType::kUInt8, {1 << 20}}};
  const auto arrow_schema = schema.to_arrow();
  const auto items = arrow::MakeArrayFromScalar(arrow::UInt8Scalar(1), 16 << 20).ValueOrDie();
  const auto batch =
      arrow::RecordBatch::Make(arrow_schema, 16,
                               arrow::ArrayVector{std::make_shared<arrow::FixedSizeListArray>(
                                   arrow_schema->field(0)->type(), 16, items)});
  try {
    encode_chunk(*batch);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadData);
    EXPECT_NE(std::string(error.what()).find("IngestOptions::chunk_bytes"), std::string::npos);
  }
}

TEST(Chunk, RefusesAnotherNumberOfSamplesOrAnotherSchema) {
  const MemorySource source({});
  const auto bytes = encode_chunk(*source.make(0, 20));
  for (const std::uint32_t samples : {0u, 1u, 19u, 21u, 0xFFFFFFFFu}) {
    EXPECT_EQ(code_of_decode(bytes, source.schema(), samples), ErrorCode::kBadData);
  }
  auto more = source.schema();
  more.columns.push_back({"more", ColumnKind::kTensor, DType::kInt64, {}});
  EXPECT_EQ(code_of_decode(bytes, more, 20), ErrorCode::kBadData);
  auto wider = source.schema();
  wider.columns[0].shape = {1000};
  EXPECT_EQ(code_of_decode(bytes, wider, 20), ErrorCode::kBadData);
}

TEST(Chunk, RefusesEachShorterAndLongerOne) {
  const MemorySource source({});
  const auto bytes = encode_chunk(*source.make(0, 20));
  for (std::int64_t size = 0; size < bytes->size(); ++size) {
    EXPECT_EQ(code_of_decode(copy_of(*arrow::SliceBuffer(bytes, 0, size)), source.schema(), 20),
              ErrorCode::kBadData);
  }
  auto longer = arrow::AllocateBuffer(bytes->size() + 8).ValueOrDie();
  std::memset(longer->mutable_data(), 0, static_cast<std::size_t>(longer->size()));
  std::memcpy(longer->mutable_data(), bytes->data(), static_cast<std::size_t>(bytes->size()));
  EXPECT_EQ(code_of_decode(std::move(longer), source.schema(), 20), ErrorCode::kBadData);
}

/// No checksum stands before this: whatever is accepted is safe to read (run under the address
/// sanitizer).
TEST(Chunk, AnyFlippedBitIsRefusedOrSafe) {
  const auto schema = fuzz::chunk_schema();
  const MemorySource source({});
  auto batch = source.make(0, 9);
  const auto arrow_schema = schema.to_arrow();
  arrow::BinaryBuilder raw;
  arrow::ListBuilder marks(arrow::default_memory_pool(), std::make_shared<arrow::BooleanBuilder>(),
                           arrow_schema->field(7)->type());
  for (int i = 0; i < 9; ++i) {
    ASSERT_TRUE(raw.Append(std::string(static_cast<std::size_t>(i), 'r')).ok());
    ASSERT_TRUE(marks.Append().ok());
    ASSERT_TRUE(
        static_cast<arrow::BooleanBuilder&>(*marks.value_builder()).Append(i % 2 == 0).ok());
  }
  batch = batch->AddColumn(6, arrow_schema->field(6), raw.Finish().ValueOrDie()).ValueOrDie();
  batch = batch->AddColumn(7, arrow_schema->field(7), marks.Finish().ValueOrDie()).ValueOrDie();
  const auto bytes = encode_chunk(*batch);
  std::string input(4, '\0');
  input[0] = 9;
  input += bytes->ToString();
  const auto accepted = [](const std::string& text) {
    return fuzz::fuzz_chunk(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  };
  EXPECT_TRUE(accepted(input));
  int refused = 0;
  for (std::size_t bit = 32; bit < input.size() * 8; ++bit) {
    auto flipped = input;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    refused += accepted(flipped) ? 0 : 1;
  }
  EXPECT_GT(refused, 100);
}

/// A compressed body could claim any size; chunks of this format are not compressed.
TEST(Chunk, RefusesCompressedBodies) {
  const MemorySource source({});
  auto options = arrow::ipc::IpcWriteOptions::Defaults();
  for (const auto codec : {arrow::Compression::LZ4_FRAME, arrow::Compression::ZSTD}) {
    if (!arrow::util::Codec::IsAvailable(codec)) continue;
    options.codec = arrow::util::Codec::Create(codec).ValueOrDie();
    const auto bytes = arrow::ipc::SerializeRecordBatch(*source.make(0, 500), options).ValueOrDie();
    EXPECT_EQ(code_of_decode(bytes, source.schema(), 500), ErrorCode::kBadData);
  }
}

TEST(Chunk, ScatteredSamplesAreSeenWhereTheyAreAndCanBeGathered) {
  const Schema schema{{{"x", ColumnKind::kTensor, DType::kFloat32, {4}},
                       {"b", ColumnKind::kTensor, DType::kUInt8, {16}},
                       {"id", ColumnKind::kTensor, DType::kInt64, {}}}};
  constexpr std::size_t kRows = 5;
  // Two pages; in each the samples lie one byte off any alignment, with others between them.
  std::vector<std::shared_ptr<std::string>> pages = {std::make_shared<std::string>(),
                                                     std::make_shared<std::string>()};
  for (std::size_t row = 0; row < kRows; ++row) {
    std::string& page = *pages[row / 3];
    page += '#';
    for (std::uint32_t k = 0; k < 4; ++k) {
      const auto bits = __builtin_bswap32(
          std::bit_cast<std::uint32_t>(static_cast<float>(row) + static_cast<float>(k) / 4));
      page.append(reinterpret_cast<const char*>(&bits), 4);
    }
    page += std::string(16, static_cast<char>('a' + row));
  }
  Scattered x{{}, {0, 3}, {pages[0], pages[1]}, true};
  Scattered b{{}, {0, 3}, {pages[0], pages[1]}, false};
  arrow::Int64Builder ids;
  for (std::size_t row = 0; row < kRows; ++row) {
    const std::string_view at = std::string_view(*pages[row / 3]).substr(33 * (row % 3) + 1);
    x.samples.push_back(at.substr(0, 16));
    b.samples.push_back(at.substr(16, 16));
    ASSERT_TRUE(ids.Append(static_cast<std::int64_t>(row)).ok());
  }
  const auto plain = schema.to_arrow();
  const auto batch = arrow::RecordBatch::Make(
      arrow::schema({scattered_field(*plain->field(0), true),
                     scattered_field(*plain->field(1), false), plain->field(2)}),
      kRows, {scattered_column(x), scattered_column(b), (*ids.Finish())->data()});
  ASSERT_TRUE(batch->ValidateFull().ok());
  const auto views = column_views(*batch, schema);
  EXPECT_TRUE(views[0].swapped);
  EXPECT_FALSE(views[1].swapped || views[2].swapped);
  for (std::size_t row = 0; row < kRows; ++row) {
    EXPECT_EQ(reinterpret_cast<const char*>(views[0].sample(row)), x.samples[row].data());
    EXPECT_EQ(reinterpret_cast<const char*>(views[1].sample(row)), b.samples[row].data());
    EXPECT_EQ(reinterpret_cast<const char*>(views[2].sample(row)),
              reinterpret_cast<const char*>(views[2].data) + 8 * row);
  }
  x.owners.clear();
  b.owners.clear();
  pages.clear();  // the batch keeps them

  const auto whole = gathered(batch, schema);
  check_columns(*whole, schema, "gathered");
  ASSERT_TRUE(whole->ValidateFull().ok());
  EXPECT_EQ(gathered(whole, schema), whole);
  const auto decoded = decode_chunk(encode_chunk(*whole), plain, kRows, "gathered");
  const auto found = column_views(*decoded, schema);
  for (std::size_t row = 0; row < kRows; ++row) {
    float values[4];
    std::memcpy(values, found[0].sample(row), sizeof(values));
    for (std::size_t k = 0; k < 4; ++k)
      EXPECT_EQ(values[k], static_cast<float>(row) + static_cast<float>(k) / 4);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(found[1].sample(row)), 16),
              std::string(16, static_cast<char>('a' + row)));
  }
}

}  // namespace
}  // namespace ringfeed::testing
