// One sample a file: its bytes, what its head says, and the columns of its name.
#include "source/image_folder.hpp"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <filesystem>
#include <optional>
#include <ringfeed/error.hpp>
#include <ringfeed/image.hpp>
#include <span>
#include <utility>

#include "base/folder.hpp"
#include "base/hash.hpp"
#include "dataset/arrow_status.hpp"
#include "dataset/chunk.hpp"
#include "source/bad_records.hpp"
#include "source/image_names.hpp"
#include "source/input.hpp"
#include "source/projection.hpp"
#include "source/tensor_spec.hpp"

namespace ringfeed {
namespace {

constexpr std::array<std::string_view, 4> kEndings = {".jpg", ".jpeg", ".png", ".webp"};
constexpr std::uint64_t kBatchPictureBytes = std::uint64_t{16} << 20;
constexpr std::size_t kFingerprintBytes = std::size_t{1} << 20;

/// What a picture's file gives, beside the columns of its name.
enum Own : std::size_t { kImage, kFile, kFormat, kWidth, kHeight, kBytes, kOwnColumns };

std::vector<TypedColumn> columns_with(const std::vector<TypedColumn>& of_names) {
  const auto number = [](std::string name) {
    return TypedColumn{{std::move(name), ColumnKind::kTensor, DType::kInt32, {}}, ""};
  };
  std::vector<TypedColumn> columns = {
      {{"image", ColumnKind::kBinary, DType::kUInt8, {}}, ""},
      {{"file", ColumnKind::kString, DType::kUInt8, {}}, ""},
      {{"format", ColumnKind::kString, DType::kUInt8, {}}, ""},
      number("width"),
      number("height"),
      number("bytes"),
  };
  columns.insert(columns.end(), of_names.begin(), of_names.end());
  return columns;
}

/// The own columns of a batch, as they grow.
class OwnColumns {
 public:
  void append(const std::string& bytes, const std::string& name, const ImageInfo& info) {
    const bool turned = info.orientation > 4;
    append(image_, bytes);
    append(file_, name);
    append(format_, std::string(name_of(info.format)));
    append(width_, static_cast<std::int32_t>(turned ? info.height : info.width));
    append(height_, static_cast<std::int32_t>(turned ? info.width : info.height));
    append(bytes_, static_cast<std::int32_t>(bytes.size()));
  }

  arrow::ArrayVector finish() {
    arrow::ArrayVector arrays(kOwnColumns);
    arrays[kImage] = value_of(image_.Finish(), "a picture");
    arrays[kFile] = value_of(file_.Finish(), "a picture");
    arrays[kFormat] = value_of(format_.Finish(), "a picture");
    arrays[kWidth] = value_of(width_.Finish(), "a picture");
    arrays[kHeight] = value_of(height_.Finish(), "a picture");
    arrays[kBytes] = value_of(bytes_.Finish(), "a picture");
    return arrays;
  }

 private:
  template <typename Builder, typename Value>
  static void append(Builder& builder, const Value& value) {
    check(builder.Append(value), "a picture");
  }

  arrow::BinaryBuilder image_;
  arrow::StringBuilder file_;
  arrow::StringBuilder format_;
  arrow::Int32Builder width_;
  arrow::Int32Builder height_;
  arrow::Int32Builder bytes_;
};

class ImageFolder final : public Source {
 public:
  ImageFolder(const std::string& folder, const SourceOptions& options)
      : folder_(folder), options_(options), bad_(options, paths_of(folder, options)) {
    names_ =
        options.labels.empty() ? names_by_class(folder) : names_by_labels(folder, options, bad_);
    if (names_.files.empty()) {
      throw Error(ErrorCode::kBadData,
                  fmt::format("{}: no picture is left of it; name another folder", folder));
    }
    projection_.emplace(folder, columns_with(names_.columns), options);
    const auto& used = projection_->used();
    reads_ = std::ranges::any_of(
        used, [](std::size_t column) { return column < kOwnColumns && column != kFile; });
    for (const auto& name : names_.files) {
      std::error_code ignored;
      const auto size = std::filesystem::file_size(folder_.path_of(name), ignored);
      if (!ignored) bytes_total_ += size;
    }
  }

  const Schema& schema() const override { return projection_->schema(); }
  std::string name() const override { return folder_.path(); }
  bool allows_nan() const override { return options_.allow_nan; }
  bool in_place() const override { return false; }
  std::uint64_t bytes_total() const override { return bytes_total_; }
  std::uint64_t bytes_read() const override { return bytes_read_; }
  std::uint64_t rejected() const override { return bad_.count(); }

