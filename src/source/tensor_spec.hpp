// --tensor against the columns there are: which source columns make up which tensor.
#pragma once

#include <ringfeed/source.hpp>
#include <string>
#include <vector>

namespace ringfeed {

/// The places of the spec's columns among `source_columns`, ranges written out. Throws
/// Error{kInvalidArgument} that names the column and lists those there are.
std::vector<std::size_t> find_columns(const TensorSpec& spec,
                                      const std::vector<std::string>& source_columns);

/// The column that the tensors' elements become; Error{kInvalidArgument} when they do not fill the
/// shape.
ColumnSpec column_of(const TensorSpec& spec, std::int64_t elements);

/// Throws Error{kInvalidArgument} when a name is empty or stands twice, or a shape cannot be.
void check_tensors(const std::vector<TensorSpec>& tensors);

/// Schema::check(), its errors beginning with `where`.
void check_schema(const Schema& schema, const std::string& where);

/// A text for fingerprints: what of a source is read, and what becomes of it.
std::string describe(std::string_view format, const Schema& schema, const SourceOptions& options);

}  // namespace ringfeed
