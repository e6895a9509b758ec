// Where blocks begin and end.
#include "store/rows/block_cutter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <ringfeed/error.hpp>
#include <utility>

namespace ringfeed::rows {
namespace {

/// The least token; no key has it.
constexpr std::int64_t kBeforeAll = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();

bool same(const std::vector<std::string>& left, std::span<const std::string_view> right) {
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (left[i] != right[i]) return false;
  }
  return true;
}

std::vector<std::string> copy_of(std::span<const std::string_view> cells) {
  return {cells.begin(), cells.end()};
}

}  // namespace

BlockCutter::BlockCutter(std::uint64_t block_bytes, std::size_t cut_columns)
    : block_bytes_(block_bytes),
      cut_columns_(cut_columns),
      after_(kBeforeAll),
      last_token_(kBeforeAll) {}

bool BlockCutter::is_same_partition(const SeenRow& row) const {
  return !partitions_.empty() && token_ == row.token && same(partitions_.back().key, row.partition);
}

void BlockCutter::add(const SeenRow& row) {
  if (!is_same_partition(row)) {
    if (!partitions_.empty() && token_ != row.token) close_token();
    if (wide_ && !partitions_.empty()) {
      // Another partition with the token of one that was cut.
      close_partition(partitions_.back());
      partitions_.clear();
    }
    token_ = row.token;
    partitions_.emplace_back().key = copy_of(row.partition);
  }
  const auto prefix = row.clustering.first(std::min(cut_columns_, row.clustering.size()));
  const Partition& open = partitions_.back();
  if (open.rows > 0 && !prefix.empty() && open.bytes + row.bytes > block_bytes_ &&
      !same(open.last, prefix)) {
    cut_partition();
  }
  Partition& partition = partitions_.back();
  partition.last = copy_of(prefix);
  for (const auto cells : {row.partition, row.clustering, row.values}) {
    for (const auto cell : cells) append_to_digest(partition.text, cell);
  }
  ++partition.rows;
  partition.bytes += row.bytes;
  ++rows_;
}

void BlockCutter::cut_partition() {
  if (!wide_) {
    close_range(token_ - 1);
    // What the token has before goes its own way too: the range has it no more.
    for (std::size_t i = 0; i + 1 < partitions_.size(); ++i) close_partition(partitions_[i]);
    partitions_.erase(partitions_.begin(), partitions_.end() - 1);
    wide_ = true;
  }
  Partition& partition = partitions_.back();
  RowBlock block;
  block.partition = partition.key;
  block.behind = partition.behind;
  block.last = partition.last;
  block.bytes = partition.bytes;
  block.digest = hash_bytes(partition.text);
  block.after = token_ - 1;
  block.upto = token_;
  push(std::move(block), partition.rows);
  partition.behind = std::exchange(partition.last, {});
  partition.text.clear();
  partition.rows = partition.bytes = 0;
}

/// A partition as a block: all of it, or what is behind the last cut.
void BlockCutter::close_partition(Partition& partition) {
  RowBlock block;
  block.partition = partition.key;
  block.behind = partition.behind;
  block.bytes = partition.bytes;
  block.digest = hash_bytes(partition.text);
  block.after = token_ - 1;
  block.upto = token_;
  push(std::move(block), partition.rows);
}

void BlockCutter::close_token() {
  if (partitions_.empty()) return;
  if (wide_) {
    close_partition(partitions_.back());
    after_ = last_token_ = token_;
  } else {
    std::uint64_t bytes = 0;
    for (const auto& partition : partitions_) bytes += partition.bytes;
    if (range_rows_ > 0 && range_bytes_ + bytes > block_bytes_) close_range(last_token_);
    for (const auto& partition : partitions_) {
      range_hash_.update(partition.text);
      range_rows_ += partition.rows;
    }
    range_bytes_ += bytes;
    last_token_ = token_;
  }
  partitions_.clear();
  wide_ = false;
}

void BlockCutter::close_range(std::int64_t upto) {
  if (range_rows_ > 0) {
    RowBlock block;
    block.after = after_;
    block.upto = upto;
    block.bytes = range_bytes_;
    block.digest = range_hash_.digest();
    push(std::move(block), range_rows_);
    after_ = upto;
  }
  range_rows_ = range_bytes_ = 0;
  range_hash_ = Hasher();
}

void BlockCutter::push(RowBlock block, std::uint64_t rows) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  if (rows > kMost || block.bytes > kMost) {
    throw Error(
        ErrorCode::kBadData,
        fmt::format(
            "the rows of the tokens up to {} take {} bytes and cannot be cut; a block has at "
            "most 4 GiB",
            block.upto, block.bytes));
  }
  block.rows = static_cast<std::uint32_t>(rows);
  blocks_.push_back(std::move(block));
}

std::vector<RowBlock> BlockCutter::finish() {
  close_token();
  close_range(kLast);
  return std::move(blocks_);
}

}  // namespace ringfeed::rows
