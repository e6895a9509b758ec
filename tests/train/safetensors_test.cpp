// The bytes of the safetensors format.
#include "train/safetensors.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdint>
#include <cstring>
#include <ringfeed/error.hpp>

#include "temp_folder.hpp"

namespace ringfeed {
namespace {

using testing::read_all;
using testing::snapshot;
using testing::TempFolder;
using namespace std::string_literals;

TEST(Safetensors, GoldenBytes) {
  const TempFolder folder;
  const float weight[2] = {1.0f, -2.0f};
  const std::int64_t steps = 258;
  const std::vector<NamedTensor> tensors = {
      {"w\"", DType::kFloat32, {2, 1}, weight, sizeof(weight)},
      {"empty", DType::kFloat32, {0, 3}, nullptr, 0},
      {"steps", DType::kInt64, {}, &steps, sizeof(steps)}};
  write_safetensors(folder / "w.safetensors", tensors, {{"format", "pt"}});
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"steps":{"dtype":"I64","shape":[],"data_offsets":[0,8]},)"
      R"("w\"":{"dtype":"F32","shape":[2,1],"data_offsets":[8,16]},)"
      R"("empty":{"dtype":"F32","shape":[0,3],"data_offsets":[16,16]}})";
  const std::string padded = header + std::string((8 - header.size() % 8) % 8, ' ');
  ASSERT_LT(padded.size(), 256u);
  const std::string expected = std::string(1, static_cast<char>(padded.size())) +
                               "\0\0\0\0\0\0\0"s + padded + "\x02\x01\0\0\0\0\0\0"s +
                               "\0\0\x80\x3f\0\0\0\xc0"s;
  EXPECT_EQ(read_all(folder / "w.safetensors"), expected);
  EXPECT_EQ(snapshot(folder.path()).size(), 1u) << "a temporary file was left";
}

TEST(Safetensors, ComesBackAndWhatIsCutOffDoesNot) {
  const TempFolder folder;
  const float weight[2] = {1.0f, -2.0f};
  const std::int64_t steps = 258;
  write_safetensors(folder / "w",
                    {{"w", DType::kFloat32, {2, 1}, weight, sizeof(weight)},
                     {"steps", DType::kInt64, {}, &steps, sizeof(steps)}},
                    {{"format", "pt"}});
  const std::string bytes = read_all(folder / "w");
  const auto tensors = read_safetensors(bytes);
  ASSERT_EQ(tensors.size(), 2u);
  for (const auto& tensor : tensors) {
    if (tensor.name == "w") {
      EXPECT_EQ(tensor.dtype, DType::kFloat32);
      EXPECT_EQ(tensor.shape, (std::vector<std::int64_t>{2, 1}));
      EXPECT_EQ(std::string_view(static_cast<const char*>(tensor.data), tensor.bytes),
                std::string_view(reinterpret_cast<const char*>(weight), sizeof(weight)));
    } else {
      EXPECT_EQ(tensor.name, "steps");
      EXPECT_EQ(tensor.bytes, 8u);
    }
  }
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    try {
      read_safetensors(std::string_view(bytes).substr(0, size));
      ADD_FAILURE() << size;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadData);
    }
  }
}

TEST(Safetensors, ReplacesAFileWhole) {
  const TempFolder folder;
  const std::uint8_t byte = 7;
  testing::write_all(folder / "w", std::string(10'000, 'x'));
  write_safetensors(folder / "w", {{"a", DType::kUInt8, {1}, &byte, 1}}, {});
  const std::string bytes = read_all(folder / "w");
  EXPECT_EQ(bytes.size() % 8, 1u);
  EXPECT_EQ(bytes.back(), '\7');
}

TEST(Safetensors, LeavesNothingWhenItCannotBeWritten) {
  const TempFolder folder;
  ASSERT_EQ(::mkdir((folder / "w").c_str(), 0700), 0);
  EXPECT_THROW(write_safetensors(folder / "w", {}, {}), Error);  // a folder is in the way
  EXPECT_EQ(snapshot(folder.path()).size(), 1u);
  EXPECT_THROW(write_safetensors(folder / "no/w", {}, {}), Error);
}

TEST(Safetensors, EachByteIsOneTensors) {
  const auto file = [](const std::string& header, std::size_t data_bytes) {
    std::string length(8, '\0');
    const std::uint64_t bytes = header.size();
    std::memcpy(length.data(), &bytes, 8);
    return length + header + std::string(data_bytes, 'x');
  };
  const auto tensor = [](const char* dtype, const char* shape, const char* offsets) {
    return std::string(R"({"dtype":")") + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" +
           offsets + "}";
  };
  const auto two = [&](const std::string& a, const std::string& b) {
    return "{\"a\":" + a + ",\"b\":" + b + "}";
  };
  const std::string a = tensor("F32", "[2]", "[0,8]");
  EXPECT_EQ(read_safetensors(file(two(a, tensor("U8", "[4]", "[8,12]")), 12)).size(), 2u);
  for (const std::string& header : {
           two(a, tensor("U8", "[4]", "[4,8]")),    // over the other
           two(a, tensor("U8", "[3]", "[9,12]")),   // a gap
           two(a, tensor("U8", "[3]", "[8,11]")),   // bytes left over
           two(a, tensor("F32", "[4]", "[8,12]")),  // of another size
           two(a, tensor("U8", "[-4]", "[8,12]")),  // impossible shapes
           two(a, tensor("U8", "[1.5]", "[8,12]")),
           two(a, tensor("F64", "[1099511627776,1099511627776,4]", "[8,12]")),
           two(a, tensor("U8", "[4]", "[8,13]")),
           two(a, tensor("U8", "[4]", "[12,8]")),
           two(a, tensor("BF16", "[2]", "[8,12]")),
           "{\"a\":" + a + ",\"b\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}",
       }) {
    try {
      read_safetensors(file(header, 12));
      ADD_FAILURE() << header;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadData);
    }
  }
}

}  // namespace
}  // namespace ringfeed
