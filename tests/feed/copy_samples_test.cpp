// Against plain copies and hashes of what they are.
#include "feed/copy_samples.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/hash.hpp"
#include "base/random.hpp"

namespace ringfeed {
namespace {

constexpr std::size_t kSizes[] = {1, 2, 4, 8, 12, 40, 64, 1000, 1023, 1024, 3136, 6144, 20'000};

struct ScatteredSamples {
  ScatteredSamples(std::size_t size, std::size_t count) : memory(size * (count + 1)) {
    Random random(size + count);
    for (auto& byte : memory) byte = static_cast<std::byte>(random.below(256));
    // Anywhere, also unaligned.
    for (std::size_t i = 0; i < count; ++i)
      from.push_back(memory.data() + random.below(size * count + 1));
  }
  std::vector<std::byte> memory;
  std::vector<const std::byte*> from;
};

TEST(CopySamples, CopiesAndHashesWhatItCopied) {
  for (const std::size_t size : kSizes) {
    for (const std::size_t count : {0u, 1u, 2u, 9u, 300u}) {
      const ScatteredSamples samples(size, count);
      std::vector<std::byte> expected(size * count);
      for (std::size_t i = 0; i < count; ++i)
        std::memcpy(expected.data() + i * size, samples.from[i], size);
      std::vector<std::byte> copied(size * count);
      copy_samples(samples.from, copied.data(), size, false, {});
      ASSERT_EQ(copied, expected) << size << " bytes, " << count;

      std::vector<std::uint64_t> hashes(count);
      for (std::size_t i = 0; i < count; ++i) hashes[i] = i % 3;  // the seeds
      auto expected_hashes = hashes;
      for (std::size_t i = 0; i < count; ++i)
        hash_each(expected.data() + i * size, size, {&expected_hashes[i], 1});
      std::ranges::fill(copied, std::byte{});
      copy_samples(samples.from, copied.data(), size, false, hashes);
      ASSERT_EQ(copied, expected) << size << " bytes, " << count;
      ASSERT_EQ(hashes, expected_hashes) << size << " bytes, " << count;
    }
  }
}

TEST(CopySamples, TheOtherByteOrderIsHashedAsItIsInTheBatch) {
  for (const std::size_t size : {4u, 8u, 40u, 1024u, 3136u}) {
    const std::size_t count = 20;
    const ScatteredSamples samples(size, count);
    std::vector<std::byte> expected;
    for (const auto* sample : samples.from) {
      for (std::size_t at = 0; at < size; at += 4) {
        for (std::size_t byte = 4; byte > 0; --byte) expected.push_back(sample[at + byte - 1]);
      }
    }
    std::vector<std::uint64_t> hashes(count);
    auto expected_hashes = hashes;
    hash_each(expected.data(), size, expected_hashes);
    std::vector<std::byte> copied(size * count);
    copy_samples(samples.from, copied.data(), size, true, hashes);
    EXPECT_EQ(copied, expected) << size;
    EXPECT_EQ(hashes, expected_hashes) << size;
  }
}

}  // namespace
}  // namespace ringfeed
