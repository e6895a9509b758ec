// A line of the journal of an unfinished version: the text of a manifest with one part, which
// carries its own checksum and says what it belongs to. The same for every store.
#pragma once

#include <optional>
#include <ringfeed/manifest.hpp>
#include <string>
#include <string_view>

namespace ringfeed {

/// What the lines of a version are about: all of its manifest, as it was planned, but the parts.
Manifest journal_subject(Manifest planned);

/// Says that a part is durable.
std::string journal_line(const Manifest& subject, const Part& part);

/// Returns the part of a line that is about this subject. Nothing when the line is torn, damaged or
/// about something else, or its part has no chunk: what it stands for is written again.
std::optional<Part> part_of_line(std::string_view line, const Manifest& subject);

}  // namespace ringfeed
