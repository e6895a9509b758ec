// What ranks tell each other before they train. Collectives: all ranks call each of them.
#pragma once

#include <nlohmann/json.hpp>
#include <ringfeed/torch.hpp>
#include <string>
#include <string_view>

namespace ringfeed {

/// Rank 0's bytes on every rank; those of the others are not looked at.
std::string broadcast_bytes(ProcessGroup& group, std::string_view bytes);

/// Throws Error{kInvalidArgument} on every rank unless all have the same document; it names the
/// first rank that has something else than rank 0, and what.
void require_same(ProcessGroup& group, const nlohmann::json& document);

}  // namespace ringfeed
