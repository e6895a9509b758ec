// The texts of what is refused; a value is never in them (it may be a password).
#include "keywords.hpp"

#include <algorithm>

namespace ringfeed::python {

nb::object Keywords::find(const char* name) {
  known_.emplace_back(name);
  return values_.contains(name) ? nb::object(values_[name]) : nb::none();
}

void Keywords::refuse(const char* name, const nb::object& value) {
  throw Error(ErrorCode::kInvalidArgument,
              std::string("keyword '") + name + "' does not take a value of type " +
                  nb::cast<std::string>(value.type().attr("__name__")) + ", or not this one");
}

void Keywords::finish() const {
  for (const auto& [key, value] : values_) {
    const auto name = nb::cast<std::string>(key);
    if (std::ranges::find(known_, name) != known_.end()) continue;
    std::string names;
    for (const auto& known : known_) names += (names.empty() ? "" : ", ") + known;
    throw Error(ErrorCode::kInvalidArgument,
                "there is no keyword '" + name + "'; there are also " + names);
  }
}

}  // namespace ringfeed::python
