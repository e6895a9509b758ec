// Folders of MDS shards, as MosaicML Streaming writes them, as a source.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <ringfeed/source.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.hpp"
#include "source/mds_index.hpp"
#include "source/record_file.hpp"

namespace ringfeed {

/// The bytes of a shard: the number of samples, where each begins and the last ends, what is known
/// of the columns from the index, the samples. A sample has the lengths of its columns that vary,
/// then their values.
class MdsShardReader {
 public:
  /// Throws Error{kBadData} unless the bytes have so many samples, in their order. `columns` and
  /// `bytes` outlive it.
  MdsShardReader(std::string path, const std::vector<MdsColumn>& columns, std::string_view bytes,
                 std::uint64_t samples);

  std::uint64_t samples() const noexcept { return samples_; }
  std::uint64_t read() const noexcept { return read_; }

  /// As RecordFile::read().
  arrow::ArrayVector next(const std::vector<std::size_t>& chosen, std::int64_t rows_max,
                          RowFaults& faults);

 private:
  std::uint32_t number_at(std::uint64_t at) const noexcept;
  std::string values_of(std::string_view sample, std::vector<std::string_view>& values) const;

  const std::string path_;
  const std::vector<MdsColumn>& columns_;
  const std::string_view bytes_;
  const std::uint64_t samples_;
  std::uint64_t read_ = 0;
};

/// The shard files of each folder, by its index.json.
std::unique_ptr<Source> open_mds(const std::vector<std::string>& folders,
                                 const SourceOptions& options);

/// Whether there is an index.json in the folder.
bool is_mds_folder(const std::string& folder);

}  // namespace ringfeed
