// Limits, memory, shared memory and folders.
#include "doctor/host.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <ringfeed/error.hpp>
#include <utility>

#include "base/file.hpp"

namespace ringfeed::doctor {
namespace {

constexpr std::uint64_t kSystemFileBytesMax = std::uint64_t{1} << 20;

/// Files of /proc and /sys say 0 as their size, and may be missing.
std::optional<std::string> system_file(const std::string& path) {
  try {
    File file = File::open_to_read(path);
    std::string text(kSystemFileBytesMax, '\0');
    std::size_t size = 0;
    while (const auto count = file.read(text.data() + size, text.size() - size)) size += count;
    text.resize(size);
    return text;
  } catch (const Error&) {
    return std::nullopt;
  }
}

/// The number behind `name` at the start of a line; without a name that at the start.
std::optional<std::uint64_t> number_in(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size() - 1);
    auto line = text.substr(0, end + 1);
    text.remove_prefix(end + 1);
    if (!line.starts_with(name)) continue;
    line.remove_prefix(name.size());
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    std::uint64_t number = 0;
    if (std::from_chars(line.data(), line.data() + line.size(), number).ec == std::errc())
      return number;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> number_of(const std::optional<std::string>& text,
                                       std::string_view name = "") {
  return text ? number_in(*text, name) : std::nullopt;
}

/// Of the group and those above it, the one with the least left. Version 2 of cgroups, then 1.
void bound_by_cgroup(const std::string& root, Memory& memory) {
  const auto groups = system_file(root + "/proc/self/cgroup");
  if (!groups) return;
  std::string_view rest = *groups;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size());
    const auto line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const bool is_2 = line.starts_with("0::");
    const auto memory_at = line.find(":memory:");
    if (!is_2 && memory_at == std::string_view::npos) continue;
    const std::string tree = root + "/sys/fs/cgroup" + (is_2 ? "" : "/memory");
    std::string group(is_2 ? line.substr(3) : line.substr(memory_at + 8));
    while (true) {
      const std::string folder = tree + (group == "/" ? "" : group);
      const auto bound =
          number_of(system_file(folder + (is_2 ? "/memory.max" : "/memory.limit_in_bytes")));
      const auto taken =
          number_of(system_file(folder + (is_2 ? "/memory.current" : "/memory.usage_in_bytes")));
      if (bound && taken) {
        // The page cache is given back when memory is asked for.
        const auto cached = number_of(system_file(folder + "/memory.stat"),
                                      is_2 ? "inactive_file " : "total_inactive_file ")
                                .value_or(0);
        const std::uint64_t used = *taken - std::min(*taken, cached);
        const std::uint64_t left = *bound - std::min(*bound, used);
        if (left < memory.bytes_available) memory = {left, "cgroup " + group};
      }
      if (group.size() <= 1) break;
      group.resize(std::max<std::size_t>(group.rfind('/'), 1));
    }
  }
}

/// By the numbers of statfs(2).
std::string type_of(const struct statfs& status) {
  static constexpr std::array<std::pair<std::uint32_t, const char*>, 14> kTypes = {{
      {0xEF53, "ext4"},
      {0x58465342, "xfs"},
      {0x9123683E, "btrfs"},
      {0x2FC12FC1, "zfs"},
      {0x01021994, "tmpfs"},
      {0x794C7630, "overlay"},
      {0x6969, "nfs"},
      {0xFF534D42, "cifs"},
      {0xFE534D42, "smb2"},
      {0x65735546, "fuse"},
      {0x0BD00BD0, "lustre"},
      {0x00C36400, "ceph"},
      {0x47504653, "gpfs"},
      {0x01021997, "9p"},
  }};
  for (const auto& [number, name] : kTypes) {
    if (static_cast<std::uint32_t>(status.f_type) == number) return name;
  }
  return "";
}

std::optional<Space> space_of(const std::string& path) {
  struct statfs type{};
  struct statvfs space{};
  if (::statfs(path.c_str(), &type) != 0 || ::statvfs(path.c_str(), &space) != 0)
    return std::nullopt;
  return Space{type_of(type), std::uint64_t{space.f_blocks} * space.f_frsize,
               std::uint64_t{space.f_bavail} * space.f_frsize};
}

}  // namespace

FolderFacts look_at_folder(const std::string& path) {
  FolderFacts facts{.path = path};
  std::error_code error;
  std::filesystem::path place = std::filesystem::absolute(path, error);
  facts.is_there = std::filesystem::exists(place, error) && !error;
  while (!std::filesystem::exists(place, error) && place.has_relative_path())
    place = place.parent_path();
  facts.space = space_of(place.string());
  try {
    File::create_unnamed(place.string());
  } catch (const Error& refused) {
    facts.refusal = refused.what();
  }
  return facts;
}

std::optional<Memory> look_at_memory(const std::string& root) {
  const auto kibibytes = number_of(system_file(root + "/proc/meminfo"), "MemAvailable:");
  if (!kibibytes) return std::nullopt;
  Memory memory{*kibibytes * 1024, "the machine"};
  bound_by_cgroup(root, memory);
  struct rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
      limit.rlim_cur < memory.bytes_available)
    memory = {limit.rlim_cur, "ulimit -v"};
  return memory;
}

HostFacts look_at_host(const std::optional<std::string>& cache_dir,
                       const std::optional<std::string>& index_dir) {
  HostFacts facts;
  struct rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) facts.descriptors_max = limit.rlim_cur;
  facts.shared_memory = space_of("/dev/shm");
  if (const auto memory = look_at_memory()) {
    facts.memory_bytes_available = memory->bytes_available;
    facts.memory_bound_by = memory->bound_by;
  }
  if (cache_dir) facts.cache = look_at_folder(*cache_dir);
  if (index_dir) facts.index = look_at_folder(*index_dir);
  return facts;
}

}  // namespace ringfeed::doctor
