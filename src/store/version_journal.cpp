// A line is compared as a whole: another ingest, seed or version is another subject.
#include "store/version_journal.hpp"

#include <ringfeed/error.hpp>
#include <utility>

namespace ringfeed {

Manifest journal_subject(Manifest planned) {
  planned.parts.clear();
  return planned;
}

std::string journal_line(const Manifest& subject, const Part& part) {
  Manifest line = subject;
  line.parts = {part};
  return line.encode();
}

std::optional<Part> part_of_line(std::string_view line, const Manifest& subject) {
  Manifest found;
  try {
    found = Manifest::decode(line, "a line of the journal");
  } catch (const Error&) {
    return std::nullopt;  // the crash that tore it is what the journal is there for
  }
  if (found.parts.size() != 1 || found.parts[0].chunk_bytes.empty()) return std::nullopt;
  Part part = std::move(found.parts[0]);
  if (journal_subject(std::move(found)) != subject) return std::nullopt;
  return part;
}

}  // namespace ringfeed
