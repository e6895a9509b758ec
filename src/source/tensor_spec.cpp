// Reads from the right (DTYPE, then SHAPE), since column names may have colons in them.
#include "source/tensor_spec.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <numeric>
#include <ringfeed/error.hpp>
#include <unordered_map>
#include <unordered_set>

#include "base/option.hpp"
#include "source/bad_records.hpp"

namespace ringfeed {
namespace {

/// Arrow counts the elements of a fixed-size list in 32 bits.
constexpr std::int64_t kTensorElementsMax = std::numeric_limits<std::int32_t>::max();

[[noreturn]] void throw_form(std::string_view text, std::string_view what) {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{} {}: {}; the form is NAME=COL[,COL|FIRST..LAST]...:SHAPE:DTYPE "
                          "or COL:SHAPE, e.g. "
                          "image=f0..f63:8x8:float32 or label=f64::int64",
                          option_name("tensor"), in_quotes(text), what));
}

/// `fail` throws what is wrong.
template <typename Fail>
std::vector<std::int64_t> parse_shape(std::string_view shape, Fail&& fail) {
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
      fail(fmt::format("the shape '{}' is not whole numbers from 1 with x between them", shape));
    }
    if (dimension > kTensorElementsMax / elements)
      fail(fmt::format("the shape '{}' has more than {} elements", shape, kTensorElementsMax));
    elements *= dimension;
    dimensions.push_back(dimension);
    if (dimensions.size() > kTensorDimensionsMax)
      fail(fmt::format("the shape '{}' has more than {} dimensions", shape, kTensorDimensionsMax));
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

/// Whether it is meant as a SHAPE and not as a DTYPE.
bool is_shape(std::string_view text) {
  if (text == "scalar") return true;
  return !text.empty() && text.find_first_not_of("0123456789x") == std::string_view::npos;
}

void check_each_once(const std::string& option, Places places,
                     const std::vector<std::string>& source_columns) {
  std::ranges::sort(places);
  const auto twice = std::ranges::adjacent_find(places);
  if (twice == places.end()) return;
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {} stands twice; leave one out", option,
                                                       in_quotes(source_columns[*twice])));
}

}  // namespace

TensorSpec TensorSpec::parse(std::string_view text) {
  TensorSpec spec;
  auto rest = text;
  const auto last_colon = rest.rfind(':');
  if (last_colon == std::string_view::npos) throw_form(text, "SHAPE is missing");
  auto shape = rest.substr(last_colon + 1);
  rest = rest.substr(0, last_colon);
  if (!is_shape(shape)) {
    try {
      spec.dtype = dtype_from_name(shape);
    } catch (const Error& error) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{} {}: {}", option_name("tensor"), in_quotes(text), error.what()));
    }
    const auto shape_colon = rest.rfind(':');
    if (shape_colon == std::string_view::npos) throw_form(text, "SHAPE is missing");
    shape = rest.substr(shape_colon + 1);
    rest = rest.substr(0, shape_colon);
  }
  const auto equals = rest.find('=');
  if (equals == 0) throw_form(text, "the tensor has no name");
  if (equals == std::string_view::npos &&
      (rest.find(',') != std::string_view::npos || rest.find("..") != std::string_view::npos))
    throw_form(text, "there is no '=' after the name");
  spec.columns =
      parse_columns(text, equals == std::string_view::npos ? rest : rest.substr(equals + 1));
  spec.name = rest.substr(0, equals);
  spec.shape = parse_shape(shape, [&](std::string_view what) { throw_form(text, what); });
  return spec;
}

ColumnSpec parse_type(std::string_view text) {
  const auto fail = [&](std::string_view what) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} {}: {}; the form is NAME=TYPE, and TYPE a dtype, DTYPE:8x8, "
                            "list<DTYPE>, string or binary",
                            option_name("schema"), in_quotes(text), what));
  };
  const auto equals = text.rfind('=');
  if (equals == std::string_view::npos || equals == 0) fail("there is no name and '='");
  auto type = text.substr(equals + 1);
  ColumnSpec spec{std::string(text.substr(0, equals)), ColumnKind::kTensor, DType::kUInt8, {}};
  if (type == "string" || type == "binary") {
    spec.kind = *kind_from_name(type);
    return spec;
  }
  if (type.starts_with("list<") && type.ends_with('>')) {
    spec.kind = ColumnKind::kList;
    type = type.substr(5, type.size() - 6);
  } else if (const auto colon = type.find(':'); colon != std::string_view::npos) {
    spec.shape = parse_shape(type.substr(colon + 1), fail);
    type = type.substr(0, colon);
  }
  try {
    spec.dtype = dtype_from_name(type);
  } catch (const Error& error) {
    fail(error.what());
  }
  return spec;
}

