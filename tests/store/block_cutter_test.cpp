// Blocks cover the ring and every row once, whatever the partitions look like.
#include "store/rows/block_cutter.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/random.hpp"
#include "errors.hpp"

namespace ringfeed::rows {
namespace {

constexpr std::int64_t kFirst = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();

struct Row {
  std::int64_t token = 0;
  std::string key;
  std::vector<std::string> clustering;
};

std::vector<RowBlock> cut(const std::vector<Row>& rows, std::uint64_t block_bytes,
                          std::size_t cut_columns, std::uint64_t row_bytes = 10) {
  BlockCutter cutter(block_bytes, cut_columns);
  for (const auto& row : rows) {
    const std::string_view key[] = {row.key};
    const std::vector<std::string_view> clustering(row.clustering.begin(), row.clustering.end());
    cutter.add({row.token, key, clustering, {}, row_bytes});
  }
  EXPECT_EQ(cutter.rows(), rows.size());
  return cutter.finish();
}

/// What a server gives for a block.
std::vector<Row> select(const std::vector<Row>& rows, const RowBlock& block) {
  std::vector<Row> found;
  for (const auto& row : rows) {
    const auto prefix = [&](const std::vector<std::string>& bound) {
      return std::vector<std::string>(
          row.clustering.begin(),
          row.clustering.begin() + static_cast<std::ptrdiff_t>(bound.size()));
    };
    const bool inside = block.partition.empty()
                            ? row.token > block.after && row.token <= block.upto
                            : row.key == block.partition[0] &&
                                  (block.behind.empty() || prefix(block.behind) > block.behind) &&
                                  (block.last.empty() || prefix(block.last) <= block.last);
    if (inside) found.push_back(row);
  }
  return found;
}

std::uint64_t digest_of(const std::vector<Row>& rows) {
  std::string text;
  for (const auto& row : rows) {
    append_to_digest(text, row.key);
    for (const auto& cell : row.clustering) append_to_digest(text, cell);
  }
  return hash_bytes(text);
}

TEST(BlockCutter, NoRowsNoBlocks) { EXPECT_TRUE(cut({}, 100, 0).empty()); }

TEST(BlockCutter, RangesMeetAndCoverTheRing) {
  std::vector<Row> rows;
  for (int i = 0; i < 25; ++i) rows.push_back({i * 7 - 60, std::to_string(i), {}});
  const auto blocks = cut(rows, 100, 0);
  ASSERT_EQ(blocks.size(), 3U);
  EXPECT_EQ(blocks[0].after, kFirst);
  EXPECT_EQ(blocks[0].upto, rows[9].token);
  EXPECT_EQ(blocks[1].after, rows[9].token);
  EXPECT_EQ(blocks[2].upto, kLast);
  EXPECT_EQ(blocks[0].rows + blocks[1].rows + blocks[2].rows, 25U);
}

TEST(BlockCutter, WidePartitionIsCutBetweenItsRows) {
  std::vector<Row> rows = {{1, "a", {"0"}}};
  for (char c = 'a'; c < 'z'; ++c) rows.push_back({5, "b", {std::string(1, c)}});
  rows.push_back({9, "c", {"0"}});
  const auto blocks = cut(rows, 100, 1);
  ASSERT_EQ(blocks.size(), 5U);
  EXPECT_EQ(blocks[0].upto, 4);
  EXPECT_TRUE(blocks[0].partition.empty());
  EXPECT_EQ(blocks[1].partition, std::vector<std::string>{"b"});
  EXPECT_TRUE(blocks[1].behind.empty());
  EXPECT_EQ(blocks[1].last, std::vector<std::string>{"j"});
  EXPECT_EQ(blocks[2].behind, blocks[1].last);
  EXPECT_TRUE(blocks[3].last.empty());
  EXPECT_EQ(blocks[4].after, 5);
  EXPECT_EQ(blocks[4].upto, kLast);
}

TEST(BlockCutter, IsCutOnlyWhereThePrefixChanges) {
  std::vector<Row> rows;
  for (int i = 0; i < 40; ++i) rows.push_back({5, "b", {i < 25 ? "a" : "b", std::to_string(i)}});
  const auto blocks = cut(rows, 100, 1);
  ASSERT_EQ(blocks.size(), 2U);
  EXPECT_EQ(blocks[0].rows, 25U);
  EXPECT_EQ(blocks[0].last, std::vector<std::string>{"a"});
}

TEST(BlockCutter, RowsThatCannotBeCutAndAreTooLong) {
  testing::expect_error(ErrorCode::kBadData, {"6442450944 bytes", "4 GiB"},
                        [] { cut({{5, "a", {}}, {5, "b", {}}}, 100, 0, std::uint64_t{3} << 30); });
}

/// Tokens collide, partitions are of any size: each row is in one block, which is known by its
/// digest, and blocks are in the order of the rows.
TEST(BlockCutter, EveryRowIsInOneBlock) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    std::vector<Row> rows;
    std::int64_t token = -50;
    const auto partitions = random.below(20);
    for (std::uint64_t i = 0; i < partitions; ++i) {
      if (random.below(3) > 0) token += 1 + static_cast<std::int64_t>(random.below(3));
      const std::string key = "k" + std::to_string(100 + i);
      const auto size = random.below(4) == 0 ? random.below(60) : 1 + random.below(4);
      std::set<std::vector<std::string>> clusterings;
      for (std::uint64_t row = 0; row < size; ++row)
        clusterings.insert({std::to_string(random.below(10)), std::to_string(random.below(10))});
      for (const auto& clustering : clusterings) rows.push_back({token, key, clustering});
    }
    const auto blocks = cut(rows, 10 + random.below(200), 1 + random.below(2));
    std::vector<Row> found;
    for (const auto& block : blocks) {
      const auto part = select(rows, block);
      EXPECT_EQ(part.size(), block.rows);
      EXPECT_EQ(digest_of(part), block.digest);
      EXPECT_EQ(block.bytes, 10 * part.size());
      found.insert(found.end(), part.begin(), part.end());
    }
    EXPECT_EQ(found.size(), rows.size());
    EXPECT_EQ(digest_of(found), digest_of(rows));
  }
}

}  // namespace
}  // namespace ringfeed::rows
