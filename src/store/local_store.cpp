// Versions, manifests and the check of every byte; reading and writing are in local_reader.cpp and
// local_backend.cpp.
#include "store/local_store.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <ringfeed/error.hpp>
#include <set>
#include <utility>

#include "base/file.hpp"
#include "base/hash.hpp"
#include "dataset/chunk.hpp"
#include "dataset/mapped_buffer.hpp"
#include "dataset/ranges.hpp"
#include "store/group_reader.hpp"
#include "store/local_backend.hpp"
#include "store/local_journal.hpp"
#include "store/local_lock.hpp"
#include "store/local_reader.hpp"
#include "store/version_protocol.hpp"

namespace ringfeed {
namespace {

/// Nothing when it is damaged.
std::optional<Manifest> sound_manifest(const LocalLayout& layout, std::uint64_t version) {
  try {
    return read_manifest(layout, version);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kBadData) throw;
    return std::nullopt;
  }
}

/// Files that a version, or those before it, made and no other one names, below the data set's
/// folder. Its own manifest is not asked, for it may be damaged. What another damaged one may name
/// is left out until that one is removed. Throws Error{kBadData} where a link stands in the way.
std::vector<std::string> parts_of(const LocalLayout& layout, std::uint64_t version) {
  const Folder root = layout.root();
  std::set<std::string, std::less<>> used;
  std::uint64_t unknown_upto = 0;
  for (const auto other : layout.versions()) {
    if (other == version) continue;
    const auto manifest = sound_manifest(layout, other);
    if (!manifest) {
      unknown_upto = other;
      continue;
    }
    for (const auto& part : manifest->parts) used.insert(part.name);
  }
  std::vector<std::string> parts;
  if (!root.has_folder(LocalLayout::kData)) return parts;
  for (const auto& name : names_in(layout.data_folder())) {
    std::uint64_t made_by = 0;
    if (!is_parts_folder(name, made_by) || made_by > version || made_by <= unknown_upto) continue;
    const std::string folder = fmt::format("{}/{}", LocalLayout::kData, name);
    if (!root.has_folder(folder)) continue;
    for (const auto& file : names_in(root.path_of(folder))) {
      std::string part = folder + "/" + file;
      if (file.ends_with(".arrow") && !used.contains(part)) parts.push_back(std::move(part));
    }
  }
  return parts;
}

}  // namespace

LocalStore::LocalStore(std::string folder, LocalStoreOptions options)
    : layout_(std::move(folder)), options_(options) {
  if (options_.part_bytes < 1 || options_.part_bytes > std::uint64_t{1} << 40) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("part_bytes {} is not in 1 to 2^40", options_.part_bytes));
  }
}

std::vector<std::uint64_t> LocalStore::versions() { return layout_.versions(); }

Manifest LocalStore::manifest(std::uint64_t version) { return read_manifest(layout_, version); }

std::unique_ptr<BlockReader> LocalStore::reader(const Manifest& manifest, std::string_view split,
                                                const ColumnPlaces& columns, int workers) {
  return read_groups(
      layout_.manifest_path(manifest.version), manifest, split, columns, [&](std::uint32_t group) {
        return std::make_unique<LocalReader>(layout_, manifest, split, group, workers);
      });
}

std::unique_ptr<VersionWriter> LocalStore::write(const WriteIntent& intent, OnStep on_step) {
  return std::make_unique<VersionProtocol>(
      std::make_unique<LocalBackend>(layout_, std::move(on_step)), options_.part_bytes, intent);
}

std::uint64_t LocalStore::verify(const Manifest& manifest,
                                 const std::function<void(std::uint64_t bytes)>& progress) {
  const std::string path = layout_.manifest_path(manifest.version);
  std::uint64_t checked = 0;
  const auto add = [&](std::uint64_t bytes) {
    checked += bytes;
    if (progress) progress(checked);
  };
  if (read_manifest(layout_, manifest.version) != manifest) {
    throw Error(ErrorCode::kBadData,
                fmt::format("{}: it is not the manifest that was opened; a published version "
                            "never changes: restore it from a copy",
                            path));
  }
  add(layout_.root().open_to_read(LocalLayout::manifest_name(manifest.version)).size());
  for (const auto& part : manifest.parts) verify_part(layout_, manifest, part, path, add);
  return checked;
}

