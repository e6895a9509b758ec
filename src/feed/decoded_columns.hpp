// Columns as a feed hands them out: those of pictures decoded by their steps, the others as they
// are stored.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <ringfeed/feed.hpp>
#include <ringfeed/image.hpp>
#include <ringfeed/schema.hpp>
#include <span>
#include <string>
#include <vector>

namespace ringfeed {

/// What the draws of a batch depend on, beside its samples.
struct Draws {
  std::uint64_t seed = 0;
  std::uint64_t epoch = 0;
};

class DecodedColumns {
 public:
  /// Throws Error{kInvalidArgument}: steps that do not parse, a column that is not among `stored`
  /// or does not hold bytes.
  DecodedColumns(std::vector<ColumnSpec> stored, const std::map<std::string, std::string>& decode);
  /// None is decoded.
  explicit DecodedColumns(std::vector<ColumnSpec> stored);

  const std::vector<ColumnSpec>& columns() const noexcept { return handed_; }
  bool any() const noexcept { return any_; }
  bool decodes(std::size_t column) const noexcept { return steps_[column].has_value(); }

  /// Throws Error{kBadData} that names column and sample.
  void decode(std::size_t column, std::span<const std::byte> file, const Draws& draws,
              std::uint64_t sample, std::byte* to) const;

 private:
  std::vector<ColumnSpec> handed_;
  std::vector<std::optional<ImageSteps>> steps_;  ///< of each column; nothing: as it is stored
  bool any_ = false;
};

/// The steps by column with all their values: equal where they do the same.
std::map<std::string, std::string> full_texts(const std::map<std::string, std::string>& decode);

/// The options with as many assembling threads as are to decode, where any column is decoded.
FeedOptions with_decode_threads(FeedOptions options);

}  // namespace ringfeed
