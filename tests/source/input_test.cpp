#include "source/input.hpp"

#include <gtest/gtest.h>

#include "source_files.hpp"

namespace ringfeed {
namespace {

using testing::expect_error;
using testing::OneFile;

std::string all_of(const std::string& path, std::size_t piece) {
  ByteStream stream(path);
  std::string text;
  std::vector<std::byte> buffer(piece);
  while (const auto got = stream.read(buffer))
    text.append(reinterpret_cast<const char*>(buffer.data()), got);
  return text;
}

TEST(Input, PlainAndGzip) {
  std::string text;
  for (int i = 0; i < 10000; ++i) text += std::to_string(i);
  const OneFile plain("a", text);
  const OneFile packed("a.gz", testing::gzip(text));
  const OneFile misnamed("a.csv", testing::gzip(text));
  for (const std::size_t piece : {std::size_t{7}, std::size_t{1} << 16}) {
    EXPECT_EQ(all_of(plain.path, piece), text);
    EXPECT_EQ(all_of(packed.path, piece), text);
    EXPECT_EQ(all_of(misnamed.path, piece), text);
  }
}

TEST(Input, DamagedGzip) {
  std::string text;
  for (int i = 0; i < 10000; ++i) text += std::to_string(i * 7919);
  const auto whole = testing::gzip(text);
  auto flipped = whole;
  flipped[whole.size() / 2] = static_cast<char>(flipped[whole.size() / 2] ^ 0x40);
  for (const auto& bytes :
       {flipped, whole.substr(0, whole.size() - 1), whole.substr(0, 100), whole + "more"}) {
    const OneFile file("a.gz", bytes);
    expect_error(ErrorCode::kBadData, "a.gz: the gzip data is damaged or cut off before byte",
                 [&] { all_of(file.path, 4096); });
  }
}

TEST(Input, NotGzipInSpiteOfItsName) {
  const OneFile file("a.gz", "x,y\n");
  expect_error(ErrorCode::kBadData, "this is not gzip data", [&] { ByteStream stream(file.path); });
}

TEST(Input, HashIsOfTextSizesAndBytes) {
  const OneFile a("a", "xy");
  const OneFile b("b", "x");
  const OneFile c("c", "yz");
  const OneFile d("d", "z");
  EXPECT_EQ(hash_files("t", {a.path, d.path}, {}), hash_files("t", {a.path, d.path}, {}));
  EXPECT_NE(hash_files("t", {a.path, d.path}, {}), hash_files("u", {a.path, d.path}, {}));
  EXPECT_NE(hash_files("t", {a.path, d.path}, {}),
            hash_files("t", {b.path, c.path}, {}));  // the same bytes, cut elsewhere
}

}  // namespace
}  // namespace ringfeed
