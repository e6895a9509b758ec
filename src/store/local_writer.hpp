// Writes one version of a local data set; killed at any point, the same intent goes on behind the
// last finished file.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <ringfeed/store.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "store/arrow_file.hpp"
#include "store/local_journal.hpp"
#include "store/local_layout.hpp"
#include "store/local_lock.hpp"

namespace ringfeed {

class LocalWriter final : public VersionWriter {
 public:
  LocalWriter(LocalLayout layout, std::uint64_t part_bytes, const WriteIntent& intent,
              Store::OnStep on_step);
  /// Takes away what no next try could use; what is finished stays.
  ~LocalWriter() override;
  LocalWriter(const LocalWriter&) = delete;
  LocalWriter& operator=(const LocalWriter&) = delete;

  std::uint64_t version() const override { return manifest_.version; }
  bool published() const override { return published_; }
  std::uint64_t stored_chunks() const override { return stored_chunks_; }
  void put(std::string_view split, const Chunk& chunk,
           const std::vector<ColumnRange>& ranges) override;
  void begin_part() override;
  void set_permutation(std::string_view permutation) override;
  Manifest publish() override;

 private:
  /// Fills manifest_; true when what is intended is published already. Throws when it cannot be.
  bool plan(const WriteIntent& intent);
  void recover();
  void remove_leftovers(const std::vector<Part>& kept) const;
  void open_part(std::string_view split);
  void close_part();
  void link_manifest();
  void remove_work();
  void remove_finished_work();
  void give_up() noexcept;
  void step(std::string_view name) const;
  std::string parts_name() const;  ///< of the folder of this version's files, below the data set's
  std::string parts_folder() const;

  const LocalLayout layout_;
  const std::uint64_t part_bytes_;
  const Store::OnStep on_step_;
  Manifest manifest_;           ///< as it will be published; its parts grow
  std::size_t base_parts_ = 0;  ///< those of the version that is appended to
  std::shared_ptr<arrow::Schema> arrow_schema_;
  std::optional<LocalLock> lock_;
  std::optional<LocalJournal> journal_;
  std::map<std::string, std::uint64_t, std::less<>> parts_of_split_;
  std::unique_ptr<ArrowFileWriter> file_;
  std::string file_split_;
  bool keeps_parts_ = false;  ///< begin_part() says where they begin
  std::uint64_t stored_chunks_ = 0;
  bool recovered_ = false;  ///< what an earlier try left is known
  bool published_ = false;
};

}  // namespace ringfeed
