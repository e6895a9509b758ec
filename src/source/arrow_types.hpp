// Foreign Arrow types as those that a data set holds.
#pragma once

#include <arrow/result.h>
#include <arrow/type_fwd.h>

#include <memory>

#include "source/projection.hpp"

namespace ringfeed {

/// What becomes of a column; a type that cannot be held is a refusal.
TypedColumn held_column(const arrow::Field& field);

/// The type to cast such a column to before it is projected. One that cannot be held is itself.
std::shared_ptr<arrow::DataType> held_type(const std::shared_ptr<arrow::DataType>& type);

/// Nulls are left as they are. `type` is held_type() of the array's.
arrow::Result<std::shared_ptr<arrow::Array>> cast_to_held(
    std::shared_ptr<arrow::Array> array, const std::shared_ptr<arrow::DataType>& type);

}  // namespace ringfeed
