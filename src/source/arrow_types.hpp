// Foreign Arrow types as those that a data set holds.
#pragma once

#include <arrow/result.h>
#include <arrow/type_fwd.h>

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "source/projection.hpp"

namespace ringfeed {

/// What becomes of a column; a type that cannot be held is a refusal. Class numbers have the names
/// that the field's metadata has for them, as in files of `ringfeed export`.
TypedColumn held_column(const arrow::Field& field);

/// Makes the column one of class numbers with these names, a JSON list. Names that fit none, as of
/// a column that is no int64 scalar, are left out.
void set_class_names(ColumnSpec& spec, const nlohmann::json& names);

/// Gives class numbers the names that the schema's metadata has for them, where it is Hugging
/// Face's. Null: there is none.
void add_class_names(const arrow::KeyValueMetadata* metadata, std::vector<TypedColumn>& columns);

/// The type to cast such a column to before it is projected. One that cannot be held is itself.
std::shared_ptr<arrow::DataType> held_type(const std::shared_ptr<arrow::DataType>& type);

/// Nulls are left as they are. `type` is held_type() of the array's.
arrow::Result<std::shared_ptr<arrow::Array>> cast_to_held(
    std::shared_ptr<arrow::Array> array, const std::shared_ptr<arrow::DataType>& type);

}  // namespace ringfeed
