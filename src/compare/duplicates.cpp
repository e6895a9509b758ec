// One pass hashes the samples, the sort brings the same ones together.
#include <fmt/format.h>

#include <map>
#include <ringfeed/compare.hpp>
#include <ringfeed/error.hpp>
#include <ringfeed/url.hpp>
#include <set>

#include "base/option.hpp"
#include "compare/first_ones.hpp"
#include "compare/sample_hash.hpp"
#include "compare/sorted_walk.hpp"
#include "compare/split_walk.hpp"

namespace ringfeed {
namespace {

/// Samples of a group that are named.
constexpr std::size_t kGroupShownMax = 8;

struct HashedSample {
  Hash128 hash;
  SampleId sample;
  auto operator<=>(const HashedSample&) const = default;
};

/// Beside itself each sample of a split would be a duplicate.
void check_named_once(const std::vector<ComparedSplit>& splits) {
  std::set<std::string> named;
  for (const auto& split : splits) {
    Url url = Url::parse(split.name.url);
    url.version = split.dataset->version();
    url.split = split.name.split;
    if (!named.insert(url.text()).second) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: split {} is named twice; name each once", split.name.url,
                              split.name.split));
    }
  }
}

/// Throws Error{kInvalidArgument} unless all have these columns, of the same types.
std::vector<std::string> columns_of(const std::vector<ComparedSplit>& splits,
                                    const CompareOptions& options) {
  const ComparedSplit& first = splits.front();
  check_each_once("columns", options.columns);
  std::vector<std::string> names = options.columns;
  if (names.empty()) {
    for (const auto& column : first.dataset->schema().columns) names.push_back(column.name);
  }
  const auto refuse = [&](const std::string& url, const std::string& what) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: {}; name the columns to compare by {}", url, what,
                            option_name("columns")));
  };
  for (const auto& split : splits) {
    const Schema& schema = split.dataset->schema();
    for (const auto& name : names) {
      const auto& expected = first.dataset->schema().at(name);
      const auto* const column = schema.find(name);
      if (column == nullptr)
        refuse(split.name.url,
               fmt::format("there is no column '{}', which {} has", name, first.name.url));
      if (!is_comparable(*column, expected)) {
        refuse(split.name.url,
               fmt::format("column '{}' is {}, and of {} {}", name, described(*column),
                           first.name.url, described(expected)));
      }
    }
    if (!options.columns.empty()) continue;
    for (const auto& column : schema.columns) {
      if (first.dataset->schema().find(column.name) == nullptr)
        refuse(split.name.url,
               fmt::format("column '{}' is not in {}", column.name, first.name.url));
    }
  }
  return names;
}

/// Gets the samples sorted by their hashes, and so group by group.
class Groups {
 public:
  Groups(const std::vector<ComparedSplit>& splits, Across across, const CompareOptions& options)
      : splits_(splits), across_(across), counts_(splits.size()), shown_(options.shown_max) {}

  void add(const HashedSample& each) {
    if (count_ > 0 && each.hash != hash_) end_group();
    hash_ = each.hash;
    ++count_;
    if (first_.size() < kGroupShownMax) first_.push_back(each.sample);
    if (counts_[each.sample.split()]++ == 0) touched_.push_back(each.sample.split());
  }

  Duplicates end() {
    if (count_ > 0) end_group();
    for (const auto& [pair, samples] : overlaps_) {
      result_.overlaps.push_back({splits_[pair.first].name, splits_[pair.second].name, samples});
    }
    for (const auto& [sample, group] : shown_.all()) result_.shown.push_back(group);
    return result_;
  }

 private:
  void end_group() {
    result_.samples += count_;
    ++result_.distinct;
    if (count_ > 1 && (across_ == Across::kAnything || touched_.size() > 1)) note_group();
    for (const auto split : touched_) counts_[split] = 0;
    touched_.clear();
    first_.clear();
    count_ = 0;
  }

  void note_group() {
    ++result_.groups;
    result_.repeated += count_ - 1;
    for (std::size_t i = 0; i < touched_.size(); ++i) {
      const std::size_t a = touched_[i];
      if (counts_[a] > 1 && across_ == Across::kAnything) overlaps_[{a, a}] += counts_[a] - 1;
      for (std::size_t j = i + 1; j < touched_.size(); ++j) ++overlaps_[{a, touched_[j]}];
    }
    if (!shown_.takes(first_.front())) return;
    DuplicateGroup group{count_, {}};
    for (const auto sample : first_) group.samples.push_back(name_of(splits_, sample));
    shown_.add(first_.front(), std::move(group));
  }

  const std::vector<ComparedSplit>& splits_;
  const Across across_;
  Duplicates result_;
  std::map<std::pair<std::size_t, std::size_t>, std::uint64_t> overlaps_;
  // The group that is coming:
  Hash128 hash_;
  std::uint64_t count_ = 0;
  std::vector<SampleId> first_;
  std::vector<std::uint64_t> counts_;  ///< by split
  std::vector<std::size_t> touched_;   ///< splits, ascending
  FirstOnes<SampleId, DuplicateGroup> shown_;
};

}  // namespace

Duplicates find_duplicates(const std::vector<std::string>& urls, Across across,
                           const CompareOptions& options, const ConnectionOptions& connection) {
  std::vector<ComparedSplit> splits;
  for (const auto& url : urls) {
    for (auto& split : splits_of(url, connection)) splits.push_back(std::move(split));
  }
  if (splits.empty()) throw Error(ErrorCode::kInvalidArgument, "there is no data set to check");
  check_options(options, splits);
  check_named_once(splits);
  const auto columns = columns_of(splits, options);
  std::vector<SampleHash> hashes;
  for (auto& split : splits) {
    split.read = split.dataset->schema().places_of(columns);
    hashes.emplace_back(split.schema(), columns);
  }
  const auto record_of = [&](SampleId id, std::span<const ColumnView> values, std::size_t row) {
    return HashedSample{hashes[id.split()].of(values, row), id};
  };
  Groups groups(splits, across, options);
  visit_sorted<HashedSample>(splits, options, record_of, groups);
  return groups.end();
}

}  // namespace ringfeed
