// Data as JSON inside of an element of HTML.
#include "report/page.hpp"

namespace ringfeed {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kPlace = "@DATA@";

/// Nothing in it ends the element that it stands in.
std::string text_in_page(const Json& data) {
  const std::string text = data.dump(-1, ' ', true, Json::error_handler_t::replace);
  std::string safe;
  safe.reserve(text.size());
  for (const char c : text) {
    if (c == '<') {
      safe += "\\u003c";
    } else {
      safe += c;
    }
  }
  return safe;
}

}  // namespace

std::string fill_page(std::string_view page_template, const Json& data) {
  std::string page(page_template);
  return page.replace(page.find(kPlace), kPlace.size(), text_in_page(data));
}

}  // namespace ringfeed
