// A line is compared as a whole: another ingest, seed or version is another subject.
#include "store/version_journal.hpp"

#include <algorithm>
#include <ringfeed/error.hpp>
#include <utility>

namespace ringfeed {

void add_run(Manifest& manifest, RowRun run) {
  const auto split = std::ranges::find(manifest.splits, run.split) - manifest.splits.begin();
  auto& rows = manifest.rows[static_cast<std::size_t>(split)];
  rows.insert(rows.end(), run.rows.begin(), run.rows.end());
  std::ranges::move(run.parts, std::back_inserter(manifest.parts));
}

Manifest journal_subject(Manifest planned) {
  planned.lineage = 0;
  planned.parts.clear();
  planned.rows.assign(planned.splits.size(), {});
  return planned;
}

std::string journal_line(const Manifest& subject, const RowRun& run) {
  Manifest line = subject;
  add_run(line, run);
  return line.encode();
}

std::optional<RowRun> run_of_line(std::string_view line, const Manifest& subject) {
  Manifest found;
  try {
    found = Manifest::decode(line, "a line of the journal");
  } catch (const Error&) {
    return std::nullopt;  // the crash that tore it is what the journal is there for
  }
  // One part for each group, of one split: then they have the same row groups.
  if (found.parts.size() != found.groups.size()) return std::nullopt;
  RowRun run{found.parts[0].split, {}, {}};
  for (std::uint32_t group = 0; group < found.groups.size(); ++group) {
    if (found.parts[group].group != group || found.parts[group].split != run.split)
      return std::nullopt;
  }
  run.rows = found.rows_of(run.split);
  run.parts = std::move(found.parts);
  if (journal_subject(std::move(found)) != subject) return std::nullopt;
  return run;
}

}  // namespace ringfeed
