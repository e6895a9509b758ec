// NaN and infinity, wherever they stand, in either byte order.
#include "dataset/finite.hpp"

#include <arrow/api.h>
#include <arrow/json/from_string.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

namespace ringfeed {
namespace {

struct Case {
  DType dtype;
  std::vector<std::uint64_t> bad;   ///< bits
  std::vector<std::uint64_t> good;  ///< the largest and the smallest among them
};

const std::vector<Case> kCases = {
    {DType::kFloat16, {0x7C00, 0xFC00, 0x7C01, 0xFE00}, {0, 0x7BFF, 0xFBFF, 0x8000, 1}},
    {DType::kFloat32,
     {0x7F800000, 0xFF800000, 0x7F800001, 0xFFC00000},
     {0, 0x7F7FFFFF, 0xFF7FFFFF, 0x80000000, 1}},
    {DType::kFloat64,
     {0x7FF0000000000000, 0xFFF0000000000000, 0x7FF0000000000001},
     {0, 0x7FEFFFFFFFFFFFFF, 0xFFEFFFFFFFFFFFFF, 1}}};

std::string bytes_of(std::uint64_t bits, std::size_t size, bool swapped) {
  std::string bytes(reinterpret_cast<const char*>(&bits), size);
  if (swapped) std::ranges::reverse(bytes);
  return bytes;
}

TEST(CountNotFinite, OfTensorsAndListsInSlices) {
  const Schema schema{{{"x", ColumnKind::kTensor, DType::kFloat32, {2}},
                       {"l", ColumnKind::kList, DType::kFloat64, {}},
                       {"n", ColumnKind::kTensor, DType::kInt64, {}}}};
  const auto types = schema.to_arrow();
  const auto of = [&](int column, const char* json) {
    return arrow::json::ArrayFromJSONString(types->field(column)->type(), json).ValueOrDie();
  };
  const auto batch = arrow::RecordBatch::Make(
      types, 3,
      {of(0, "[[NaN, 1], [2, Inf], [NaN, -Inf]]"), of(1, "[[NaN], [], [1, NaN, NaN]]"),
       of(2, "[9221120237041090560, 1, 2]")});
  EXPECT_EQ(count_not_finite(*batch, schema), 7u);
  EXPECT_EQ(count_not_finite(*batch->Slice(1), schema), 5u);
  EXPECT_EQ(count_not_finite(*batch->Slice(1, 1), schema), 1u);
}

TEST(FindNotFinite, FindsTheFirstWhereverItStands) {
  for (const auto& [dtype, bad, good] : kCases) {
    const std::size_t size = size_of(dtype);
    for (const bool swapped : {false, true}) {
      for (const std::size_t count : {1u, 7u, 1024u, 1025u, 3000u}) {
        std::string memory = "x";  // not aligned
        for (std::size_t i = 0; i < count; ++i)
          memory += bytes_of(good[i % good.size()], size, swapped);
        const auto find = [&](std::size_t begin) {
          return find_not_finite(dtype, swapped, memory.data() + 1, begin, count);
        };
        EXPECT_EQ(find(0), count);
        for (const std::size_t at : {std::size_t{0}, count / 2, count - 1}) {
          const std::string kept = memory;
          memory.replace(1 + at * size, size, bytes_of(bad[at % bad.size()], size, swapped));
          EXPECT_EQ(find(0), at);
          EXPECT_EQ(find(at), at);
          EXPECT_EQ(find(at + 1), count);
          memory = kept;
        }
      }
    }
  }
}

TEST(FindNotFinite, WholeNumbersAreFinite) {
  const std::string ones(64, '\xFF');
  for (const auto dtype :
       {DType::kUInt8, DType::kInt16, DType::kInt32, DType::kInt64, DType::kBool})
    EXPECT_EQ(find_not_finite(dtype, false, ones.data(), 0, 8), 8u);
}

}  // namespace
}  // namespace ringfeed
