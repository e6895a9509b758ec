// IDX files: mapped when plain, decompressed as they are read when gzip.
#include <arrow/array.h>
#include <fmt/format.h>

#include <algorithm>
#include <ringfeed/error.hpp>
#include <vector>

#include "source/column_file.hpp"
#include "source/idx_header.hpp"
#include "source/input.hpp"
#include "source/mapped_column.hpp"

namespace ringfeed {
namespace {

RawArray header_of(const std::string& path, std::span<const std::byte> start,
                   std::optional<std::uint64_t> file_bytes) {
  try {
    return parse_idx_header(start, file_bytes);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", path, error.what()));
  }
}

ColumnSpec spec_of(const std::string& path, const RawArray& header) {
  std::string name;
  if (header.shape.size() == 2) {
    name = "image";
  } else if (header.shape.empty()) {
    name = "label";
  } else {
    name = name_without(name_without(path, ".gz"), ".idx");
  }
  return {std::move(name), ColumnKind::kTensor, header.format.dtype, header.shape};
}

/// The data is never taken on the header's word: each read asks for the samples of one record
/// batch.
class GzipIdxColumn final : public ColumnFile {
 public:
  explicit GzipIdxColumn(const std::string& path)
      : path_(path), file_bytes_(check_source_file(path)), stream_(path) {
    std::byte start[kIdxHeaderBytesMax];
    std::size_t there = stream_.read(std::span(start, kIdxMagicBytes));
    const auto dimensions = there == kIdxMagicBytes ? static_cast<std::size_t>(start[3]) : 0;
    if (dimensions <= kIdxDimensionsMax)
      there += stream_.read(std::span(start + kIdxMagicBytes, 4 * dimensions));
    header_ = header_of(path_, std::span(start, there), std::nullopt);
    spec_ = spec_of(path_, header_);
  }

  const std::string& path() const override { return path_; }
  const ColumnSpec& spec() const override { return spec_; }
  std::int64_t samples() const override { return header_.samples; }

  std::shared_ptr<arrow::Array> read(std::int64_t count) override {
    raw_.resize(static_cast<std::size_t>(count) * header_.sample_bytes);
    const auto got = stream_.read(raw_);
    if (got < raw_.size()) {
      throw Error(ErrorCode::kBadData,
                  fmt::format("{}: the header claims {} samples, but the data ends after {}: the "
                              "file is cut off; fetch "
                              "it again",
                              path_, header_.samples,
                              static_cast<std::uint64_t>(next_) + got / header_.sample_bytes));
    }
    next_ += count;
    return decode_column(header_.format, spec_, count, raw_.data());
  }

  void check_end() override {
    std::byte more[1];
    if (stream_.read(more) == 0) return;
    throw Error(ErrorCode::kBadData,
                fmt::format("{}: the file goes on after the {} samples that the header claims; "
                            "fetch it again",
                            path_, header_.samples));
  }

  bool in_place() const override { return false; }
  std::uint64_t file_bytes() const override { return file_bytes_; }
  std::uint64_t bytes_read() const override { return stream_.file_bytes_read(); }

 private:
  const std::string path_;
  const std::uint64_t file_bytes_;
  ByteStream stream_;
  RawArray header_;
  ColumnSpec spec_;
  std::vector<std::byte> raw_;
  std::int64_t next_ = 0;
};

}  // namespace

std::unique_ptr<ColumnFile> open_idx(const std::string& path) {
  check_source_file(path);
  if (is_gzip(path)) return std::make_unique<GzipIdxColumn>(path);
  auto file = MappedFile::map(path);
  const auto header = header_of(
      path, std::span(file->data(), std::min(file->size(), kIdxHeaderBytesMax)), file->size());
  return make_mapped_column(std::move(file), spec_of(path, header), header);
}

}  // namespace ringfeed
