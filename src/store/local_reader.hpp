// Reads chunks from mapped files: checked on worker threads at each read, handed out without a
// copy.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <ringfeed/store.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.hpp"
#include "base/meter.hpp"
#include "base/thread_pool.hpp"
#include "store/local_layout.hpp"

namespace ringfeed {

/// The file of a part, mapped; `schema` is of its column group. Throws Error{kBadData} when it is
/// missing, not as long as the manifest says, or of other columns; `where` is the manifest's path.
/// Call it, and read the file, under a LostPages.
std::shared_ptr<const MappedFile> map_part(const LocalLayout& layout, const Schema& schema,
                                           const Part& part, std::string_view where);

/// Throws Error{kBadData} unless these bytes of the file have this checksum.
void check_bytes(const MappedFile& file, std::string_view what, std::uint64_t offset,
                 std::uint64_t bytes, std::uint64_t hash);

/// Throws Error{kBadData}: "FILE: chunk 3 (bytes 64 to 128): what; remedy".
[[noreturn]] void throw_damaged(std::string_view path, std::string_view what, std::uint64_t offset,
                                std::uint64_t bytes, std::string_view problem);

/// Of one column group: a block is one of its chunks.
class LocalReader final : public BlockReader {
 public:
  LocalReader(LocalLayout layout, const Manifest& manifest, std::string_view split,
              std::uint32_t group, int workers);
  ~LocalReader() override { closed_ = true; }

  std::span<const BlockInfo> blocks() const override { return blocks_; }
  void read(std::uint64_t number, Done done) override;
  bool has_room() const override { return workers_.is_idle(); }
  void add_meters(Meters& meters) const override { checking_.add_to(meters); }

 private:
  struct Place {
    std::uint32_t part = 0;
    std::uint32_t chunk = 0;  ///< in the part
    std::uint64_t offset = 0;
  };
  std::shared_ptr<const MappedFile> file_of(std::uint32_t part);
  Chunk load(std::uint64_t number);

  const LocalLayout layout_;
  const std::string manifest_path_;
  const Schema schema_;
  const std::shared_ptr<arrow::Schema> arrow_schema_;
  std::vector<Part> parts_;
  std::vector<BlockInfo> blocks_;
  std::vector<Place> places_;
  CheckMeter checking_;
  std::atomic<bool> closed_ = false;                      ///< what waits is not read any more
  std::mutex mutex_;                                      ///< of the two below
  std::vector<std::shared_ptr<const MappedFile>> files_;  ///< by part; null when not mapped
  std::deque<std::uint32_t> mapped_;                      ///< oldest first
  ThreadPool workers_;                                    // last: its tasks use all of the above
};

}  // namespace ringfeed
