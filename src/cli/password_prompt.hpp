// Asks for a password on the terminal, unseen.
#pragma once

#include <optional>
#include <ringfeed/secret.hpp>
#include <string>

namespace ringfeed::cli {

/// Nothing when the process has no terminal, or the user ended the input. A signal that would end
/// the program ends it with the terminal as it was. Not with an Interrupt.
std::optional<Secret> ask_password(const std::string& user);

}  // namespace ringfeed::cli
