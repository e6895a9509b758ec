// Buffers that own a share of the map, so arrays outlive the source.
#include "source/mapped_column.hpp"

#include <arrow/array.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include <ringfeed/error.hpp>

#include "dataset/mapped_buffer.hpp"
#include "source/arrays.hpp"

namespace ringfeed {
namespace {

std::shared_ptr<arrow::DataType> arrow_type_of(const ColumnSpec& spec) {
  return Schema{{spec}}.to_arrow()->field(0)->type();
}

class MappedColumn final : public ColumnFile {
 public:
  MappedColumn(std::shared_ptr<const MappedFile> file, ColumnSpec spec, const RawArray& array)
      : file_(std::move(file)),
        spec_(std::move(spec)),
        type_(arrow_type_of(spec_)),
        array_(array),
        // Arrow reads values where they are, so they have to be where their type may be.
        in_place_(array.format.is_native() && array.data_offset % array.format.item_bytes == 0) {}

  const std::string& path() const override { return file_->path(); }
  const ColumnSpec& spec() const override { return spec_; }
  std::int64_t samples() const override { return array_.samples; }

  std::shared_ptr<arrow::Array> read(std::int64_t count) override {
    if (!file_->is_whole()) {
      throw Error(ErrorCode::kBadData, fmt::format("{}: the file was cut while it was read; write "
                                                   "it again, then try again",
                                                   path()));
    }
    const auto offset =
        array_.data_offset + static_cast<std::uint64_t>(next_) * array_.sample_bytes;
    const auto bytes = static_cast<std::uint64_t>(count) * array_.sample_bytes;
    next_ += count;
    if (!in_place_) return decode_column(array_.format, spec_, count, file_->data() + offset);
    return tensor_array(type_, count, std::make_shared<MappedBuffer>(file_, offset, bytes));
  }

  void check_end() override {}  // the array fits the file
  bool in_place() const override { return in_place_; }
  std::uint64_t file_bytes() const override { return file_->size(); }
  std::uint64_t bytes_read() const override {
    if (next_ == array_.samples) return file_->size();
    return array_.data_offset + static_cast<std::uint64_t>(next_) * array_.sample_bytes;
  }

 private:
  const std::shared_ptr<const MappedFile> file_;
  const ColumnSpec spec_;
  const std::shared_ptr<arrow::DataType> type_;
  const RawArray array_;
  const bool in_place_;
  std::int64_t next_ = 0;
};

}  // namespace

std::unique_ptr<ColumnFile> make_mapped_column(std::shared_ptr<const MappedFile> file,
                                               ColumnSpec spec, const RawArray& array) {
  return std::make_unique<MappedColumn>(std::move(file), std::move(spec), array);
}

std::shared_ptr<arrow::Array> decode_column(const RawFormat& format, const ColumnSpec& spec,
                                            std::int64_t samples, const std::byte* from) {
  const std::int64_t elements = samples * spec.elements();
  std::shared_ptr<arrow::Buffer> values;
  if (spec.dtype == DType::kBool) {
    values = pack_bools(reinterpret_cast<const std::uint8_t*>(from), elements);
  } else {
    values = make_buffer(samples * static_cast<std::int64_t>(spec.sample_bytes()));
    decode_raw(format, from, elements, reinterpret_cast<std::byte*>(values->mutable_data()));
  }
  return tensor_array(arrow_type_of(spec), samples, std::move(values));
}

std::string name_without(std::string_view path, std::string_view ending) {
  path.remove_prefix(path.find_last_of('/') + 1);  // npos + 1 is 0
  if (path.ends_with(ending)) path.remove_suffix(ending.size());
  return std::string(path);
}

}  // namespace ringfeed
