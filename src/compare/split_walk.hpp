// All samples of several data sets, one after the other.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <ringfeed/compare.hpp>
#include <ringfeed/dataset.hpp>
#include <span>
#include <string_view>
#include <vector>

#include "dataset/chunk.hpp"

namespace ringfeed {

struct ComparedSplit {
  SplitName name;
  std::shared_ptr<const Dataset> dataset;
  ColumnPlaces read = {};  ///< columns that are read; empty: all

  /// Of the columns that are read.
  Schema schema() const { return read.empty() ? dataset->schema() : dataset->schema().only(read); }
};

/// The split that the URL names, or all of its version.
std::vector<ComparedSplit> splits_of(std::string_view url, const ConnectionOptions& connection);

/// A sample of one of several splits: by split, then by number.
class SampleId {
 public:
  SampleId() = default;
  SampleId(std::size_t split, std::uint64_t number) : bits_(split << kNumberBits | number) {}
  std::size_t split() const noexcept { return bits_ >> kNumberBits; }
  std::uint64_t number() const noexcept { return bits_ & ((std::uint64_t{1} << kNumberBits) - 1); }
  auto operator<=>(const SampleId&) const = default;

 private:
  static constexpr int kNumberBits = 54;  // kComparedSplitsMax needs the other 10
  std::uint64_t bits_ = 0;
};

SampleName name_of(const std::vector<ComparedSplit>& splits, SampleId id);

/// Throws Error{kCancelled} when the options' stop was asked for.
void check_stop(const CompareOptions& options);

/// Throws Error{kInvalidArgument} for options that are out of bounds, or too many splits.
void check_options(const CompareOptions& options, const std::vector<ComparedSplit>& splits);

/// The values of one sample, valid during the call.
using VisitSample =
    std::function<void(SampleId id, std::span<const ColumnView> values, std::size_t row)>;

/// In storage order, split by split, read ahead; `values` are of the columns that are read.
void walk(const std::vector<ComparedSplit>& splits, const CompareOptions& options,
          const VisitSample& visit);

}  // namespace ringfeed