void LocalStore::remove(std::uint64_t version) {
  // The manifest goes first, so that no reader finds half of a version; under another name it says
  // what is still to be removed when this is cut off.
  const Folder root = layout_.root();
  const std::string aside_name = LocalLayout::removed_name(version);
  const std::string aside = root.path_of(aside_name);
  const bool goes_on = ::access(aside.c_str(), F_OK) == 0;
  // Errors before anything is touched.
  root.has_folder(LocalLayout::kVersions);  // and no link
  if (std::filesystem::is_directory(
          std::filesystem::symlink_status(layout_.manifest_path(version)))) {
    throw Error(ErrorCode::kBadData,
                fmt::format("{}: it is a folder, and the manifest of version {} is due there; move "
                            "it away",
                            layout_.manifest_path(version), version));
  }
  if (!goes_on) sound_manifest(layout_, version);
  parts_of(layout_, version);
  LocalLock lock(layout_);
  const auto parts = parts_of(layout_, version);
  if (!goes_on) {
    if (!root.rename_if_absent(LocalLayout::manifest_name(version), aside_name))
      throw Error(ErrorCode::kConflict, fmt::format("{}: the file is in the way", aside));
    sync_folder(layout_.work_folder());
    sync_folder(layout_.versions_folder());
  }
  for (const auto& part : parts) root.remove(part);
  for (const auto& part : parts) root.remove_folder(part.substr(0, part.rfind('/')));
  root.remove(aside_name);
  if (::access(layout_.journal_path().c_str(), F_OK) != 0) lock.remove(layout_);
}

std::vector<std::uint64_t> LocalStore::half_removed() {
  return numbers_in(layout_.work_folder(), LocalLayout::kRemoved, ".json");
}

std::vector<UnfinishedVersion> LocalStore::unfinished() {
  if (!layout_.root().has_folder(LocalLayout::kWork)) return {};
  const auto owner = LockFile::owner(layout_.root(), std::string(LocalLayout::kLock));
  const bool lives = owner && owner->may_live;
  const auto begun = journal_version(layout_);
  if (!lives && !begun && layout_.open_parts().empty()) return {};
  const auto there = versions();
  return {{begun.value_or(there.empty() ? 1 : there.back() + 1), owner ? owner->text : "", lives}};
}

Manifest read_manifest(const LocalLayout& layout, std::uint64_t version) {
  const std::string path = layout.manifest_path(version);
  std::string text;
  try {
    text = layout.root().read_file(LocalLayout::manifest_name(version), kManifestBytesMax);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound) throw;
    const auto versions = layout.versions();
    throw Error(ErrorCode::kNotFound,
                versions.empty()
                    ? fmt::format("{}: there is no data set here; check the path, or ingest one",
                                  layout.folder())
                    : fmt::format("{}: there is no version {}; the versions are {}",
                                  layout.folder(), version, fmt::join(versions, ", ")));
  }
  auto manifest = Manifest::decode(text, path);
  if (manifest.version != version) {
    throw Error(
        ErrorCode::kBadData,
        fmt::format("{}: this is the manifest of version {}; give the file its own name back", path,
                    manifest.version));
  }
  return manifest;
}

void verify_part(const LocalLayout& layout, const Manifest& manifest, const Part& part,
                 std::string_view where, const std::function<void(std::uint64_t bytes)>& progress) {
  const LostPages lost;
  const Schema schema = manifest.group_schema(part.group);
  const auto file = map_part(layout, schema, part, where);
  const auto arrow_schema = schema.to_arrow();
  progress(part.head.bytes);
  std::uint64_t offset = part.head.bytes;
  std::vector<ColumnRange> ranges;
  for (std::size_t i = 0; i < part.chunk_bytes.size(); ++i) {
    const std::uint32_t bytes = part.chunk_bytes[i];
    check_bytes(*file, fmt::format("chunk {}", i), offset, bytes, part.chunk_hash[i]);
    const auto chunk =
        decode_chunk(std::make_shared<MappedBuffer>(file, offset, bytes), arrow_schema,
                     part.chunk_samples[i], fmt::format("{}: chunk {}", file->path(), i));
    widen(ranges, ranges_of_group(*chunk, manifest.schema, manifest.groups[part.group]));
    offset += bytes;
    progress(bytes);
  }
  check_bytes(*file, "tail", offset, part.tail.bytes, part.tail.hash);
  progress(part.tail.bytes);
  lost.check();
  check_ranges(part, ranges, where);
}

}  // namespace ringfeed
