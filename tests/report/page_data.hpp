// The data that stands in a page.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace ringfeed::testing {

inline nlohmann::json data_of(const std::string& page) {
  const std::string open = "<script type=\"application/json\" id=\"data\">";
  const auto begin = page.find(open) + open.size();
  return nlohmann::json::parse(page.substr(begin, page.find("</script>", begin) - begin));
}

}  // namespace ringfeed::testing
