// Typed columns (npy, IDX, Parquet) to the columns that were asked for: renamed, packed, reshaped,
// cast; and what is wrong with which row. Without a copy where names and shapes are all that
// changes.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <ringfeed/source.hpp>
#include <string>
#include <vector>

#include "source/classes.hpp"
#include "source/tensor_spec.hpp"

namespace ringfeed {

struct TypedColumn {
  ColumnSpec spec;  ///< only the name when there is a refusal
  std::string
      refusal;  ///< why the column cannot be held; an error only when the column is asked for
};

struct RowFault {
  std::size_t column = 0;  ///< place in used()
  std::string what;
};
using RowFaults = std::map<std::int64_t, RowFault>;  ///< by row; the first fault of each

class Projection {
 public:
  /// `where` starts the errors. Throws Error: kInvalidArgument (unknown column, shape that does not
  /// fit, text in a tensor), kBadData (a column that cannot be held, a sample over
  /// kSampleBytesMax).
  Projection(const std::string& where, std::vector<TypedColumn> source,
             const SourceOptions& options);

  const Schema& schema() const noexcept { return schema_; }
  /// The source columns that project() takes, ascending.
  const std::vector<std::size_t>& used() const noexcept { return used_; }
  /// Whether any column is copied.
  bool copies() const noexcept;
  /// An estimate, of both sides; without text and lists.
  std::uint64_t row_bytes() const noexcept;

  /// `arrays` are the used columns in the types of Schema::to_arrow, but may have nulls. The rows
  /// named in `faults` are undefined: leave them out with good_runs(). `first` is the number of
  /// the first row in the source.
  std::shared_ptr<arrow::RecordBatch> project(const arrow::ArrayVector& arrays, std::int64_t rows,
                                              std::int64_t first, RowFaults& faults) const;

 private:
  struct Output {
    ColumnSpec spec;
    std::vector<std::size_t> parts = {};  ///< places in used_; none: the number of the row
    bool copied = false;
    std::optional<ClassNumbers> classes = {};
  };
  const ColumnSpec& used_spec(std::size_t place) const { return source_[used_[place]].spec; }
  void add_tensor(const TensorSpec& tensor, const Places& columns, const std::string& where);
  void add_other(std::size_t column, const SourceOptions& options, const std::string& where);
  const TypedColumn& held(std::size_t column, const std::string& where) const;
  std::size_t place_of(std::size_t column) const;
  void check_sizes(const arrow::ArrayVector& arrays, std::int64_t rows, RowFaults& faults) const;
  std::shared_ptr<arrow::Array> made(const Output& output,
                                     const std::shared_ptr<arrow::DataType>& type,
                                     const arrow::ArrayVector& arrays, std::int64_t rows,
                                     std::int64_t first, RowFaults& faults) const;
  std::shared_ptr<arrow::Array> pack(const Output& output,
                                     const std::shared_ptr<arrow::DataType>& type,
                                     const arrow::ArrayVector& arrays, std::int64_t rows,
                                     RowFaults& faults) const;

  const std::vector<TypedColumn> source_;
  const bool allow_nan_;
  std::vector<std::size_t> used_;
  std::vector<Output> outputs_;
  std::uint64_t fixed_bytes_ = 0;  ///< of a sample's tensors
  Schema schema_;
  std::shared_ptr<arrow::Schema> arrow_schema_;
};

/// The runs of rows without a fault, as slices.
arrow::RecordBatchVector good_runs(const std::shared_ptr<arrow::RecordBatch>& batch,
                                   const RowFaults& faults);

}  // namespace ringfeed
