// The order of the calls is what makes a version appear whole or not at all: a part is sealed
// before the next one is opened, all are sealed before the version is published.
#include "store/version_protocol.hpp"

#include <arrow/buffer.h>
#include <fmt/format.h>

#include <algorithm>
#include <ringfeed/error.hpp>
#include <utility>

#include "dataset/ranges.hpp"

namespace ringfeed {

VersionProtocol::VersionProtocol(std::unique_ptr<VersionBackend> backend, std::uint64_t part_bytes,
                                 const WriteIntent& intent)
    : backend_(std::move(backend)), part_bytes_(part_bytes) {
  if (!plan(intent)) {
    backend_->begin(plan_);
    if (plan(intent)) backend_->abandon();  // another writer published it in between
  }
  if (writes_all()) {
    recover();
  } else {
    backend_->look_at_published(plan_);
  }
}

bool VersionProtocol::plan(const WriteIntent& intent) {
  plan_ = backend_->plan(intent);
  manifest_ = plan_.manifest;
  published_ = plan_.published;
  return published_;
}

void VersionProtocol::recover() {
  for (auto& run : backend_->recover(manifest_)) {
    stored_ += run.rows.size();
    ++runs_of_split_[run.split];
    add_run(manifest_, std::move(run));
  }
  next_ = stored_;
}

std::uint64_t VersionProtocol::missing() const {
  return backend_->missing().size() + (plan_.remakes ? 1 : 0);
}

bool VersionProtocol::has_row_group(std::uint64_t number) const {
  if (writes_all()) return number < stored_;
  return !std::ranges::binary_search(backend_->missing(), number);
}

void VersionProtocol::begin_part() {
  keeps_parts_ = true;
  if (run_) seal();
}

void VersionProtocol::put(std::string_view split, std::span<const Chunk> chunks,
                          const std::vector<ColumnRange>& ranges) {
  if (chunks.size() != manifest_.groups.size()) {
    throw Error(ErrorCode::kInternal, fmt::format("{} chunks are put for {} column groups",
                                                  chunks.size(), manifest_.groups.size()));
  }
  if (!writes_all()) return backend_->put_back(chunks);
  if (std::ranges::find(manifest_.splits, split) == manifest_.splits.end()) {
    throw Error(ErrorCode::kInternal,
                fmt::format("a chunk is put into split '{}', which was not announced", split));
  }
  std::uint64_t bytes = 0;
  for (const auto& chunk : chunks) bytes += static_cast<std::uint64_t>(chunk.encoded()->size());
  if (run_) {
    const bool is_full = !keeps_parts_ && run_bytes_ + bytes > part_bytes_;
    if (is_full || run_->split != split) seal();
  }
  if (!run_) open(split);
  for (std::size_t group = 0; group < chunks.size(); ++group) {
    const Chunk& chunk = chunks[group];
    Part& part = run_->parts[group];
    backend_->append(part, chunk);
    part.chunk_samples.push_back(chunk.samples());
    part.chunk_bytes.push_back(static_cast<std::uint32_t>(chunk.encoded()->size()));
    part.chunk_hash.push_back(chunk.hash());
    widen(part.ranges, ranges_in(ranges, manifest_.groups[group]));
  }
  run_->rows.push_back(chunks[0].samples());
  run_bytes_ += bytes;
  ++next_;
}

void VersionProtocol::open(std::string_view split) {
  RowRun run{std::string(split), {}, std::vector<Part>(manifest_.groups.size())};
  const std::uint64_t in_split = runs_of_split_[run.split]++;
  run_bytes_ = 0;
  for (std::uint32_t group = 0; group < run.parts.size(); ++group) {
    Part& part = run.parts[group];
    part.split = split;
    part.group = group;
    backend_->open(part, in_split, next_);
    run_bytes_ += part.head.bytes;
  }
  run_ = std::move(run);
}

void VersionProtocol::seal() {
  backend_->seal(*run_);
  add_run(manifest_, *std::exchange(run_, std::nullopt));
}

void VersionProtocol::set_permutation(std::string_view permutation) {
  if (writes_all()) manifest_.origin.permutation = permutation;
}

Manifest VersionProtocol::publish() {
  if (published_ && missing() == 0) return manifest_;
  if (run_) seal();
  if (manifest_.lineage == 0) manifest_.lineage = manifest_.new_lineage();
  if (published_) {
    backend_->publish_repaired(manifest_, plan_.remakes);
  } else {
    backend_->publish(manifest_);
    published_ = true;
  }
  return manifest_;
}

}  // namespace ringfeed
