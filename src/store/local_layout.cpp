// Paths, and the listing of versions.
#include "store/local_layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <ringfeed/error.hpp>
#include <system_error>

#include "base/system_error.hpp"

namespace ringfeed {
namespace {

/// "part-0.arrow", in the work folder.
constexpr std::string_view kOpenPart = "part-";

}  // namespace

std::string LocalLayout::open_part_name(std::uint32_t group) {
  return fmt::format("{}/{}{}.arrow", kWork, kOpenPart, group);
}

std::vector<std::string> LocalLayout::open_parts() const {
  std::vector<std::string> parts;
  if (!root().has_folder(kWork)) return parts;
  for (const auto& name : names_in(work_folder())) {
    if (name.starts_with(kOpenPart)) parts.push_back(fmt::format("{}/{}", kWork, name));
  }
  return parts;
}

std::string LocalLayout::removed_name(std::uint64_t version) {
  return fmt::format("{}/{}{}.json", kWork, kRemoved, version);
}

std::string LocalLayout::manifest_name(std::uint64_t version) {
  return fmt::format("{}/{}.json", kVersions, version);
}

std::string LocalLayout::manifest_path(std::uint64_t version) const {
  return root().path_of(manifest_name(version));
}

std::string LocalLayout::part_path(std::string_view name, std::string_view where) const {
  if (!is_name_below(name) || !name.starts_with(kData) || name.substr(kData.size(), 1) != "/") {
    throw Error(
        ErrorCode::kBadData,
        fmt::format(
            "{}: the manifest names '{}', which is outside the data set; do not use this data set "
            "unless you know who made it",
            where, name));
  }
  return root().path_of(name);
}

std::vector<std::uint64_t> LocalLayout::versions() const {
  return numbers_in(versions_folder(), "", ".json");
}

bool parse_version_number(std::string_view text, std::uint64_t& number) noexcept {
  if (text.empty() || text[0] == '0') return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

bool is_parts_folder(std::string_view name, std::uint64_t& version) noexcept {
  const auto dash = name.find('-');
  return name.starts_with('v') && dash != std::string_view::npos && name.size() == dash + 17 &&
         parse_version_number(name.substr(1, dash - 1), version);
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error);
  while (!error && entry != std::filesystem::directory_iterator()) {
    names.push_back(entry->path().filename().string());
    entry.increment(error);
  }
  if (error && error != std::errc::no_such_file_or_directory)
    throw_system_error(error.value(), folder);
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::uint64_t> numbers_in(const std::string& folder, std::string_view before,
                                      std::string_view after) {
  std::vector<std::uint64_t> numbers;
  const auto names = names_in(folder);
  for (const std::string_view name : names) {
    if (name.size() <= before.size() + after.size()) continue;
    if (!name.starts_with(before) || !name.ends_with(after)) continue;
    const auto digits = name.substr(before.size(), name.size() - before.size() - after.size());
    std::uint64_t number = 0;
    if (parse_version_number(digits, number)) numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace ringfeed