ColumnChoice choose_columns(const SourceOptions& options,
                            const std::vector<std::string>& source_columns) {
  if (!options.columns.empty() && !options.drop.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} and {}: columns are chosen or left out; give one of the two",
                            option_name("columns"), option_name("drop")));
  }
  Places places(source_columns.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  if (!options.columns.empty()) {
    places = find_columns(option_name("columns"), options.columns, source_columns);
    check_each_once(option_name("columns"), places, source_columns);
  }
  std::vector<bool> is_taken(source_columns.size());
  for (const auto place : find_columns(option_name("drop"), options.drop, source_columns))
    is_taken[place] = true;
  std::erase_if(places, [&](std::size_t place) { return is_taken[place]; });
  std::vector<std::string> names;
  for (const auto place : places) names.push_back(source_columns[place]);

  ColumnChoice choice;
  for (const auto& tensor : options.tensors) {
    auto& of = choice.tensors.emplace_back(find_columns(
        fmt::format("{} {}", option_name("tensor"), tensor.name), tensor.columns, names));
    for (auto& place : of) is_taken[place = places[place]] = true;
  }
  std::erase_if(places, [&](std::size_t place) { return is_taken[place]; });
  choice.others = std::move(places);
  const auto check_other = [&](std::string_view option, const std::string& name) {
    std::vector<std::string> others;
    for (const auto place : choice.others) others.push_back(source_columns[place]);
    if (std::ranges::find(others, name) != others.end()) return;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: there is no column {}; the columns that are in no tensor are {}",
                            option, in_quotes(name), listed(others)));
  };
  for (const auto& each : options.classes) check_other(option_name("classes"), each.column);
  for (const auto& type : options.types) check_other(option_name("schema"), type.name);
  return choice;
}

Places find_columns(const std::string& option, const std::vector<std::string>& names,
                    const std::vector<std::string>& source_columns) {
  std::unordered_map<std::string_view, std::size_t> places;
  for (std::size_t i = 0; i < source_columns.size(); ++i) places.emplace(source_columns[i], i);
  const auto find = [&](std::string_view name) {
    const auto found = places.find(name);
    if (found != places.end()) return found->second;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: there is no column {}; the columns are {}", option,
                            in_quotes(name), listed(source_columns)));
  };
  Places result;
  for (const auto& column : names) {
    const auto dots = column.find("..");
    if (dots == std::string::npos || places.contains(column)) {
      result.push_back(find(column));
      continue;
    }
    const auto first = find(std::string_view(column).substr(0, dots));
    const auto last = find(std::string_view(column).substr(dots + 2));
    if (last < first) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: the range {} runs backwards; write it as {}..{}", option, column,
                              source_columns[last], source_columns[first]));
    }
    for (auto i = first; i <= last; ++i) result.push_back(i);
  }
  return result;
}

ColumnSpec column_of(const TensorSpec& spec, std::int64_t elements, DType dtype) {
  ColumnSpec column{spec.name, ColumnKind::kTensor, spec.dtype.value_or(dtype), spec.shape};
  if (column.elements() == elements) return column;
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("{} {}: the columns have {} elements, but the shape {} takes {}; correct either",
                  option_name("tensor"), spec.name, elements,
                  spec.shape.empty() ? "scalar" : fmt::format("{}", fmt::join(spec.shape, "x")),
                  column.elements()));
}

const ColumnSpec* find_type(const SourceOptions& options, std::string_view column) {
  const auto found = std::ranges::find(options.types, column, &ColumnSpec::name);
  return found == options.types.end() ? nullptr : &*found;
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
                  fmt::format("{} {}: it needs a name, at least one column, and a shape of at most "
                              "{} dimensions from 1 and {} elements",
                              option_name("tensor"), in_quotes(tensor.name), kTensorDimensionsMax,
                              kTensorElementsMax));
    }
    if (names.insert(tensor.name).second) continue;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} {}: the name stands twice; choose another for one of them",
                            option_name("tensor"), tensor.name));
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
  const auto add_all = [&](std::string_view option, const std::vector<std::string>& names) {
    if (!names.empty()) add(option);
    for (const auto& name : names) add(name);
  };
  add_all("columns", options.columns);
  add_all("drop", options.drop);
  if (!options.row_number.empty()) add("row number");
  for (const auto& column : schema.columns) {
    if (!column.classes.empty()) add_all("classes " + column.name, column.classes);
  }
  if (options.header != Header::kAuto)
    add(options.header == Header::kYes ? "header yes" : "header no");
  if (options.allow_nan) add("allow nan");
  add(options.on_bad == OnBad::kSkip ? "skip" : "error");
  return text;
}

}  // namespace ringfeed
