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
  for (auto& part : backend_->recover(manifest_)) {
    stored_chunks_ += part.chunk_bytes.size();
    ++parts_of_split_[part.split];
    manifest_.parts.push_back(std::move(part));
  }
  next_chunk_ = stored_chunks_;
}

std::uint64_t VersionProtocol::missing() const {
  return backend_->missing().size() + (plan_.remakes ? 1 : 0);
}

bool VersionProtocol::has_chunk(std::uint64_t number) const {
  if (writes_all()) return number < stored_chunks_;
  return !std::ranges::binary_search(backend_->missing(), number);
}

void VersionProtocol::begin_part() {
  keeps_parts_ = true;
  if (is_open_) seal();
}

void VersionProtocol::put(std::string_view split, const Chunk& chunk,
                          const std::vector<ColumnRange>& ranges) {
  if (!writes_all()) return backend_->put_back(chunk);
  if (std::ranges::find(manifest_.splits, split) == manifest_.splits.end()) {
    throw Error(ErrorCode::kInternal,
                fmt::format("a chunk is put into split '{}', which was not announced", split));
  }
  const auto bytes = static_cast<std::uint64_t>(chunk.encoded()->size());
  if (is_open_) {
    const bool is_full = !keeps_parts_ && open_bytes_ + bytes > part_bytes_;
    if (is_full || manifest_.parts.back().split != split) seal();
  }
  if (!is_open_) open(split);
  backend_->append(chunk);
  Part& part = manifest_.parts.back();
  part.chunk_samples.push_back(chunk.samples());
  part.chunk_bytes.push_back(static_cast<std::uint32_t>(bytes));
  part.chunk_hash.push_back(chunk.hash());
  widen(part.ranges, ranges);
  open_bytes_ += bytes;
  ++next_chunk_;
}

void VersionProtocol::open(std::string_view split) {
  Part part;
  part.split = split;
  backend_->open(part, parts_of_split_[part.split]++, next_chunk_);
  open_bytes_ = part.head.bytes;
  manifest_.parts.push_back(std::move(part));
  is_open_ = true;
}

void VersionProtocol::seal() {
  backend_->seal(manifest_.parts.back());
  is_open_ = false;
}

void VersionProtocol::set_permutation(std::string_view permutation) {
  if (writes_all()) manifest_.origin.permutation = permutation;
}

Manifest VersionProtocol::publish() {
  if (published_ && missing() == 0) return manifest_;
  if (is_open_) seal();
  if (published_) {
    backend_->publish_repaired(manifest_, plan_.remakes);
  } else {
    backend_->publish(manifest_);
    published_ = true;
  }
  return manifest_;
}

}  // namespace ringfeed
