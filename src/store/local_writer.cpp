// The order of writes and syncs is what makes a version appear whole or not at all: data files,
// then their journal line, then the manifest under a name of the work folder, then its rename, then
// the end of the work folder.
#include "store/local_writer.hpp"

#include <arrow/type.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <ringfeed/error.hpp>
#include <set>
#include <system_error>
#include <utility>

#include "base/file.hpp"
#include "base/system_error.hpp"
#include "store/local_store.hpp"
#include "store/version_plan.hpp"

namespace ringfeed {
namespace {

void remove_all(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) throw_system_error(error.value(), path);
}

/// A folder that has files of its own is not turned into a data set by a mistyped path.
void check_folder_is_ours(const LocalLayout& layout) {
  for (const auto& name : names_in(layout.folder())) {
    if (name != "versions" && name != "data" && name != ".ingest") {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: the folder is no data set and holds other files ({}); name a "
                              "new or an empty folder",
                              layout.folder(), name));
    }
  }
}

void remove_file(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw_system_error(errno, path);
}

}  // namespace

LocalWriter::LocalWriter(LocalLayout layout, std::uint64_t part_bytes, const WriteIntent& intent,
                         Store::OnStep on_step)
    : layout_(std::move(layout)), part_bytes_(part_bytes), on_step_(std::move(on_step)) {
  if (plan(intent)) {
    remove_finished_work();
    return;
  }
  lock_.emplace(layout_);
  try {
    step("lock");
    if (plan(intent)) {  // by the writer that held the lock just before
      remove_work();
      lock_.reset();
      return;
    }
    arrow_schema_ = manifest_.schema.to_arrow();
    recover();
  } catch (...) {
    give_up();
    throw;
  }
}

LocalWriter::~LocalWriter() {
  if (!published_) give_up();
}

bool LocalWriter::plan(const WriteIntent& intent) {
  const auto versions = layout_.versions();
  if (!intent.append && versions.empty()) check_folder_is_ours(layout_);
  auto plan = plan_version(
      intent, versions, [&](std::uint64_t version) { return read_manifest(layout_, version); },
      layout_.folder());
  manifest_ = std::move(plan.manifest);
  base_parts_ = plan.base_parts;
  published_ = plan.published;
  return published_;
}

void LocalWriter::recover() {
  journal_.emplace(layout_, manifest_);
  auto kept = journal_->recover();
  recovered_ = true;
  remove_leftovers(kept);
  for (auto& part : kept) {
    stored_chunks_ += part.chunk_bytes.size();
    ++parts_of_split_[part.split];
    manifest_.parts.push_back(std::move(part));
  }
}

void LocalWriter::remove_leftovers(const std::vector<Part>& kept) const {
  std::set<std::string, std::less<>> paths = {layout_.lock_path(), layout_.journal_path()};
  for (const auto& part : kept) paths.insert(layout_.part_path(part.name, layout_.journal_path()));
  const auto remove_others = [&](const std::string& folder) {
    for (const auto& name : names_in(folder)) {
      const std::string path = folder + "/" + name;
      if (!paths.contains(path)) remove_all(path);
    }
  };
  remove_others(layout_.work_folder());  // which the lock has looked at
  const Folder root = layout_.root();
  if (!root.has_folder(LocalLayout::kData)) return;
  for (const auto& name : names_in(layout_.data_folder())) {
    std::uint64_t version = 0;
    if (!is_parts_folder(name, version) || version < manifest_.version) continue;
    const std::string path = layout_.data_folder() + "/" + name;
    if (path == parts_folder() && root.has_folder(parts_name())) {
      remove_others(path);
    } else {
      remove_all(path);
    }
  }
}

void LocalWriter::begin_part() {
  keeps_parts_ = true;
  if (file_ != nullptr) close_part();
}

void LocalWriter::put(std::string_view split, const Chunk& chunk,
                      const std::vector<ColumnRange>& ranges) {
  if (published_) throw Error(ErrorCode::kInternal, "a chunk is put into a published version");
  if (std::find(manifest_.splits.begin(), manifest_.splits.end(), split) ==
      manifest_.splits.end()) {
    throw Error(ErrorCode::kInternal,
                fmt::format("a chunk is put into split '{}', which was not announced", split));
  }
  const auto bytes = static_cast<std::uint64_t>(chunk.encoded()->size());
  const auto is_full = [&] { return !keeps_parts_ && file_->bytes() + bytes > part_bytes_; };
  if (file_ != nullptr && (file_split_ != split || is_full())) close_part();
  if (file_ == nullptr) open_part(split);
  file_->add(chunk, ranges);
}

