// Writes a version into any backend: plan, become the only writer, plan again, go on behind what an
// earlier try made durable, cut row groups into parts, publish. Killed at any point, the same
// intent goes on.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <ringfeed/store.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/version_backend.hpp"

namespace ringfeed {

class VersionProtocol final : public VersionWriter {
 public:
  /// `part_bytes`: a run of row groups is sealed when the next one would make it longer; it holds
  /// at least one.
  VersionProtocol(std::unique_ptr<VersionBackend> backend, std::uint64_t part_bytes,
                  const WriteIntent& intent);

  std::uint64_t version() const override { return manifest_.version; }
  bool published() const override { return published_; }
  const std::vector<ColumnPlaces>& groups() const override { return manifest_.groups; }
  std::uint64_t missing() const override;
  std::uint64_t stored_row_groups() const override { return stored_; }
  bool has_row_group(std::uint64_t number) const override;
  void put(std::string_view split, std::span<const Chunk> chunks,
           const std::vector<ColumnRange>& ranges) override;
  void begin_part() override;
  void set_permutation(std::string_view permutation) override;
  Manifest publish() override;

 private:
  bool plan(const WriteIntent& intent);
  /// Of the published version all is written again, or nothing but what is missing.
  bool writes_all() const { return !published_ || plan_.remakes; }
  void recover();
  void open(std::string_view split);
  void seal();

  const std::unique_ptr<VersionBackend> backend_;
  const std::uint64_t part_bytes_;
  VersionPlan plan_;
  Manifest manifest_;  ///< as it will be published; its rows and parts grow
  std::map<std::string, std::uint64_t, std::less<>> runs_of_split_;
  std::uint64_t stored_ = 0;
  std::uint64_t next_ = 0;     ///< row group
  std::optional<RowRun> run_;  ///< that is open
  std::uint64_t run_bytes_ = 0;
  bool keeps_parts_ = false;  ///< begin_part() says where they begin
  bool published_ = false;
};

}  // namespace ringfeed
