// Versions, manifests and the check of every byte; reading and writing are in local_reader.cpp and
// local_writer.cpp.
#include "store/local_store.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <ringfeed/error.hpp>
#include <set>
#include <utility>

#include "base/file.hpp"
#include "base/hash.hpp"
#include "dataset/chunk.hpp"
#include "dataset/mapped_buffer.hpp"
#include "store/local_lock.hpp"
#include "store/local_reader.hpp"
#include "store/local_writer.hpp"

namespace ringfeed {
namespace {

constexpr std::uint64_t kManifestBytesMax = std::uint64_t{1} << 30;
/// A manifest that was put aside for its removal is "removed-N.json".
constexpr std::string_view kRemoved = "removed-";
constexpr std::string_view kJson = ".json";

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
  add(layout_.root().open_to_read(LocalLayout::manifest_name(manifest.version)).size());
  for (const auto& part : manifest.parts) verify_part(layout_, manifest.schema, part, path, add);
  return checked;
}

void LocalStore::remove(std::uint64_t version) {
  // The manifest goes first, so that no reader finds half of a version; under another name it says
  // what is still to be removed when this is cut off.
  const Folder root = layout_.root();
  const std::string aside_name =
      fmt::format("{}/{}{}{}", LocalLayout::kWork, kRemoved, version, kJson);
  const std::string aside = root.path_of(aside_name);
  const bool goes_on = ::access(aside.c_str(), F_OK) == 0;
  // Its error, and that of a name in it or a link on the way there, before anything is touched.
  const Manifest removed =
      goes_on ? Manifest::decode(root.read_file(aside_name, kManifestBytesMax), aside)
              : read_manifest(layout_, version);
  std::set<std::string> folders;
  for (const auto& part : removed.parts) {
    layout_.part_path(part.name, goes_on ? aside : layout_.manifest_path(version));
    folders.insert(part.name.substr(0, part.name.rfind('/')));
  }
  for (const auto& folder : folders) root.has_folder(folder);
  LocalLock lock(layout_);
  if (!goes_on) {
    if (!rename_if_absent(layout_.manifest_path(version), aside))
      throw Error(ErrorCode::kConflict, fmt::format("{}: the file is in the way", aside));
    sync_folder(layout_.work_folder());
    sync_folder(layout_.versions_folder());
  }
  std::set<std::string, std::less<>> used;
  for (const auto other : layout_.versions()) {
    for (const auto& part : read_manifest(layout_, other).parts) used.insert(part.name);
  }
  for (const auto& part : removed.parts) {
    if (used.contains(part.name)) continue;
    try {
      root.remove(part.name);
    } catch (const Error& error) {  // its folder is gone: an earlier call came that far
      if (error.code() != ErrorCode::kNotFound) throw;
    }
  }
  for (const auto& folder : folders) {  // what is not empty stays
    if (folder != LocalLayout::kData && root.has_folder(folder)) root.remove_folder(folder);
  }
  root.remove(aside_name);
  if (::access(layout_.journal_path().c_str(), F_OK) != 0) lock.remove(layout_);
}

std::vector<std::uint64_t> LocalStore::half_removed() {
  return numbers_in(layout_.work_folder(), kRemoved, kJson);
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
  check_counts(manifest, path);
  return manifest;
}

void verify_part(const LocalLayout& layout, const Schema& schema, const Part& part,
                 std::string_view where, const std::function<void(std::uint64_t bytes)>& progress) {
  const LostPages lost;
  const auto file = map_part(layout, schema, part, where);
  const auto arrow_schema = schema.to_arrow();
  progress(part.head.bytes);
  std::uint64_t offset = part.head.bytes;
  for (std::size_t i = 0; i < part.chunk_bytes.size(); ++i) {
    const std::uint32_t bytes = part.chunk_bytes[i];
    check_bytes(*file, fmt::format("chunk {}", i), offset, bytes, part.chunk_hash[i]);
    const auto chunk =
        decode_chunk(std::make_shared<MappedBuffer>(file, offset, bytes), arrow_schema,
                     part.chunk_samples[i], fmt::format("{}: chunk {}", file->path(), i));
    offset += bytes;
    progress(bytes);
  }
  check_bytes(*file, "tail", offset, part.tail.bytes, part.tail.hash);
  progress(part.tail.bytes);
  lost.check();
}

}  // namespace ringfeed
