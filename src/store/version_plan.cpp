// Comparing what is intended with what is there.
#include "store/version_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ringfeed/error.hpp>

#include "base/option.hpp"

namespace ringfeed {
namespace {

bool same_origin(const Origin& left, const Origin& right) {
  // How the source was permuted is known only at its end, and follows from the fingerprint.
  return left.fingerprint == right.fingerprint && left.seed == right.seed &&
         left.chunk_bytes == right.chunk_bytes;
}

void check_same_schema(const Schema& old_schema, const Schema& new_schema, std::string_view where) {
  const auto differ = [&](std::string_view what) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: what is appended needs the same columns in the same order: {}",
                            where, what));
  };
  for (std::size_t i = 0; i < std::max(old_schema.columns.size(), new_schema.columns.size()); ++i) {
    if (i >= new_schema.columns.size())
      differ(fmt::format("column {} is missing", old_schema.columns[i].name));
    if (i >= old_schema.columns.size())
      differ(fmt::format("column {} is new", new_schema.columns[i].name));
    const auto& was = old_schema.columns[i];
    const auto& is = new_schema.columns[i];
    if (was.classes != is.classes && was.name == is.name)
      differ(fmt::format("column {} has other classes", is.name));
    if (was != is) {
      differ(fmt::format("column {} is {} {}, in the data set it is {} {}", i + 1, is.name,
                         is.type_name(), was.name, was.type_name()));
    }
  }
}

/// Without samples.
Manifest first_manifest(std::uint64_t version, const WriteIntent& intent) {
  return {version,
          intent.schema,
          intent.splits,
          intent.origin,
          {},
          intent.groups.empty() ? default_groups(intent.schema) : intent.groups,
          std::vector<std::vector<std::uint32_t>>(intent.splits.size()),
          intent.lineage};
}

}  // namespace

VersionPlan plan_version(const WriteIntent& intent, std::span<const std::uint64_t> versions,
                         const std::function<Manifest(std::uint64_t)>& read,
                         std::string_view where) {
  if (!intent.append && versions.empty()) return {first_manifest(1, intent), 0, false};
  if (versions.empty()) {
    throw Error(
        ErrorCode::kNotFound,
        fmt::format("{}: there is no data set to append to; check the path, or leave out {}", where,
                    option_name("append")));
  }
  VersionPlan plan;
  const bool is_newest = intent.append || intent.overwrite;
  plan.manifest = read(is_newest ? versions.back() : versions.front());
  Manifest& manifest = plan.manifest;
  plan.published = same_origin(manifest.origin, intent.origin) &&
                   (!intent.append || manifest.version > versions.front());
  if (plan.published) return plan;
  if (intent.overwrite) {
    manifest = first_manifest(manifest.version + 1, intent);
    return plan;
  }
  if (intent.copies) {
    throw Error(ErrorCode::kConflict,
                fmt::format("{}: there is a data set already, and it is no copy of this one; copy "
                            "to another name, or delete it first",
                            where));
  }
  if (!intent.append) {
    throw Error(
        ErrorCode::kConflict,
        fmt::format("{}: there is a data set already, made from other data or options; add "
                    "to it with {}, make a new version of these alone with {}, or name another one",
                    where, option_name("append"), option_name("overwrite")));
  }
  check_same_schema(manifest.schema, intent.schema, where);
  if (!intent.groups.empty() && intent.groups != manifest.groups) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: what is appended has the column groups of the data set; leave out "
                            "{}, or make a new version of these alone with {}",
                            where, option_name("column-groups"), option_name("overwrite")));
  }
  plan.base_parts = manifest.parts.size();
  manifest.version += 1;
  manifest.lineage = 0;
  const bool has_nan = manifest.origin.allow_nan;  // what was admitted once stays in it
  manifest.origin = intent.origin;
  manifest.origin.allow_nan = has_nan || intent.origin.allow_nan;
  for (const auto& split : intent.splits) {
    if (std::find(manifest.splits.begin(), manifest.splits.end(), split) == manifest.splits.end())
      manifest.splits.push_back(split);
  }
  manifest.rows.resize(manifest.splits.size());
  return plan;
}

}  // namespace ringfeed