  std::shared_ptr<arrow::RecordBatch> next() override {
    while (ready_.empty()) {
      check_stop(options_.stop);
      if (next_ == names_.files.size()) {
        bad_.finish();
        return nullptr;
      }
      read();
    }
    auto batch = std::move(ready_.front());
    ready_.pop_front();
    return batch;
  }

  std::uint64_t fingerprint() override {
    Hasher hasher;
    const auto add = [&](std::string_view text) {
      hasher.update(fmt::format("{}:", text.size()));
      hasher.update(text);
    };
    add(describe("images", schema(), options_));
    if (!options_.labels.empty())
      add(fmt::to_string(hash_files("", {options_.labels}, options_.stop)));
    std::string buffer(kFingerprintBytes, '\0');
    for (const auto& name : names_.files) {
      check_stop(options_.stop);
      File file = folder_.open_to_read(name);
      add(name);
      hasher.update(fmt::format("{}:", file.size()));
      while (const std::size_t got = file.read(buffer.data(), buffer.size()))
        hasher.update(std::string_view(buffer).substr(0, got));
    }
    return hasher.digest();
  }

 private:
  static std::vector<std::string> paths_of(const std::string& folder,
                                           const SourceOptions& options) {
    if (options.labels.empty()) return {folder};
    return {folder, options.labels};
  }

  /// The bytes of a picture, and its head; what is wrong with it instead.
  std::string look_at(const std::string& name, std::string& bytes, ImageInfo& info) const {
    File file = folder_.open_to_read(name);
    if (file.size() > kSampleBytesMax) return describe_size(file.size());
    bytes = file.read_whole(kSampleBytesMax);
    const auto picture = std::as_bytes(std::span(bytes));
    try {
      info = probe_image(picture);
      if (options_.verify_images == VerifyImages::kFull) decode_image(picture);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kBadData) throw;
      return error.what();
    }
    return {};
  }

  void read() {
    const std::size_t first = next_;
    OwnColumns own;
    RowFaults faults;
    std::uint64_t bytes_taken = 0;
    std::string bytes;
    for (; next_ < names_.files.size() && bytes_taken < kBatchPictureBytes &&
           next_ - first < static_cast<std::size_t>(options_.batch_rows);
         ++next_) {
      check_stop(options_.stop);
      const std::string& name = names_.files[next_];
      ImageInfo info;
      bytes.clear();
      std::string what = reads_ ? look_at(name, bytes, info) : std::string();
      if (!what.empty()) {
        bytes.clear();
        faults.try_emplace(static_cast<std::int64_t>(next_ - first), RowFault{0, std::move(what)});
      }
      bytes_taken += bytes.size();
      own.append(bytes, name, info);
    }
    bytes_read_ += bytes_taken;
    project(first, own.finish(), faults);
  }

  void project(std::size_t first, const arrow::ArrayVector& own, RowFaults& faults) {
    const auto begin = static_cast<std::int64_t>(first);
    const auto rows = static_cast<std::int64_t>(next_ - first);
    arrow::ArrayVector arrays;
    for (const auto column : projection_->used()) {
      arrays.push_back(column < kOwnColumns
                           ? own[column]
                           : names_.values[column - kOwnColumns]->Slice(begin, rows));
    }
    const auto batch = projection_->project(arrays, rows, begin, faults);
    for (const auto& [row, fault] : faults)
      bad_.add(folder_.path_of(names_.files[first + static_cast<std::size_t>(row)]), fault.what);
    for (auto& run : good_runs(batch, faults)) ready_.push_back(std::move(run));
  }

  const Folder folder_;
  const SourceOptions options_;
  BadRecords bad_;
  ImageNames names_;
  std::optional<Projection> projection_;
  bool reads_ = true;  ///< whether a column needs the files' bytes
  std::size_t next_ = 0;
  std::uint64_t bytes_total_ = 0;
  std::uint64_t bytes_read_ = 0;
  std::deque<std::shared_ptr<arrow::RecordBatch>> ready_;
};

}  // namespace

bool is_picture_name(std::string_view name) {
  const std::string lower = lower_case(name);
  return std::ranges::any_of(kEndings,
                             [&](std::string_view ending) { return lower.ends_with(ending); });
}

bool is_image_folder(const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  bool found = false;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = lower_case(entry.path().filename().string());
    if (name.ends_with(".parquet") || name.ends_with(".arrow")) return false;
    if (entry.is_symlink(error))
      found = found || is_picture_name(name);
    else if (entry.is_directory(error))
      found = found || is_image_folder(entry.path().string());
    else
      found = found || is_picture_name(name);
  }
  return found;
}

std::unique_ptr<Source> open_image_folder(const std::string& folder, const SourceOptions& options) {
  return std::make_unique<ImageFolder>(folder, options);
}

}  // namespace ringfeed
