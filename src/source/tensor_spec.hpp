// --columns, --drop and --tensor against the columns there are: which source columns make up what.
#pragma once

#include <ringfeed/source.hpp>
#include <string>
#include <vector>

namespace ringfeed {

/// Places of source columns, ascending or not.
using Places = std::vector<std::size_t>;

/// What is made of the source's columns.
struct ColumnChoice {
  std::vector<Places> tensors;  ///< the columns of each TensorSpec
  Places others;                ///< that stay as they are
};

/// Throws Error{kInvalidArgument} for a column that is not there or stands twice.
ColumnChoice choose_columns(const SourceOptions& options,
                            const std::vector<std::string>& source_columns);

/// The places of `names` among `source_columns`, ranges written out. Throws
/// Error{kInvalidArgument} that starts with `option`, names the column and lists those there are.
Places find_columns(const std::string& option, const std::vector<std::string>& names,
                    const std::vector<std::string>& source_columns);

/// The column that the tensors' elements become, of this dtype unless the spec has one;
/// Error{kInvalidArgument} when they do not fill the shape.
ColumnSpec column_of(const TensorSpec& spec, std::int64_t elements, DType dtype = DType::kFloat32);

/// What a column is to be; null when nothing is said of it.
const ColumnSpec* find_type(const SourceOptions& options, std::string_view column);

/// Throws Error{kInvalidArgument} when a name is empty or stands twice, or a shape cannot be.
void check_tensors(const std::vector<TensorSpec>& tensors);

/// Schema::check(), its errors beginning with `where`.
void check_schema(const Schema& schema, const std::string& where);

/// A text for fingerprints: what of a source is read, and what becomes of it.
std::string describe(std::string_view format, const Schema& schema, const SourceOptions& options);

}  // namespace ringfeed
