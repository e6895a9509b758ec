// The order of writes and syncs is what makes a version appear whole or not at all: data files,
// then their journal line, then the manifest under a name of the work folder, then its rename, then
// the end of the work folder.
#include "store/local_backend.hpp"

#include <arrow/type.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <ringfeed/error.hpp>
#include <set>
#include <string_view>
#include <utility>

#include "base/file.hpp"
#include "base/system_error.hpp"
#include "store/local_store.hpp"

namespace ringfeed {
namespace {

/// Whether a part has such a name: "train-00003.arrow".
bool is_part_name(std::string_view name) {
  constexpr std::string_view kEnd = ".arrow";
  if (!name.ends_with(kEnd)) return false;
  name.remove_suffix(kEnd.size());
  const auto dash = name.rfind('-');
  if (dash == std::string_view::npos || dash == 0) return false;
  const auto digits = name.substr(dash + 1);
  return digits.size() >= 5 && digits.find_first_not_of("0123456789") == std::string_view::npos;
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

LocalBackend::LocalBackend(LocalLayout layout, Store::OnStep on_step)
    : layout_(std::move(layout)), on_step_(std::move(on_step)) {}

LocalBackend::~LocalBackend() {
  if (!published_) give_up();
}

VersionPlan LocalBackend::plan(const WriteIntent& intent) {
  const auto versions = layout_.versions();
  if (!intent.append && versions.empty()) check_folder_is_ours(layout_);
  return plan_version(
      intent, versions, [&](std::uint64_t version) { return read_manifest(layout_, version); },
      layout_.folder());
}

/// Removes what its writer could not, if it was killed behind the last step.
void LocalBackend::look_at_published(const VersionPlan&) {
  const auto names = names_in(layout_.folder());
  if (std::ranges::find(names, LocalLayout::kWork) == names.end()) return;
  try {
    lock_.emplace(layout_);
    const auto version = journal_version(layout_);
    if (!version || *version <= layout_.versions().back()) remove_work();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kConflict) throw;  // another writer is at the next version
  }
  lock_.reset();
}

void LocalBackend::begin(const VersionPlan&) {
  lock_.emplace(layout_);
  step("lock");
}

void LocalBackend::abandon() {
  remove_work();
  lock_.reset();
}

std::vector<RowRun> LocalBackend::recover(Manifest& manifest) {
  version_ = manifest.version;
  parts_name_ = fmt::format("{}/v{}-{:016x}", LocalLayout::kData, manifest.version,
                            manifest.origin.fingerprint);
  for (std::uint32_t group = 0; group < manifest.groups.size(); ++group)
    arrow_schemas_.push_back(manifest.group_schema(group).to_arrow());
  files_.resize(arrow_schemas_.size());
  journal_.emplace(layout_, manifest);
  auto kept = journal_->recover();
  recovered_ = true;
  has_parts_ = !kept.empty();
  remove_leftovers(kept);
  return kept;
}

void LocalBackend::remove_open_parts() const {
  for (const auto& name : layout_.open_parts()) layout_.root().remove(name);
}

/// Only what has the names that writers give: a user may have put other things beside it.
void LocalBackend::remove_leftovers(const std::vector<RowRun>& kept) const {
  const Folder root = layout_.root();
  remove_open_parts();
  root.remove(LocalLayout::kOpenManifest);
  for (const auto removed : numbers_in(layout_.work_folder(), LocalLayout::kRemoved, ".json"))
    root.remove(LocalLayout::removed_name(removed));
  if (!root.has_folder(LocalLayout::kData)) return;
  std::set<std::string, std::less<>> names;
  for (const auto& run : kept) {
    for (const auto& part : run.parts) names.insert(part.name);
  }
  for (const auto& folder : names_in(layout_.data_folder())) {
    std::uint64_t version = 0;
    if (!is_parts_folder(folder, version) || version < version_) continue;
    const std::string name = fmt::format("{}/{}", LocalLayout::kData, folder);
    if (std::filesystem::is_symlink(root.path_of(name))) {
      root.remove(name);
      continue;
    }
    for (const auto& file : names_in(root.path_of(name))) {
      const std::string part = name + "/" + file;
      if (is_part_name(file) && !names.contains(part)) root.remove(part);
    }
    if (kept.empty() || name != parts_name_) root.remove_folder(name);
  }
}

void LocalBackend::open(Part& part, std::uint64_t in_split, std::uint64_t) {
  layout_.root().make_folder(parts_name_);
  auto& file = files_[part.group];
  file = std::make_unique<ArrowFileWriter>(
      layout_.root().path_of(LocalLayout::open_part_name(part.group)), arrow_schemas_[part.group]);
  const std::string group = files_.size() == 1 ? "" : fmt::format("-{}", part.group);
  part.name = fmt::format("{}/{}{}-{:05}.arrow", parts_name_, part.split, group, in_split);
  part.head = file->head();
}

void LocalBackend::append(const Part& part, const Chunk& chunk) { files_[part.group]->add(chunk); }

void LocalBackend::seal(RowRun& run) {
  for (auto& part : run.parts) part.tail = files_[part.group]->finish();
  step("part-written");
  for (const auto& file : files_) file->sync();
  step("part-synced");
  for (auto& part : run.parts) {
    files_[part.group].reset();
    if (layout_.root().rename_if_absent(LocalLayout::open_part_name(part.group), part.name))
      continue;
    throw Error(
        ErrorCode::kConflict,
        fmt::format(
            "{}: the file appeared while this data set was written; remove what else writes here",
            layout_.part_path(part.name, layout_.folder())));
  }
  sync_folder(parts_folder());
  step("part-renamed");
  journal_->append(run);
  has_parts_ = true;
  step("journal-appended");
}

void LocalBackend::link_manifest(const Manifest& manifest) {
  {
    File file = File::create(layout_.open_manifest_path());
    file.write(manifest.text_to_publish());
    step("manifest-written");
    file.sync();
    file.close();
  }
  step("manifest-synced");
  layout_.root().make_folder(LocalLayout::kVersions);
  if (!layout_.root().rename_if_absent(LocalLayout::kOpenManifest,
                                       LocalLayout::manifest_name(manifest.version))) {
    throw Error(
        ErrorCode::kConflict,
        fmt::format("{}: version {} appeared while it was written; remove what else writes here",
                    layout_.folder(), manifest.version));
  }
  published_ = true;
  step("manifest-linked");
}

/// Called again after an error, it does what is left.
void LocalBackend::publish(const Manifest& manifest) {
  if (!published_) link_manifest(manifest);
  try {
    sync_folder(layout_.versions_folder());
  } catch (const Error& error) {
    throw Error(error.code(), error.what(), /*outcome_known=*/false);
  }
  step("folder-synced");
  remove_work();
}

void LocalBackend::remove_work() {
  // The journal first: a work folder without one is known to be of no use to anybody.
  remove_file(layout_.journal_path());
  remove_open_parts();
  remove_file(layout_.open_manifest_path());
  lock_->remove(layout_);
  sync_folder(layout_.folder());
  step("work-removed");
}

void LocalBackend::give_up() noexcept {
  if (!lock_) return;
  // What fails here is taken away by the next try.
  files_.clear();
  if (recovered_) {
    for (const auto& name : layout_.open_parts()) ::unlink(layout_.root().path_of(name).c_str());
    ::unlink(layout_.open_manifest_path().c_str());
    if (has_parts_) return;
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

void LocalBackend::step(std::string_view name) const {
  if (on_step_) on_step_(name);
}

}  // namespace ringfeed
