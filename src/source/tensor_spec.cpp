// Reads from the right (DTYPE, then SHAPE), since column names may have colons in them.
#include "source/tensor_spec.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <limits>
#include <ringfeed/error.hpp>
#include <unordered_map>
#include <unordered_set>

#include "source/bad_records.hpp"

namespace ringfeed {
namespace {

/// Arrow counts the elements of a fixed-size list in 32 bits.
constexpr std::int64_t kTensorElementsMax = std::numeric_limits<std::int32_t>::max();

[[noreturn]] void throw_form(std::string_view text, std::string_view what) {
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("--tensor {}: {}; the form is NAME=COL[,COL|FIRST..LAST]...:SHAPE:DTYPE, e.g. "
                  "image=f0..f63:8x8:float32 or label=f64::int64",
                  in_quotes(text), what));
}

std::vector<std::int64_t> parse_shape(std::string_view text, std::string_view shape) {
  std::vector<std::int64_t> dimensions;
  if (shape.empty() || shape == "scalar") return dimensions;
  std::int64_t elements = 1;
  auto rest = shape;
  while (true) {
    const auto end = rest.find('x');
    const auto part = rest.substr(0, end);
    std::int64_t dimension = 0;
    const auto [last, error] = std::from_chars(part.data(), part.data() + part.size(), dimension);
    if (error != std::errc() || last != part.data() + part.size() || dimension < 1) {
      throw_form(text, fmt::format("the shape '{}' is not whole numbers from 1 with x between them",
                                   shape));
    }
    if (dimension > kTensorElementsMax / elements) {
      throw_form(
          text, fmt::format("the shape '{}' has more than {} elements", shape, kTensorElementsMax));
    }
    elements *= dimension;
    dimensions.push_back(dimension);
    if (dimensions.size() > kTensorDimensionsMax) {
      throw_form(text, fmt::format("the shape '{}' has more than {} dimensions", shape,
                                   kTensorDimensionsMax));
    }
    if (end == std::string_view::npos) return dimensions;
    rest.remove_prefix(end + 1);
  }
}

std::vector<std::string> parse_columns(std::string_view text, std::string_view columns) {
  std::vector<std::string> result;
  while (true) {
    const auto end = columns.find(',');
    const auto column = columns.substr(0, end);
    if (column.empty()) throw_form(text, "a column has no name");
    result.emplace_back(column);
    if (end == std::string_view::npos) return result;
    columns.remove_prefix(end + 1);
  }
}

}  // namespace

TensorSpec TensorSpec::parse(std::string_view text) {
  const auto dtype_colon = text.rfind(':');
  const auto shape_colon = dtype_colon == std::string_view::npos || dtype_colon == 0
                               ? std::string_view::npos
                               : text.rfind(':', dtype_colon - 1);
  if (shape_colon == std::string_view::npos) throw_form(text, "SHAPE or DTYPE is missing");
  const auto left = text.substr(0, shape_colon);
  const auto equals = left.find('=');
  if (equals == std::string_view::npos) throw_form(text, "there is no '=' after the name");
  if (equals == 0) throw_form(text, "the tensor has no name");
  TensorSpec spec;
  spec.name = left.substr(0, equals);
  spec.columns = parse_columns(text, left.substr(equals + 1));
  spec.shape = parse_shape(text, text.substr(shape_colon + 1, dtype_colon - shape_colon - 1));
  try {
    spec.dtype = dtype_from_name(text.substr(dtype_colon + 1));
  } catch (const Error& error) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--tensor {}: {}", in_quotes(text), error.what()));
  }
  return spec;
}

std::vector<std::size_t> find_columns(const TensorSpec& spec,
                                      const std::vector<std::string>& source_columns) {
  std::unordered_map<std::string_view, std::size_t> places;
  for (std::size_t i = 0; i < source_columns.size(); ++i) places.emplace(source_columns[i], i);
  const auto find = [&](std::string_view name) {
    const auto found = places.find(name);
    if (found != places.end()) return found->second;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--tensor {}: there is no column {}; the columns are {}", spec.name,
                            in_quotes(name), listed(source_columns)));
  };
  std::vector<std::size_t> result;
  for (const auto& column : spec.columns) {
    const auto dots = column.find("..");
    if (dots == std::string::npos || places.contains(column)) {
      result.push_back(find(column));
      continue;
    }
    const auto first = find(std::string_view(column).substr(0, dots));
    const auto last = find(std::string_view(column).substr(dots + 2));
    if (last < first) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("--tensor {}: the range {} runs backwards; write it as {}..{}",
                              spec.name, column, source_columns[last], source_columns[first]));
    }
    for (auto i = first; i <= last; ++i) result.push_back(i);
  }
  return result;
}

ColumnSpec column_of(const TensorSpec& spec, std::int64_t elements) {
  ColumnSpec column{spec.name, ColumnKind::kTensor, spec.dtype, spec.shape};
  if (column.elements() == elements) return column;
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format(
          "--tensor {}: the columns have {} elements, but the shape {} takes {}; correct either",
          spec.name, elements,
          spec.shape.empty() ? "scalar" : fmt::format("{}", fmt::join(spec.shape, "x")),
          column.elements()));
}

void check_tensors(const std::vector<TensorSpec>& tensors) {
  std::unordered_set<std::string_view> names;
  for (const auto& tensor : tensors) {
    std::int64_t elements = 1;
    bool fits = !tensor.name.empty() && !tensor.columns.empty() &&
                tensor.shape.size() <= kTensorDimensionsMax;
    for (const auto dimension : tensor.shape) {
      fits = fits && dimension >= 1 && dimension <= kTensorElementsMax / elements;
      if (fits) elements *= dimension;
    }
    if (!fits) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("--tensor {}: it needs a name, at least one column, and a shape of "
                              "at most {} dimensions "
                              "from 1 and {} elements",
                              in_quotes(tensor.name), kTensorDimensionsMax, kTensorElementsMax));
    }
    if (names.insert(tensor.name).second) continue;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--tensor {}: the name stands twice; choose another for one of them",
                            tensor.name));
  }
}

void check_schema(const Schema& schema, const std::string& where) {
  try {
    schema.check();
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", where, error.what()));
  }
}

std::string describe(std::string_view format, const Schema& schema, const SourceOptions& options) {
  std::string text(format);
  const auto add = [&](std::string_view part) {
    text += fmt::format("\n{}:{}", part.size(), part);
  };
  for (const auto& column : schema.columns) {
    add(column.name);
    add(column.type_name());
  }
  add("tensors");
  for (const auto& tensor : options.tensors) {
    add(tensor.name);
    add(std::to_string(tensor.columns.size()));
    for (const auto& column : tensor.columns) add(column);
  }
  if (options.header != Header::kAuto)
    add(options.header == Header::kYes ? "header yes" : "header no");
  add(options.on_bad == OnBad::kSkip ? "skip" : "error");
  return text;
}

}  // namespace ringfeed
