// A file of Arrow's own: an IPC stream, as Hugging Face's datasets save, or an IPC file (Feather).
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "source/record_file.hpp"

namespace ringfeed {

/// Its batches stay where they are in the mapped file; what would need memory of its own, a
/// compressed batch, is refused.
class ArrowFile final : public RecordFile {
 public:
  /// Throws Error{kBadData} when it is none, or a damaged one.
  explicit ArrowFile(const std::string& path);
  ~ArrowFile() override;

  const std::string& path() const override { return path_; }
  const std::vector<TypedColumn>& columns() const override { return columns_; }
  std::uint64_t row_bytes() const override { return row_bytes_; }
  void start(const std::vector<std::size_t>& columns, std::int64_t batch_rows) override;
  arrow::ArrayVector read(RowFaults& faults) override;
  double share_read() const override;

 private:
  class Batches;

  const std::string path_;
  const std::shared_ptr<const MappedFile> file_;
  std::unique_ptr<Batches> batches_;
  std::vector<TypedColumn> columns_;
  std::vector<std::shared_ptr<arrow::DataType>> types_;  ///< what to cast each of columns_ to
  std::uint64_t row_bytes_ = 0;
  std::vector<std::size_t> chosen_;
  std::int64_t batch_rows_ = 1;
  std::shared_ptr<arrow::RecordBatch> current_;
  std::int64_t row_ = 0;  ///< of current_, the next
};

/// The files of a folder that Dataset.save_to_disk() of Hugging Face's datasets has made, in their
/// order; none where it is no such folder. Throws Error{kBadData} when its list of them is damaged,
/// or names what is outside of it.
std::vector<std::string> saved_files_in(const std::string& folder);

std::unique_ptr<Source> open_arrow_files(const std::vector<std::string>& files,
                                         const SourceOptions& options);

}  // namespace ringfeed
