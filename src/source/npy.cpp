// .npy files: mapped, never loaded.
#include <fmt/format.h>

#include <algorithm>
#include <ringfeed/error.hpp>
#include <span>

#include "source/column_file.hpp"
#include "source/input.hpp"
#include "source/mapped_column.hpp"
#include "source/npy_header.hpp"

namespace ringfeed {
namespace {

RawArray header_of(const MappedFile& file) {
  try {
    return parse_npy_header(std::span(file.data(), std::min(file.size(), kNpyHeaderBytesMax)),
                            file.size());
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", file.path(), error.what()));
  }
}

}  // namespace

std::unique_ptr<ColumnFile> open_npy(const std::string& path) {
  check_source_file(path);
  auto file = MappedFile::map(path);
  const auto header = header_of(*file);
  ColumnSpec spec{name_without(path, ".npy"), ColumnKind::kTensor, header.format.dtype,
                  header.shape};
  return make_mapped_column(std::move(file), std::move(spec), header);
}

}  // namespace ringfeed
