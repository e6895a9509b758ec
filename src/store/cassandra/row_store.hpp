// A row table as a data set: its versions are its indexes, which lie in a folder of this machine.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <ringfeed/row_table.hpp>
#include <ringfeed/store.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "store/cassandra/row_reader.hpp"
#include "store/rows/index_folder.hpp"

namespace ringfeed::cassandra {

class RowStore final : public Store {
 public:
  /// `to_fill`: write() makes and fills the table, which need not exist before.
  RowStore(std::shared_ptr<const cql::Session> session, const Url& url,
           const ConnectionOptions& options, bool to_fill);

  /// Throws Error{kNotFound} with the line that attaches the table when it is not attached.
  std::vector<std::uint64_t> versions() override;
  Manifest manifest(std::uint64_t version) override;
  std::unique_ptr<BlockReader> reader(const Manifest& manifest, std::string_view split,
                                      const ColumnPlaces& columns, int workers) override;
  std::unique_ptr<VersionWriter> write(const WriteIntent& intent, OnStep on_step) override;
  /// Reads every row, and looks for rows outside of all blocks.
  std::uint64_t verify(const Manifest& manifest,
                       const std::function<void(std::uint64_t bytes)>& progress) override;
  /// Removes an index; the table stays as it is.
  void remove(std::uint64_t version) override;
  bool is_immutable() const override { return false; }

  /// There is an index, of a table that may be gone.
  bool is_attached();
  /// Makes a new version.
  AttachResult attach(const AttachOptions& options);

 private:
  const RowTable& table();
  rows::IndexFolder folder();
  void check_version(std::uint64_t version);
  std::shared_ptr<const rows::RowIndex> index(std::uint64_t version);
  std::uint64_t rows_there(const rows::RowIndex& index);
  void check_stored(const rows::RowIndex& index, std::uint64_t rows) const;
  AttachResult add(rows::RowIndex index);
  RowSource source(std::shared_ptr<const rows::RowIndex> index) const;

  const std::shared_ptr<const cql::Session> session_;
  const Url url_;
  const ConnectionOptions options_;
  const bool to_fill_;
  const std::string where_;
  std::string cluster_;                    ///< read when it is first needed
  std::shared_ptr<const RowTable> table_;  ///< likewise
  std::shared_ptr<RowConsistency> consistency_;
  std::shared_ptr<RowConsistency> write_consistency_;  ///< the same unless one was asked for
};

}  // namespace ringfeed::cassandra
