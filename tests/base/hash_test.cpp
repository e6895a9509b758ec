#include "base/hash.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "base/hash_kernels.hpp"
#include "base/random.hpp"

namespace ringfeed {
namespace {

TEST(Hash, IsXxh3With64Bits) {
  // XXH3_64bits of the empty input, from the xxHash specification; the others from the python
  // package xxhash 3.5.
  EXPECT_EQ(hash_bytes(""), 0x2d06800538d394c2u);
  EXPECT_EQ(hash_bytes("a"), 0xe6c632b61e964e1fu);
  EXPECT_EQ(hash_bytes(std::string(1000, 'x')), 0xc0a4877b962cba82u);
}

TEST(Hash, IsXxh3With128Bits) {
  // The empty input's is in the xxHash specification; the others are from the python package
  // xxhash 4.1.
  EXPECT_EQ(hash_bytes_128(""), (Hash128{0x99aa06d3014798d8u, 0x6001c324468d497fu}));
  EXPECT_EQ(hash_bytes_128("a"), (Hash128{0xa96faf705af16834u, 0xe6c632b61e964e1fu}));
  EXPECT_EQ(hash_bytes_128(std::string(1000, 'x')),
            (Hash128{0x50a1af5a5f2dcf01u, 0xc0a4877b962cba82u}));
}

TEST(Hash, OfEachPieceWithASeed) {
  // From the python package xxhash 3.5: xxh3_64_intdigest of "ab" with seed 0, of "cd" with seed 1.
  std::vector<std::uint64_t> hashes{0, 1};
  hash_each("abcd", 2, hashes);
  EXPECT_EQ(hashes, (std::vector<std::uint64_t>{0xa873719c24d5735cu, 0x45566eb2c55d3a20u}));
  const std::string bytes(5000, 'x');
  for (const std::size_t size : {0u, 1u, 8u, 16u, 17u, 128u, 129u, 240u, 241u, 3144u, 5000u}) {
    std::uint64_t hash = 0;
    hash_each(bytes.data(), size, {&hash, 1});
    EXPECT_EQ(hash, hash_bytes(bytes.data(), size)) << size;
  }
  // The same package, 1,000 times x with seed 7.
  std::uint64_t seeded = 7;
  hash_each(bytes.data(), 1000, {&seeded, 1});
  EXPECT_EQ(seeded, 0xa6b046c257309584u);
}

TEST(Hash, OnTheWayIsACopyAndItsHash) {
  std::vector<std::pair<std::string, HashKernels>> kernels{{"any", kOwnHashKernels}};
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx2")) kernels.emplace_back("AVX2", kHashKernelsAvx2);
  if (__builtin_cpu_supports("avx512f")) kernels.emplace_back("AVX-512", kHashKernelsAvx512);
#endif
  std::vector<std::byte> memory(200'001);
  Random random(1);
  for (auto& byte : memory) byte = static_cast<std::byte>(random.below(256));
  const std::byte* const from = memory.data() + 1;  // without alignment
  std::vector<std::size_t> sizes(2200);
  std::iota(sizes.begin(), sizes.end(), 0);
  sizes.insert(sizes.end(), {3136, 4096, 99'999, 200'000});
  for (const auto& [name, kernel] : kernels) {
    for (const auto size : sizes) {
      for (const std::uint64_t seed : {0u, 7u}) {
        constexpr std::byte kAround{0x5a};
        std::vector<std::byte> copy(size + 2, kAround);
        const auto hash = kernel.copy(from, copy.data() + 1, size, seed, seed ? from : nullptr);
        std::uint64_t expected = seed;
        hash_each(from, size, {&expected, 1});
        ASSERT_EQ(hash, expected) << name << ", " << size;
        ASSERT_TRUE(std::equal(from, from + size, copy.data() + 1)) << name << ", " << size;
        ASSERT_EQ(copy.front(), kAround) << name << ", " << size;
        ASSERT_EQ(copy.back(), kAround) << name << ", " << size;
        ASSERT_EQ(kernel.bytes(from, size), hash_bytes(from, size)) << name << ", " << size;
      }
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
