// Labels as class numbers: the names that a source's column has, and the number of each.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <ringfeed/source.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ringfeed {

class ClassNumbers {
 public:
  /// Numbered in their order.
  explicit ClassNumbers(std::vector<std::string> names);

  const std::vector<std::string>& names() const noexcept { return names_; }
  /// Nothing: it is none of the names.
  std::optional<std::int64_t> find(std::string_view name) const;
  /// What is wrong with a value that is none of the names, in the words of a bad record.
  std::string describe_unknown(std::string_view column, std::string_view value) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>()(text);
    }
  };
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::int64_t, Hash, std::equal_to<>> numbers_;
};

/// Of the column with this name; null when it has no classes.
const ClassColumn* find_class_column(const SourceOptions& options, std::string_view column);

/// Whether the names of a column are still to be found.
bool has_unnamed_classes(const SourceOptions& options);

/// The same options with the names of all classes: those that are missing are what the source has
/// that `open` gives, which is read to its end unless it has names itself. Text goes by its bytes;
/// where all names are whole numbers, they go by these. Throws Error{kBadData} for more than
/// kClassNamesMax names.
using OpenSource = std::function<std::unique_ptr<Source>(const SourceOptions& options)>;
SourceOptions with_class_names(const SourceOptions& options, const OpenSource& open);

/// The column that class numbers are; Error{kInvalidArgument} when its values make no classes.
ColumnSpec class_column_of(const ColumnSpec& column, std::vector<std::string> names);

}  // namespace ringfeed
