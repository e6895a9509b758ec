// The first few of many, by a key, in whatever order they come.
#pragma once

#include <cstddef>
#include <iterator>
#include <map>
#include <utility>

namespace ringfeed {

template <typename Key, typename Value>
class FirstOnes {
 public:
  explicit FirstOnes(std::size_t most) : most_(most) {}

  /// Whether one with this key would be kept.
  bool takes(const Key& key) const {
    return values_.size() < most_ || (most_ > 0 && key < values_.rbegin()->first);
  }
  void add(const Key& key, Value value) {
    if (!takes(key)) return;
    values_.emplace(key, std::move(value));
    if (values_.size() > most_) values_.erase(std::prev(values_.end()));
  }
  const std::map<Key, Value>& all() const noexcept { return values_; }

 private:
  const std::size_t most_;
  std::map<Key, Value> values_;
};

}  // namespace ringfeed
