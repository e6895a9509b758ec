// Tar archives as WebDataset reads them, as a source: files of one name before its first dot are a
// sample, what is behind that dot is a column.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <ringfeed/source.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "source/projection.hpp"
#include "source/raw_values.hpp"
#include "source/tar.hpp"

namespace ringfeed {

/// Where the key of a sample ends: "a/b.seg.png" is the part "seg.png" of the sample "a/b".
struct WebDatasetName {
  std::string key;
  std::string part;  ///< in lower case
};

/// Nothing for a file that WebDataset passes over: without a dot, hidden, or one of its own
/// (`__meta__`).
std::optional<WebDatasetName> parse_webdataset_name(std::string_view path);

/// The files of one sample, in their order.
struct WebDatasetSample {
  std::string key;
  std::vector<std::pair<std::string, std::string>> parts;  ///< name and bytes
  std::string fault;  ///< what is wrong with it; the parts are then not whole
};

/// The samples of an archive.
class WebDatasetReader {
 public:
  /// Takes the bytes of the parts in `wanted` alone; null: of all.
  WebDatasetReader(std::string path, TarReader::Read read,
                   const std::unordered_set<std::string>* wanted);

  /// Nothing at the end. Throws Error{kBadData} for an archive that is damaged.
  std::optional<WebDatasetSample> next();

 private:
  bool find_next();

  TarReader tar_;
  const std::unordered_set<std::string>* const wanted_;
  std::optional<WebDatasetName> found_;     ///< of the file at which the archive is
  std::unordered_set<std::uint64_t> keys_;  ///< hashes of those that were met
  bool has_ended_ = false;
};

/// What the parts of one name become: text, a whole number, a tensor, or the bytes that they are.
struct WebDatasetColumn {
  ColumnSpec spec;
  std::optional<RawArray> array = {};  ///< of .npy files
};

/// The columns that samples like this one have: the key, then the parts. Throws Error{kBadData} for
/// a .npy file that cannot be held.
std::vector<WebDatasetColumn> columns_of(const WebDatasetSample& sample);

/// The archives are shards; the first sample of the first says what the columns are.
std::unique_ptr<Source> open_webdataset(const std::vector<std::string>& paths,
                                        const SourceOptions& options);

}  // namespace ringfeed
