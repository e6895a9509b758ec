// The files of one version of a local data set while it is written; killed at any point, what the
// journal names is found by the next try.
#pragma once

#include <cstdint>
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
#include "store/version_backend.hpp"

namespace ringfeed {

class LocalBackend final : public VersionBackend {
 public:
  LocalBackend(LocalLayout layout, Store::OnStep on_step);
  /// Takes away what no next try could use; what is finished stays.
  ~LocalBackend() override;
  LocalBackend(const LocalBackend&) = delete;
  LocalBackend& operator=(const LocalBackend&) = delete;

  VersionPlan plan(const WriteIntent& intent) override;
  void look_at_published(const VersionPlan& plan) override;
  void begin(const VersionPlan& plan) override;
  void abandon() override;
  std::vector<RowRun> recover(Manifest& manifest) override;
  void open(Part& part, std::uint64_t in_split, std::uint64_t first_row_group) override;
  void append(const Part& part, const Chunk& chunk) override;
  void seal(RowRun& run) override;
  void publish(const Manifest& manifest) override;

 private:
  void remove_leftovers(const std::vector<RowRun>& kept) const;
  void remove_open_parts() const;
  void link_manifest(const Manifest& manifest);
  void remove_work();
  void give_up() noexcept;
  void step(std::string_view name) const;
  std::string parts_folder() const { return layout_.root().path_of(parts_name_); }

  const LocalLayout layout_;
  const Store::OnStep on_step_;
  std::uint64_t version_ = 0;  ///< once recover() has begun
  std::string parts_name_;     ///< of the folder of this version's files, below the data set's
  std::vector<std::shared_ptr<arrow::Schema>> arrow_schemas_;  ///< of the column groups
  std::optional<LocalLock> lock_;
  std::optional<LocalJournal> journal_;
  std::vector<std::unique_ptr<ArrowFileWriter>> files_;  ///< of the column groups
  bool recovered_ = false;                               ///< what an earlier try left is known
  bool has_parts_ = false;                               ///< in the journal
  bool published_ = false;
};

}  // namespace ringfeed
