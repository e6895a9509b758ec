// One Parquet file, read by Arrow: its columns in types that Schema::to_arrow knows, and its
// records batch by batch.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "source/page_pool.hpp"
#include "source/record_file.hpp"

namespace parquet::arrow {
class FileReader;
}

namespace ringfeed {

class ParquetFile final : public RecordFile {
 public:
  /// Throws Error{kBadData} when it is no Parquet file, or a damaged one.
  explicit ParquetFile(const std::string& path);
  ~ParquetFile() override;
  ParquetFile(const ParquetFile&) = delete;
  ParquetFile& operator=(const ParquetFile&) = delete;

  const std::string& path() const override { return path_; }
  const std::vector<TypedColumn>& columns() const override { return columns_; }
  /// By what the file says of its row groups, decompressed.
  std::uint64_t row_bytes() const override { return row_bytes_; }
  void start(const std::vector<std::size_t>& columns, std::int64_t batch_rows) override;
  arrow::ArrayVector read(RowFaults& faults) override;
  double share_read() const override;

 private:
  void learn_columns();
  void learn_size();
  [[noreturn]] void throw_large_page() const;

  const std::string path_;
  PagePool pages_;  // file_ and batches_ take from it: before them
  std::unique_ptr<parquet::arrow::FileReader> file_;
  std::unique_ptr<arrow::RecordBatchReader> batches_;  // reads from file_: after it
  std::vector<TypedColumn> columns_;
  std::vector<std::shared_ptr<arrow::DataType>> types_;  ///< what to cast each of columns_ to
  std::vector<std::size_t> chosen_;
  std::int64_t samples_ = 0;
  std::int64_t samples_read_ = 0;
  std::uint64_t row_bytes_ = 0;
};

}  // namespace ringfeed
