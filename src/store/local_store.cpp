// Versions, manifests and the check of every byte; reading and writing are in local_reader.cpp and
// local_writer.cpp.
#include "store/local_store.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <ringfeed/error.hpp>
#include <set>
#include <utility>

#include "base/file.hpp"
#include "base/hash.hpp"
#include "base/system_error.hpp"
#include "store/local_lock.hpp"
#include "store/local_reader.hpp"
#include "store/local_writer.hpp"

namespace ringfeed {
namespace {

/// A manifest that was put aside for its removal is "removed-N.json".
constexpr std::string_view kRemoved = "removed-";
constexpr std::string_view kJson = ".json";

/// Nothing when it is damaged.
std::optional<Manifest> sound_manifest(const LocalLayout& layout, std::uint64_t version) {
  try {
    return read_manifest(layout, version);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kBadData) throw;
    return std::nullopt;
  }
}

/// Removes the files that a version which is no longer published, or those before it, made and no
/// other one names. Its own manifest is not asked, for it may be damaged. What another damaged one
/// may name stays until that one is removed.
void remove_parts(const LocalLayout& layout, std::uint64_t version) {
  std::set<std::string, std::less<>> used;
  std::uint64_t unknown_upto = 0;
  for (const auto other : layout.versions()) {
    const auto manifest = sound_manifest(layout, other);
    if (!manifest) {
      unknown_upto = other;
      continue;
    }
    for (const auto& part : manifest->parts) used.insert(part.name);
  }
  for (const auto& name : names_in(layout.data_folder())) {
    std::uint64_t made_by = 0;
    if (!is_parts_folder(name, made_by) || made_by > version || made_by <= unknown_upto) continue;
    const std::string folder = layout.data_folder() + "/" + name;
    for (const auto& file : names_in(folder)) {
      const std::string path = folder + "/" + file;
      const bool is_used = used.contains(path.substr(layout.folder().size() + 1));
      if (is_used || !file.ends_with(".arrow")) continue;
      if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw_system_error(errno, path);
    }
    ::rmdir(folder.c_str());  // what is not empty stays
  }
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
                                                int workers) {
  return std::make_unique<LocalReader>(layout_, manifest, split, workers);
}

std::unique_ptr<VersionWriter> LocalStore::write(const WriteIntent& intent, OnStep on_step) {
  return std::make_unique<LocalWriter>(layout_, options_.part_bytes, intent, std::move(on_step));
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
  add(File::open_to_read(path).size());
  for (const auto& part : manifest.parts) verify_part(layout_, part, path, add);
  return checked;
}

void LocalStore::remove(std::uint64_t version) {
  // The manifest goes first, so that no reader finds half of a version; under another name it says
  // what is still to be removed when this is cut off.
  const std::string aside =
      fmt::format("{}/{}{}{}", layout_.work_folder(), kRemoved, version, kJson);
  const bool goes_on = ::access(aside.c_str(), F_OK) == 0;
  if (!goes_on) sound_manifest(layout_, version);  // its error, before anything is touched
  LocalLock lock(layout_);
  if (!goes_on) {
    if (!rename_if_absent(layout_.manifest_path(version), aside))
      throw Error(ErrorCode::kConflict, fmt::format("{}: the file is in the way", aside));
    sync_folder(layout_.work_folder());
    sync_folder(layout_.versions_folder());
  }
  remove_parts(layout_, version);
  if (::unlink(aside.c_str()) != 0) throw_system_error(errno, aside);
  if (::access(layout_.journal_path().c_str(), F_OK) != 0) lock.remove(layout_);
}

std::vector<std::uint64_t> LocalStore::half_removed() {
  return numbers_in(layout_.work_folder(), kRemoved, kJson);
}

Manifest read_manifest(const LocalLayout& layout, std::uint64_t version) {
  const std::string path = layout.manifest_path(version);
  std::string text;
  try {
    text = read_file(path, kManifestBytesMax);
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

void verify_part(const LocalLayout& layout, const Part& part, std::string_view where,
                 const std::function<void(std::uint64_t bytes)>& progress) {
  const auto file = map_part(layout, part, where);
  std::uint64_t offset = 0;
  const auto check = [&](std::string_view what, std::uint64_t bytes, std::uint64_t hash) {
    if (!file->is_whole())
      throw_damaged(file->path(), what, offset, bytes, "the file was cut while it was read");
    if (hash_bytes(file->data() + offset, bytes) != hash) {
      throw_damaged(file->path(), what, offset, bytes, "its bytes do not match their checksum");
    }
    offset += bytes;
    progress(bytes);
  };
  check("head", part.head.bytes, part.head.hash);
  for (std::size_t i = 0; i < part.chunk_bytes.size(); ++i) {
    check(fmt::format("chunk {}", i), part.chunk_bytes[i], part.chunk_hash[i]);
  }
  check("tail", part.tail.bytes, part.tail.hash);
}

}  // namespace ringfeed
