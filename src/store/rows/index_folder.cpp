// ROOT/CLUSTER/KEYSPACE/TABLE/vN.json; what is no letter, digit, '_' or '-' in a name is written as
// %XX.
#include "store/rows/index_folder.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <ringfeed/error.hpp>

#include "base/file.hpp"
#include "base/folder.hpp"
#include "base/option.hpp"

namespace ringfeed::rows {
namespace {

std::string escaped(std::string_view name) {
  std::string text;
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '-';
    text += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return text;
}

std::string unescaped(std::string_view text) {
  std::string name;
  for (std::size_t i = 0; i < text.size(); ++i) {
    int code = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, code, 16).ptr ==
            text.data() + i + 3) {
      name += static_cast<char>(code);
      i += 2;
    } else {
      name += text[i];
    }
  }
  return name;
}

std::optional<std::string> environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string>(value);
}

/// 3 of "v3.json"; 0: it is no name of an index.
std::uint64_t version_of(std::string_view name) {
  if (!name.starts_with('v') || !name.ends_with(".json")) return 0;
  const auto digits = name.substr(1, name.size() - 6);
  std::uint64_t version = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), version);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  return whole && fmt::format("{}", version) == digits ? version : 0;
}

std::string name_of(std::uint64_t version) { return fmt::format("v{}.json", version); }

/// Names in a folder; none when it is not there.
std::vector<std::string> names_in_folder(const std::string& path) {
  std::error_code error;
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path, error))
    names.push_back(entry.path().filename().string());
  if (error && error != std::errc::no_such_file_or_directory)
    throw Error(ErrorCode::kPermission, fmt::format("{}: {}", path, error.message()));
  return names;
}

}  // namespace

std::string index_root(const std::optional<std::string>& chosen) {
  if (chosen) return *chosen;
  if (auto folder = environment("RINGFEED_INDEX")) return *folder;
  if (const auto data = environment("XDG_DATA_HOME")) return *data + "/ringfeed/index";
  if (const auto home = environment("HOME")) return *home + "/.local/share/ringfeed/index";
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("there is no place for the index of a row table: HOME is not set; name one "
                  "with {}",
                  option_name("index")));
}

IndexFolder::IndexFolder(const std::string& root, std::string_view cluster,
                         std::string_view keyspace, std::string_view table)
    : path_(fmt::format("{}/{}/{}/{}", root, escaped(cluster), escaped(keyspace), escaped(table))) {
  check_is_no_file(root);
}

std::string IndexFolder::path_of(std::uint64_t version) const {
  return Folder(path_).path_of(name_of(version));
}

std::vector<std::uint64_t> IndexFolder::versions() const {
  std::vector<std::uint64_t> versions;
  for (const auto& name : names_in_folder(path_)) {
    if (const auto version = version_of(name); version > 0) versions.push_back(version);
  }
  std::sort(versions.begin(), versions.end());
  return versions;
}

RowIndex IndexFolder::read(std::uint64_t version) const {
  const std::string path = path_of(version);
  auto index = RowIndex::decode(Folder(path_).read_file(name_of(version), kIndexBytesMax), path);
  if (index.version == version) return index;
  throw Error(ErrorCode::kBadData,
              fmt::format("{}: it is the index of version {}; remove it and attach the table again",
                          path, index.version));
}

void IndexFolder::add(RowIndex& index) const {
  make_folders(path_);
  const auto there = versions();
  index.version = there.empty() ? 1 : there.back() + 1;
  const Folder folder(path_);
  // Another attach may take the same number: each keeps its own.
  while (true) {
    const std::string temporary = fmt::format(".v.json.{}", random_name());
    File file = folder.create_new(temporary, path_of(index.version));
    try {
      file.write(index.text_to_publish());
      file.sync();
      if (folder.rename_if_absent(temporary, name_of(index.version))) break;
      folder.remove(temporary);
    } catch (...) {
      folder.remove(temporary);
      throw;
    }
    ++index.version;
  }
  sync_folder(path_);
}

void IndexFolder::remove(std::uint64_t version) const {
  const std::string path = path_of(version);
  if (::unlink(path.c_str()) != 0) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}: there is no version {} of the index", path, version));
  }
  sync_folder(path_);
}

std::vector<std::string> attached_tables(const std::string& root, std::string_view cluster,
                                         std::string_view keyspace) {
  const std::string folder = fmt::format("{}/{}/{}", root, escaped(cluster), escaped(keyspace));
  std::vector<std::string> tables;
  for (const auto& name : names_in_folder(folder)) {
    const std::string table = unescaped(name);
    if (!IndexFolder(root, cluster, keyspace, table).versions().empty()) tables.push_back(table);
  }
  std::sort(tables.begin(), tables.end());
  return tables;
}

}  // namespace ringfeed::rows