void LocalWriter::set_permutation(std::string_view permutation) {
  if (!published_) manifest_.origin.permutation = permutation;
}

Manifest LocalWriter::publish() {
  if (published_) return manifest_;
  if (file_ != nullptr) close_part();
  link_manifest();
  remove_work();
  return manifest_;
}

void LocalWriter::open_part(std::string_view split) {
  layout_.root().make_folder(parts_name());
  file_ = std::make_unique<ArrowFileWriter>(layout_.open_part_path(), arrow_schema_);
  file_split_ = split;
}

void LocalWriter::close_part() {
  file_->finish();
  step("part-written");
  file_->sync();
  step("part-synced");
  Part part = file_->part();
  file_.reset();
  part.split = file_split_;
  part.name =
      fmt::format("{}/{}-{:05}.arrow", parts_name(), file_split_, parts_of_split_[file_split_]++);
  const std::string path = layout_.part_path(part.name, layout_.folder());
  if (!layout_.root().rename_if_absent(LocalLayout::kOpenPart, part.name)) {
    throw Error(
        ErrorCode::kConflict,
        fmt::format(
            "{}: the file appeared while this data set was written; remove what else writes here",
            path));
  }
  sync_folder(parts_folder());
  step("part-renamed");
  journal_->append(part);
  step("journal-appended");
  manifest_.parts.push_back(std::move(part));
}

void LocalWriter::link_manifest() {
  {
    File file = File::create(layout_.open_manifest_path());
    file.write(manifest_.text_to_publish());
    step("manifest-written");
    file.sync();
    file.close();
  }
  step("manifest-synced");
  layout_.root().make_folder(LocalLayout::kVersions);
  if (!layout_.root().rename_if_absent(LocalLayout::kOpenManifest,
                                       LocalLayout::manifest_name(manifest_.version))) {
    throw Error(
        ErrorCode::kConflict,
        fmt::format("{}: version {} appeared while it was written; remove what else writes here",
                    layout_.folder(), manifest_.version));
  }
  published_ = true;
  step("manifest-linked");
  try {
    sync_folder(layout_.versions_folder());
  } catch (const Error& error) {
    throw Error(error.code(), error.what(), /*outcome_known=*/false);
  }
  step("folder-synced");
}

void LocalWriter::remove_work() {
  // The journal first: a work folder without one is known to be of no use to anybody.
  remove_file(layout_.journal_path());
  remove_file(layout_.open_part_path());
  remove_file(layout_.open_manifest_path());
  lock_->remove(layout_);
  sync_folder(layout_.folder());
  step("work-removed");
}

void LocalWriter::remove_finished_work() {
  const auto names = names_in(layout_.folder());
  if (std::find(names.begin(), names.end(), ".ingest") == names.end()) return;
  try {
    lock_.emplace(layout_);
    const auto version = journal_version(layout_);
    if (!version || *version <= layout_.versions().back()) remove_work();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kConflict) throw;  // another writer is at the next version
  }
  lock_.reset();
}

void LocalWriter::give_up() noexcept {
  if (!lock_) return;
  // What fails here is taken away by the next try.
  file_.reset();
  if (recovered_) {
    ::unlink(layout_.open_part_path().c_str());
    ::unlink(layout_.open_manifest_path().c_str());
    if (manifest_.parts.size() > base_parts_) return;
    ::unlink(layout_.journal_path().c_str());
    ::rmdir(parts_folder().c_str());
    ::rmdir(layout_.data_folder().c_str());
    ::rmdir(layout_.versions_folder().c_str());
  } else if (::access(layout_.journal_path().c_str(), F_OK) == 0) {
    return;  // the work of an earlier try, which this one did not come to look at
  }
  try {
    lock_->remove(layout_);
  } catch (const Error&) {
    return;
  }
  if (lock_->made_folder()) ::rmdir(layout_.folder().c_str());
}

void LocalWriter::step(std::string_view name) const {
  if (on_step_) on_step_(name);
}

std::string LocalWriter::parts_name() const {
  return fmt::format("{}/v{}-{:016x}", LocalLayout::kData, manifest_.version,
                     manifest_.origin.fingerprint);
}

std::string LocalWriter::parts_folder() const { return layout_.root().path_of(parts_name()); }

}  // namespace ringfeed
