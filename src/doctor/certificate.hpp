// When a certificate of a PEM file expires.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace ringfeed::doctor {

using Instant = std::chrono::system_clock::time_point;

/// The end of the validity of a DER certificate (RFC 5280, 4.1.2.5); nothing when it is none.
std::optional<Instant> expiry_of(std::string_view der);

/// The earliest of all certificates in the file; nothing when there is none that can be read.
std::optional<Instant> expiry_of_file(const std::string& path);

}  // namespace ringfeed::doctor
