// What a writer is to make: the next version's manifest as far as it is known at the start. The
// same for every store.
#pragma once

#include <cstdint>
#include <functional>
#include <ringfeed/store.hpp>
#include <span>
#include <string_view>

namespace ringfeed {

struct VersionPlan {
  Manifest manifest;           ///< without the new parts; its version is one more than the newest
  std::size_t base_parts = 0;  ///< those of the version that is appended to
  bool published = false;      ///< `manifest` is that of the version which is intended
  bool remakes = false;        ///< it is lost: all of the published version is written again
};

/// `versions` are the published ones, ascending; `read` gives the manifest of one. `where` starts
/// the messages. Throws Error: kConflict (other data are there), kNotFound (nothing to append to),
/// kInvalidArgument (other columns are appended).
VersionPlan plan_version(const WriteIntent& intent, std::span<const std::uint64_t> versions,
                         const std::function<Manifest(std::uint64_t)>& read,
                         std::string_view where);

}  // namespace ringfeed
