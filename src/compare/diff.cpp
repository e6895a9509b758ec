// Both sides go through one sort, A's splits before B's: the same samples come together, and those
// of A first.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>
#include <ringfeed/compare.hpp>
#include <ringfeed/error.hpp>
#include <ringfeed/url.hpp>

#include "base/option.hpp"
#include "compare/first_ones.hpp"
#include "compare/sample_hash.hpp"
#include "compare/sorted_walk.hpp"
#include "compare/split_walk.hpp"

namespace ringfeed {
namespace {

/// What brings samples together comes first, then their order: A's before B's.
struct WholeSample {
  Hash128 hash;
  SampleId sample;
  auto operator<=>(const WholeSample&) const = default;
};
struct KeyedSample {
  Hash128 key;
  SampleId sample;
  Hash128 values;
  auto operator<=>(const KeyedSample&) const = default;
};

/// A and B, their splits in one list.
struct Sides {
  std::vector<ComparedSplit> splits;
  std::size_t splits_a = 0;
  bool tells_moved = false;  ///< neither URL names a split

  bool in_b(SampleId id) const noexcept { return id.split() >= splits_a; }
  const Schema& a() const { return splits.front().dataset->schema(); }
  const Schema& b() const { return splits[splits_a].dataset->schema(); }
};

std::vector<ColumnDifference> column_differences(const Schema& a, const Schema& b) {
  std::vector<ColumnDifference> differences;
  for (const auto& column : a.columns) {
    const auto* const other = b.find(column.name);
    if (other == nullptr) {
      differences.push_back({column.name, described(column), ""});
    } else if (*other != column) {
      differences.push_back({column.name, described(column), described(*other)});
    }
  }
  for (const auto& column : b.columns) {
    if (a.find(column.name) == nullptr) differences.push_back({column.name, "", described(column)});
  }
  return differences;
}

void check_comparable(const Schema& a, const Schema& b, const std::string& name) {
  const auto& column = a.at(name);
  const auto& other = b.at(name);
  if (is_comparable(column, other)) return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("column '{}' is {} in the first and {} in the second: its values cannot "
                          "be compared; choose others by {}",
                          name, described(column), described(other), option_name("columns")));
}

std::vector<std::string> compared_columns(const Schema& a, const Schema& b, std::string_view key,
                                          const CompareOptions& options) {
  check_each_once("columns", options.columns);
  std::vector<std::string> names = options.columns;
  for (const auto& name : names) check_comparable(a, b, name);
  if (!key.empty()) check_comparable(a, b, std::string(key));
  if (names.empty()) {
    for (const auto& column : a.columns) {
      const auto* const other = b.find(column.name);
      if (other != nullptr && is_comparable(column, *other)) names.push_back(column.name);
    }
  }
  std::erase(names, key);
  if (names.empty() && key.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                "the two have no column of one name and type; there is nothing to compare");
  }
  return names;
}

/// What all ways of comparing count and name.
class Notes {
 public:
  Notes(const Sides& sides, const CompareOptions& options, Differences& result)
      : sides_(sides),
        result_(result),
        removed_(options.shown_max),
        added_(options.shown_max),
        changed_(options.shown_max) {}

  void removed(SampleId a) { removed_.add(a, name_of(sides_.splits, a)); }
  void added(SampleId b) { added_.add(b, name_of(sides_.splits, b)); }
  void changed(SampleId a, SampleId b) {
    changed_.add(a, {name_of(sides_.splits, a), name_of(sides_.splits, b)});
  }
  void end() {
    for (const auto& [id, name] : removed_.all()) result_.first_removed.push_back(name);
    for (const auto& [id, name] : added_.all()) result_.first_added.push_back(name);
    for (const auto& [id, names] : changed_.all()) result_.first_changed.push_back(names);
  }

 private:
  const Sides& sides_;
  Differences& result_;
  FirstOnes<SampleId, SampleName> removed_;
  FirstOnes<SampleId, SampleName> added_;
  FirstOnes<SampleId, std::pair<SampleName, SampleName>> changed_;
};

/// The samples of one hash: how many A has, and B; and by the names of splits.
class WholeGroups {
 public:
  WholeGroups(const Sides& sides, const CompareOptions& options, Differences& result)
      : sides_(sides),
        shown_max_(options.shown_max),
        result_(result),
        notes_(sides, options, result) {
    std::map<std::string, std::size_t> numbers;
    for (const auto& split : sides.splits)
      names_.push_back(numbers.emplace(split.name.split, numbers.size()).first->second);
    by_name_.resize(numbers.size());
  }

  void add(const WholeSample& each) {
    if (each.hash != hash_) end_group();
    hash_ = each.hash;
    auto& of_name = by_name_[names_[each.sample.split()]];
    if (of_name.a + of_name.b == 0) touched_.push_back(names_[each.sample.split()]);
    if (!sides_.in_b(each.sample)) {
      ++of_name.a;
      if (count_.a++ < shown_max_) first_a_.push_back(each.sample);
      return;
    }
    ++of_name.b;
    if (count_.b++ >= count_.a) notes_.added(each.sample);
  }

