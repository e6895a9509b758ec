// /proc/meminfo, the files of cgroups, and the limits of the process.
#include "base/memory.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <ringfeed/error.hpp>
#include <string_view>
#include <utility>

#include "base/file.hpp"

namespace ringfeed {
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

}  // namespace

std::optional<Memory> available_memory(const std::string& root) {
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

}  // namespace ringfeed
