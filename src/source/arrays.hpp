// Arrow arrays over values that are there already, in the types of Schema::to_arrow.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>

namespace ringfeed {

/// The rows of a kTensor column over `values`, which hold them one after the other (a bool is one
/// bit). `type` is that of the column in Schema::to_arrow. No copy.
std::shared_ptr<arrow::Array> tensor_array(const std::shared_ptr<arrow::DataType>& type,
                                           std::int64_t rows,
                                           std::shared_ptr<arrow::Buffer> values);

/// One byte per bool (0 or not) to one bit per bool.
std::shared_ptr<arrow::Buffer> pack_bools(const std::uint8_t* bytes, std::int64_t count);

/// Uninitialised memory. Throws Error{kInternal} when there is none.
std::unique_ptr<arrow::ResizableBuffer> make_buffer(std::int64_t bytes);

/// Rows of a batch, so that it has about 16 MiB at most: 1 to `rows_max`.
std::int64_t rows_of_batch(std::uint64_t row_bytes, std::int64_t rows_max);

}  // namespace ringfeed
