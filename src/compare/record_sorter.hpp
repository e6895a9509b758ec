// Sorts more records than memory holds: runs are sorted in memory and spilled, then merged.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "compare/spill.hpp"

namespace ringfeed {

/// Least bytes of a run that are read at once while it is merged.
inline constexpr std::size_t kRunReadBytesMin = 64 * 1024;

/// A record is plain bytes, ordered by <. It takes `memory_bytes` (at least two records) and the
/// spill. `keep_on` is called now and then, and may throw. Not thread-safe.
template <typename Record>
class RecordSorter {
  static_assert(std::is_trivially_copyable_v<Record>);

 public:
  RecordSorter(std::uint64_t memory_bytes, std::string folder, std::function<void()> keep_on)
      : memory_bytes_(memory_bytes),
        folder_(std::move(folder)),
        keep_on_(std::move(keep_on)),
        capacity_(std::max<std::size_t>(memory_bytes / sizeof(Record), 2)) {}

  void add(const Record& record) {
    if (records_.size() == capacity_) spill();
    if (records_.capacity() == 0) records_.reserve(capacity_);
    records_.push_back(record);
    ++size_;
  }

  std::uint64_t size() const noexcept { return size_; }

  /// Calls `visit` with each record, in order. Once, and nothing is added any more.
  template <typename Visit>
  void visit_sorted(const Visit& visit) {
    if (!spill_) {
      std::sort(records_.begin(), records_.end());
      for (const auto& record : records_) visit(record);
      return;
    }
    spill();
    std::vector<Record>().swap(records_);
    const auto runs_max = std::max<std::size_t>(memory_bytes_ / kRunReadBytesMin, 2);
    while (runs_.size() > runs_max) merge_groups(runs_max);
    merge(runs_, memory_bytes_, visit);
  }

 private:
  struct Run {
    std::uint64_t at = 0;  ///< in the spill
    std::uint64_t records = 0;
  };

  /// A run that is read from its beginning.
  class Cursor {
   public:
    Cursor(const Spill& spill, const Run& run, std::size_t records_at_once)
        : spill_(&spill), left_(run), buffer_(std::max<std::size_t>(records_at_once, 1)) {
      fill();
    }
    const Record* record() const { return at_ < end_ ? &buffer_[at_] : nullptr; }
    void advance() {
      if (++at_ == end_) fill();
    }

   private:
    void fill() {
      at_ = 0;
      end_ = static_cast<std::size_t>(std::min<std::uint64_t>(buffer_.size(), left_.records));
      spill_->read(left_.at, std::as_writable_bytes(std::span(buffer_).first(end_)));
      left_.at += end_ * sizeof(Record);
      left_.records -= end_;
    }
    const Spill* spill_;
    Run left_;
    std::vector<Record> buffer_;
    std::size_t at_ = 0;
    std::size_t end_ = 0;
  };

  void spill() {
    keep_on_();
    std::sort(records_.begin(), records_.end());
    if (!spill_) spill_.emplace(folder_);
    runs_.push_back({spill_->size(), records_.size()});
    spill_->append(std::as_bytes(std::span(records_)));
    records_.clear();
  }

  template <typename Visit>
  void merge(std::span<const Run> runs, std::uint64_t bytes, const Visit& visit) const {
    std::vector<Cursor> cursors;
    for (const auto& run : runs) {
      cursors.emplace_back(*spill_, run,
                           static_cast<std::size_t>(bytes / runs.size() / sizeof(Record)));
    }
    const auto later = [](const Cursor* a, const Cursor* b) { return *b->record() < *a->record(); };
    std::vector<Cursor*> heap;
    for (auto& cursor : cursors) heap.push_back(&cursor);
    std::make_heap(heap.begin(), heap.end(), later);
    while (!heap.empty()) {
      std::pop_heap(heap.begin(), heap.end(), later);
      Cursor* const first = heap.back();
      visit(*first->record());
      first->advance();
      if (first->record() == nullptr) {
        heap.pop_back();
      } else {
        std::push_heap(heap.begin(), heap.end(), later);
      }
    }
  }

  /// Makes one run of each `count` runs, in a spill of its own.
  void merge_groups(std::size_t count) {
    Spill merged(folder_);
    std::vector<Run> longer;
    std::vector<Record> out;
    const std::size_t out_max = std::max<std::size_t>(kRunReadBytesMin / sizeof(Record), 1);
    const auto write = [&] {
      keep_on_();
      merged.append(std::as_bytes(std::span(out)));
      out.clear();
    };
    for (std::size_t first = 0; first < runs_.size(); first += count) {
      const auto group = std::span(runs_).subspan(first, std::min(count, runs_.size() - first));
      Run run{merged.size(), 0};
      for (const auto& each : group) run.records += each.records;
      merge(group, memory_bytes_, [&](const Record& record) {
        out.push_back(record);
        if (out.size() == out_max) write();
      });
      write();
      longer.push_back(run);
    }
    spill_.emplace(std::move(merged));
    runs_ = std::move(longer);
  }

  const std::uint64_t memory_bytes_;
  const std::string folder_;
  const std::function<void()> keep_on_;
  const std::size_t capacity_;  ///< records in memory
  std::vector<Record> records_;
  std::uint64_t size_ = 0;
  std::vector<Run> runs_;
  std::optional<Spill> spill_;
};

}  // namespace ringfeed