  void end() {
    end_group();
    notes_.end();
  }

 private:
  struct Count {
    std::uint64_t a = 0;
    std::uint64_t b = 0;
    std::uint64_t both() const noexcept { return std::min(a, b); }
  };

  void end_group() {
    result_.samples_a += count_.a;
    result_.samples_b += count_.b;
    result_.removed += count_.a - count_.both();
    result_.added += count_.b - count_.both();
    for (std::size_t i = 0; i < first_a_.size() && i < count_.a - count_.both(); ++i)
      notes_.removed(first_a_[i]);
    std::uint64_t stayed = 0;
    for (const auto name : touched_) stayed += std::exchange(by_name_[name], {}).both();
    if (sides_.tells_moved) result_.moved += count_.both() - stayed;
    touched_.clear();
    first_a_.clear();
    count_ = {};
  }

  const Sides& sides_;
  const std::size_t shown_max_;
  Differences& result_;
  Notes notes_;
  std::vector<std::size_t> names_;  ///< by split: the number of its name
  // The group that is coming:
  Hash128 hash_;
  Count count_;
  std::vector<Count> by_name_;
  std::vector<std::size_t> touched_;  ///< names
  std::vector<SampleId> first_a_;
};

/// The samples of one key: one of A, one of B, or one of each.
class KeyedGroups {
 public:
  KeyedGroups(const Sides& sides, std::string_view key, const CompareOptions& options,
              Differences& result)
      : sides_(sides), key_(key), result_(result), notes_(sides, options, result) {}

  void add(const KeyedSample& each) {
    const bool in_b = sides_.in_b(each.sample);
    if ((a_ && a_->key != each.key) || (b_ && b_->key != each.key)) end_group();
    auto& side = in_b ? b_ : a_;
    if (side) refuse(side->sample, each.sample);
    side = each;
    ++(in_b ? result_.samples_b : result_.samples_a);
  }

  void end() {
    end_group();
    notes_.end();
  }

 private:
  [[noreturn]] void refuse(SampleId one, SampleId other) const {
    const auto a = name_of(sides_.splits, one);
    const auto b = name_of(sides_.splits, other);
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: samples {} of {} and {} of {} have one value of '{}'; choose a "
                            "column whose values are unique, or leave out {}",
                            a.split.url, a.number, a.split.split, b.number, b.split.split, key_,
                            option_name("key")));
  }

  void end_group() {
    if (a_ && b_) {
      if (a_->values != b_->values) {
        ++result_.changed;
        notes_.changed(a_->sample, b_->sample);
      } else if (sides_.tells_moved && sides_.splits[a_->sample.split()].name.split !=
                                           sides_.splits[b_->sample.split()].name.split) {
        ++result_.moved;
      }
    } else if (a_) {
      ++result_.removed;
      notes_.removed(a_->sample);
    } else if (b_) {
      ++result_.added;
      notes_.added(b_->sample);
    }
    a_.reset();
    b_.reset();
  }

  const Sides& sides_;
  const std::string key_;
  Differences& result_;
  Notes notes_;
  // The group that is coming:
  std::optional<KeyedSample> a_;
  std::optional<KeyedSample> b_;
};

}  // namespace

Differences diff(std::string_view a, std::string_view b, std::string_view key,
                 const CompareOptions& options, const ConnectionOptions& connection_a,
                 const ConnectionOptions& connection_b) {
  Sides sides;
  sides.splits = splits_of(a, connection_a);
  sides.splits_a = sides.splits.size();
  for (auto& split : splits_of(b, connection_b)) sides.splits.push_back(std::move(split));
  sides.tells_moved = !Url::parse(a).split && !Url::parse(b).split;
  check_options(options, sides.splits);
  Differences result;
  result.columns = column_differences(sides.a(), sides.b());
  result.compared = compared_columns(sides.a(), sides.b(), key, options);
  auto read = result.compared;
  if (!key.empty()) read.emplace_back(key);
  for (auto& split : sides.splits) split.read = split.dataset->schema().places_of(read);
  const auto hashes_of = [&](const std::vector<std::string>& columns) {
    std::vector<SampleHash> hashes;
    for (const auto& split : sides.splits) hashes.emplace_back(split.schema(), columns);
    return hashes;
  };
  auto values_hashes = hashes_of(result.compared);
  if (key.empty()) {
    const auto record_of = [&](SampleId id, std::span<const ColumnView> values, std::size_t row) {
      return WholeSample{values_hashes[id.split()].of(values, row), id};
    };
    WholeGroups groups(sides, options, result);
    visit_sorted<WholeSample>(sides.splits, options, record_of, groups);
    groups.end();
    return result;
  }
  auto key_hashes = hashes_of({std::string(key)});
  const auto record_of = [&](SampleId id, std::span<const ColumnView> values, std::size_t row) {
    return KeyedSample{key_hashes[id.split()].of(values, row), id,
                       values_hashes[id.split()].of(values, row)};
  };
  KeyedGroups groups(sides, key, options, result);
  visit_sorted<KeyedSample>(sides.splits, options, record_of, groups);
  groups.end();
  return result;
}

}  // namespace ringfeed
