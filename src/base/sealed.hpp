// A document as one line of JSON under a checksum of its own:
// {"xxh3":"0123456789abcdef","NAME":BODY}. No byte of it can change without being seen.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ringfeed {

/// The line with its line feed; `body` is JSON text. The checksum is the XXH3-64 of the body.
std::string seal(std::string_view name, std::string_view body);

/// The body, in `text`; nothing unless the text is what seal() gives for it.
std::optional<std::string_view> unseal(std::string_view name, std::string_view text);

}  // namespace ringfeed
