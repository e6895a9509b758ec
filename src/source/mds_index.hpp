// index.json of a folder of MDS shards (MosaicML Streaming, format version 2).
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "source/projection.hpp"

namespace ringfeed {

/// Longest index.json that is read.
inline constexpr std::uint64_t kMdsIndexBytesMax = std::uint64_t{64} << 20;

/// A column by its encoding.
struct MdsColumn {
  TypedColumn column;
  /// Of the values in a shard, before they are cast to what the column is held as; null where there
  /// is a refusal.
  std::shared_ptr<arrow::DataType> type;
  bool has_shape = false;          ///< an array of one dimension, whose length stands before it
  std::uint64_t sample_bytes = 0;  ///< 0: it varies, and stands before the values of a sample
};

struct MdsShard {
  std::string name;  ///< of the file, without a folder
  std::uint64_t bytes = 0;
  std::uint64_t samples = 0;
};

struct MdsIndex {
  std::vector<MdsColumn> columns;
  std::vector<MdsShard> shards;
};

/// All shards have the same columns. Throws Error{kBadData} that begins with `where` for anything
/// else, for compressed shards, and for names that are not of files in the folder.
MdsIndex parse_mds_index(std::string_view text, const std::string& where);

}  // namespace ringfeed
