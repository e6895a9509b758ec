#include "base/hash.hpp"

#include <gtest/gtest.h>

#include <string>

namespace ringfeed {
namespace {

TEST(Hash, IsXxh3With64Bits) {
  // XXH3_64bits of the empty input, from the xxHash specification; the others from the python
  // package xxhash 3.5.
  EXPECT_EQ(hash_bytes(""), 0x2d06800538d394c2u);
  EXPECT_EQ(hash_bytes("a"), 0xe6c632b61e964e1fu);
  EXPECT_EQ(hash_bytes(std::string(1000, 'x')), 0xc0a4877b962cba82u);
}

TEST(Hash, OfPiecesIsThatOfTheirBytes) {
  std::string bytes;
  for (int i = 0; i < 5000; ++i) bytes += static_cast<char>(i * i);
  const std::string_view all = bytes;
  for (const std::size_t size : {0u, 1u, 8u, 16u, 17u, 128u, 129u, 240u, 241u, 3144u, 5000u}) {
    for (const std::size_t cut : {std::size_t{0}, size / 3, size}) {
      const std::string_view pieces[] = {all.substr(0, cut), all.substr(cut, size - cut)};
      EXPECT_EQ(hash_bytes(std::span<const std::string_view>(pieces)),
                hash_bytes(all.substr(0, size)))
          << size;
    }
  }
}

TEST(Hash, InPiecesIsTheSame) {
  std::string bytes;
  for (int i = 0; i < 5000; ++i) bytes += static_cast<char>(i * i);
  for (const std::size_t piece : {1u, 7u, 256u, 1024u, 4999u, 5000u}) {
    Hasher hasher;
    for (std::size_t at = 0; at < bytes.size(); at += piece)
      hasher.update(std::string_view(bytes).substr(at, piece));
    EXPECT_EQ(hasher.digest(), hash_bytes(bytes)) << piece;
  }
}

}  // namespace
}  // namespace ringfeed
