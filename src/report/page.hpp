// A page: a template with data in it, one HTML file that needs nothing else.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace ringfeed {

/// `data` in the place of @DATA@.
std::string fill_page(std::string_view page_template, const nlohmann::ordered_json& data);

}  // namespace ringfeed
