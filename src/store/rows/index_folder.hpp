// Where the indexes of a row table are kept: a folder of this machine with a file per version.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/rows/index.hpp"

namespace ringfeed::rows {

/// The folder that holds those of all tables: `chosen`, else $RINGFEED_INDEX, else
/// $XDG_DATA_HOME/ringfeed/index, else ~/.local/share/ringfeed/index. Throws
/// Error{kInvalidArgument} when none of them is there to say.
std::string index_root(const std::optional<std::string>& chosen);

class IndexFolder {
 public:
  IndexFolder(const std::string& root, std::string_view cluster, std::string_view keyspace,
              std::string_view table);

  const std::string& path() const noexcept { return path_; }
  std::string path_of(std::uint64_t version) const;

  /// Ascending; empty when there is no folder.
  std::vector<std::uint64_t> versions() const;
  /// Throws Error: kNotFound, kBadData.
  RowIndex read(std::uint64_t version) const;
  /// Whole or not at all, as the version after the newest, which is set in the index.
  void add(RowIndex& index) const;
  /// Throws Error{kNotFound}.
  void remove(std::uint64_t version) const;

 private:
  std::string path_;
};

/// Tables of this keyspace that have an index, sorted.
std::vector<std::string> attached_tables(const std::string& root, std::string_view cluster,
                                         std::string_view keyspace);

}  // namespace ringfeed::rows
