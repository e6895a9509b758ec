// Files of the foreign formats, byte by byte, and what a source makes of them.
#pragma once

#include <arrow/buffer.h>
#include <arrow/io/compressed.h>
#include <arrow/io/memory.h>
#include <arrow/record_batch.h>
#include <arrow/util/compression.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <ringfeed/error.hpp>
#include <ringfeed/source.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "dataset/arrow_status.hpp"
#include "dataset/chunk.hpp"
#include "temp_folder.hpp"

namespace ringfeed::testing {

template <typename T>
std::string raw(std::initializer_list<T> values) {
  std::string bytes;
  for (const T value : values) bytes.append(reinterpret_cast<const char*>(&value), sizeof(T));
  return bytes;
}

inline std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(value >> shift));
  return bytes;
}

/// As numpy.lib.format writes it: padded with spaces to a multiple of 64, ended by a newline.
inline std::string npy_with_header(std::string dict, const std::string& data, int version = 1) {
  const std::size_t prefix = version == 1 ? 10 : 12;
  while ((prefix + dict.size() + 1) % 64 != 0) dict += ' ';
  dict += '\n';
  std::string bytes("\x93NUMPY", 6);
  bytes.push_back(static_cast<char>(version));
  bytes.push_back('\0');
  for (std::size_t i = 0; i < prefix - 8; ++i)
    bytes.push_back(static_cast<char>(dict.size() >> (8 * i)));
  return bytes + dict + data;
}

inline std::string npy(const std::string& descr, const std::string& shape, const std::string& data,
                       int version = 1) {
  return npy_with_header(
      "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }", data,
      version);
}

inline std::string idx(unsigned type, const std::vector<std::uint32_t>& dimensions,
                       const std::string& data) {
  std::string bytes(2, '\0');
  bytes.push_back(static_cast<char>(type));
  bytes.push_back(static_cast<char>(dimensions.size()));
  for (const auto dimension : dimensions) bytes += big_endian(dimension);
  return bytes + data;
}

inline std::string gzip(const std::string& bytes) {
  const auto codec = value_of(arrow::util::Codec::Create(arrow::Compression::GZIP), "gzip");
  const auto sink = value_of(arrow::io::BufferOutputStream::Create(), "gzip");
  const auto stream = value_of(arrow::io::CompressedOutputStream::Make(codec.get(), sink), "gzip");
  check(stream->Write(bytes), "gzip");
  check(stream->Close(), "gzip");
  return value_of(sink->Finish(), "gzip")->ToString();
}

inline Error error_of(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << "more than one line";
    return error;
  }
  ADD_FAILURE() << "no error";
  return {ErrorCode::kInternal, "no error"};
}

inline void expect_error(ErrorCode code, const std::string& text,
                         const std::function<void()>& run) {
  const auto error = error_of(run);
  EXPECT_EQ(error.code(), code) << error.what();
  EXPECT_NE(std::string(error.what()).find(text), std::string::npos)
      << error.what() << "\nlacks: " << text;
}

/// All that a source gives, checked to be what it promises.
class Content {
 public:
  explicit Content(std::unique_ptr<Source> source) : source_(std::move(source)) {
    while (auto batch = source_->next()) {
      check_columns(*batch, schema(), "test");
      EXPECT_TRUE(batch->ValidateFull().ok()) << batch->ValidateFull().ToString();
      EXPECT_GT(batch->num_rows(), 0);
      rows += batch->num_rows();
      batches.push_back(std::move(batch));
    }
    EXPECT_EQ(source_->next(), nullptr);
    EXPECT_EQ(source_->bytes_read(), source_->bytes_total());
  }
  Content(const std::vector<std::string>& paths, const SourceOptions& options = {})
      : Content(open_source(paths, options)) {}

  const Schema& schema() const { return source_->schema(); }
  Source& source() { return *source_; }
  /// "x: float32 [2]; y: string"
  std::string types() const {
    std::string text;
    for (const auto& column : schema().columns) {
      if (!text.empty()) text += "; ";
      text += column.name + ": " + column.type_name();
    }
    return text;
  }

  /// The elements of a tensor or list column, of all rows.
  template <typename T>
  std::vector<T> values(const std::string& name) const {
    const auto& spec = schema().at(name);
    std::vector<T> result;
    for (const auto& batch : batches) {
      const auto views = column_views(*batch, schema());
      const auto& view = views[static_cast<std::size_t>(&spec - schema().columns.data())];
      for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
        const std::int64_t first =
            view.offsets != nullptr ? view.offsets[row] : row * spec.elements();
        const std::int64_t end =
            view.offsets != nullptr ? view.offsets[row + 1] : first + spec.elements();
        for (auto i = first; i < end; ++i) result.push_back(element<T>(view, i));
      }
    }
    return result;
  }

  /// A text or bytes column.
  std::vector<std::string> texts(const std::string& name) const {
    const auto& spec = schema().at(name);
    std::vector<std::string> result;
    for (const auto& batch : batches) {
      const auto views = column_views(*batch, schema());
      const auto& view = views[static_cast<std::size_t>(&spec - schema().columns.data())];
      for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
        result.emplace_back(reinterpret_cast<const char*>(view.data) + view.offsets[row],
                            static_cast<std::size_t>(view.offsets[row + 1] - view.offsets[row]));
      }
    }
    return result;
  }

  arrow::RecordBatchVector batches;
  std::int64_t rows = 0;

 private:
  template <typename T>
  static T element(const ColumnView& view, std::int64_t i) {
    if (view.bit_packed) {
      const auto bit = view.bit_offset + i;
      return static_cast<T>((static_cast<unsigned>(view.data[bit / 8]) >> (bit % 8)) & 1U);
    }
    EXPECT_EQ(sizeof(T), view.element_bytes);
    T value{};
    std::memcpy(&value, view.data + static_cast<std::size_t>(i) * sizeof(T), sizeof(T));
    return value;
  }

  std::unique_ptr<Source> source_;
};

inline SourceOptions with_tensors(std::initializer_list<std::string_view> texts) {
  SourceOptions options;
  for (const auto text : texts) options.tensors.push_back(TensorSpec::parse(text));
  return options;
}

/// A folder with one file in it.
struct OneFile {
  OneFile(const std::string& name, const std::string& bytes) : path(folder / name) {
    write_all(path, bytes);
  }
  TempFolder folder;
  std::string path;
};

}  // namespace ringfeed::testing
