// Writes a version into any backend: plan, become the only writer, plan again, go on behind what an
// earlier try made durable, cut chunks into parts, publish. Killed at any point, the same intent
// goes on.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <ringfeed/store.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "store/version_backend.hpp"

namespace ringfeed {

class VersionProtocol final : public VersionWriter {
 public:
  /// `part_bytes`: a part is sealed when the next chunk would make it longer; it holds at least
  /// one.
  VersionProtocol(std::unique_ptr<VersionBackend> backend, std::uint64_t part_bytes,
                  const WriteIntent& intent);

  std::uint64_t version() const override { return manifest_.version; }
  bool published() const override { return published_; }
  std::uint64_t missing() const override;
  std::uint64_t stored_chunks() const override { return stored_chunks_; }
  bool has_chunk(std::uint64_t number) const override;
  void put(std::string_view split, const Chunk& chunk,
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
  Manifest manifest_;  ///< as it will be published; its parts grow
  std::map<std::string, std::uint64_t, std::less<>> parts_of_split_;
  std::uint64_t stored_chunks_ = 0;
  std::uint64_t next_chunk_ = 0;
  std::uint64_t open_bytes_ = 0;  ///< of the open part
  bool is_open_ = false;          ///< the last part
  bool keeps_parts_ = false;      ///< begin_part() says where they begin
  bool published_ = false;
};

}  // namespace ringfeed
