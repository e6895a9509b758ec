// Limits, shared memory and folders.
#include "doctor/host.hpp"

#include <fmt/format.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <ringfeed/error.hpp>
#include <string_view>
#include <utility>

#include "base/file.hpp"
#include "base/memory.hpp"

namespace ringfeed::doctor {
namespace {

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

/// Without either variable a run lets them sleep (cli/train_library.cpp).
std::string what_lets_threads_spin() {
  const char* const policy = std::getenv("OMP_WAIT_POLICY");
  if (policy != nullptr && ::strcasecmp(policy, "active") == 0)
    return fmt::format("OMP_WAIT_POLICY={}", policy);
  const char* const count = std::getenv("GOMP_SPINCOUNT");
  const bool spins = count != nullptr && std::string_view(count) != "0";
  return spins ? fmt::format("GOMP_SPINCOUNT={}", count) : "";
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

HostFacts look_at_host(const std::optional<std::string>& cache_dir,
                       const std::optional<std::string>& index_dir) {
  HostFacts facts;
  struct rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) facts.descriptors_max = limit.rlim_cur;
  facts.shared_memory = space_of("/dev/shm");
  facts.spinning = what_lets_threads_spin();
  if (const auto memory = available_memory()) {
    facts.memory_bytes_available = memory->bytes_available;
    facts.memory_bound_by = memory->bound_by;
  }
  if (cache_dir) facts.cache = look_at_folder(*cache_dir);
  if (index_dir) facts.index = look_at_folder(*index_dir);
  return facts;
}

}  // namespace ringfeed::doctor
