// What the ledgers say of themselves must fit each other and the data set; then they are walked.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <ranges>
#include <ringfeed/audit.hpp>
#include <ringfeed/dataset.hpp>
#include <ringfeed/error.hpp>
#include <ringfeed/url.hpp>

#include "audit/checker.hpp"
#include "audit/ledger_file.hpp"
#include "audit/stored_samples.hpp"
#include "base/json.hpp"

namespace ringfeed {
namespace {

/// What all ranks and starts of a run have in common.
nlohmann::json identity_of(const LedgerHeader& header) {
  nlohmann::json identity = header.position;
  identity.erase("epoch");
  identity.erase("samples");
  identity["columns"] = header.columns;
  return identity;
}

/// The first place in which two documents differ: "order/seed is 8, not 7".
std::string difference(const nlohmann::json& has, const nlohmann::json& should) {
  const auto changes = nlohmann::json::diff(should, has);
  if (changes.empty()) return {};
  const nlohmann::json::json_pointer place(changes[0].at("path").get<std::string>());
  const auto text = [&](const nlohmann::json& document) {
    return document.contains(place) ? document.at(place).dump() : std::string("not there");
  };
  return fmt::format("{} is {}, not {}", place.to_string().substr(1), text(has), text(should));
}

/// The header of any file: they agree.
LedgerHeader check_headers(const std::map<std::uint64_t, LedgerStart>& starts) {
  std::optional<LedgerHeader> first;
  std::string first_name;
  for (const auto& [number, files] : starts) {
    std::optional<LedgerHeader> of_start;
    std::string of_start_name;
    for (const auto& [rank, file] : files) {
      if (!file.header()) continue;
      const LedgerHeader& header = *file.header();
      if (!first) {
        first = header;
        first_name = file.name();
      }
      if (!of_start) {
        of_start = header;
        of_start_name = file.name();
      }
      if (const auto text = difference(identity_of(header), identity_of(*first)); !text.empty()) {
        throw Error(ErrorCode::kBadData,
                    fmt::format("{}: {}, as {} has it; all ranks and starts of a run have one data "
                                "set and one order",
                                file.name(), text, first_name));
      }
      if (header.world_size != of_start->world_size || header.begin() != of_start->begin()) {
        throw Error(ErrorCode::kBadData,
                    fmt::format("{}: {} ranks from epoch {}, sample {} on; {} has {} ranks from "
                                "epoch {}, sample {} on",
                                file.name(), header.world_size, header.begin().epoch,
                                header.begin().samples, of_start_name, of_start->world_size,
                                of_start->begin().epoch, of_start->begin().samples));
      }
    }
  }
  if (!first) throw Error(ErrorCode::kNotFound, "no rank wrote a line into this ledger");
  return *first;
}

std::string lineage_text(const Manifest& manifest) {
  return fmt::format("{:016x}", manifest.lineage);
}

bool has_columns(const Manifest& manifest, const std::vector<std::string>& names) {
  return std::ranges::all_of(
      names, [&](const std::string& name) { return manifest.schema.find(name) != nullptr; });
}

/// The newest version with the rows and columns of a ledger; nothing when there is none.
std::optional<std::uint64_t> find_version(const Url& url, const std::string& lineage,
                                          const std::vector<std::string>& columns,
                                          const ConnectionOptions& connection) {
  const auto store = open_store(url, connection);
  const auto versions = store->versions();
  for (const auto version : std::views::reverse(versions)) {
    const Manifest manifest = store->manifest(version);
    if (lineage_text(manifest) == lineage && has_columns(manifest, columns)) return version;
  }
  return std::nullopt;
}

std::shared_ptr<const Dataset> open_dataset(std::string_view url_text, const LedgerHeader& header,
                                            const ConnectionOptions& connection) {
  const auto& of_ledger = header.position.at("dataset");
  const auto lineage = of_ledger.at("lineage").get<std::string>();
  Url url = Url::parse(url_text);
  if (!url.split) url.split = of_ledger.at("split").get<std::string>();
  auto dataset = Dataset::open(url.text(), connection);
  const bool fits = lineage_text(dataset->manifest()) == lineage &&
                    has_columns(dataset->manifest(), header.columns);
  if (!url.version && !fits) {
    url.version = find_version(url, lineage, header.columns, connection);
    if (url.version) dataset = Dataset::open(url.text(), connection);
  }
  const nlohmann::json opened = {{"lineage", lineage_text(dataset->manifest())},
                                 {"split", dataset->split()},
                                 {"samples", dataset->size()}};
  if (const auto text = difference(opened, of_ledger); !text.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: {}, as the ledger has it", url.text(), text));
  }
  return dataset;
}

/// Of an epoch in the order of the ledger.
std::uint64_t epoch_samples(const LedgerHeader& header, std::uint64_t samples) {
  const auto& order = header.position.at("order");
  if (order.at("tail").get<std::string>() != "drop") return samples;
  return samples - samples % order.at("global_batch").get<std::uint64_t>();
}

}  // namespace

AuditResult audit(const std::string& folder, std::string_view url, const AuditOptions& options,
                  const ConnectionOptions& connection) {
  auto starts = open_ledgers(folder);
  const LedgerHeader header = check_headers(starts);
  std::shared_ptr<const Dataset> dataset;
  std::uint64_t per_epoch = 0;
  try {
    dataset = open_dataset(url, header, connection);
    per_epoch = epoch_samples(header, dataset->size());
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::kBadData, fmt::format("{}: the position in its headers is not one ({})",
                                                 folder, json_fault(error)));
  }
  for (const auto& [number, files] : starts) {
    for (const auto& [rank, file] : files) {
      if (!file.header() || file.header()->begin().samples <= dataset->size()) continue;
      throw Error(ErrorCode::kBadData,
                  fmt::format("{}: it goes on at sample {} of an epoch of {}", file.name(),
                              file.header()->begin().samples, dataset->size()));
    }
  }
  auto hashes =
      hash_stored_samples(*dataset, header.columns, [&](std::uint64_t done, std::uint64_t total) {
        if (options.stop.stop_requested()) throw Error(ErrorCode::kCancelled, "interrupted");
        if (options.progress) options.progress("data set", done, total);
      });
  return Checker(std::move(hashes), per_epoch, options).check(starts);
}

}  // namespace ringfeed
