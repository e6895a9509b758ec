#include "base/json.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace ringfeed {
namespace {

TEST(Json, DepthIsBounded) {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']');
  };
  EXPECT_NO_THROW(parse_json(nested(kJsonDepthMax)));
  EXPECT_THROW(parse_json(nested(kJsonDepthMax + 1)), std::invalid_argument);
  EXPECT_THROW(parse_json(nested(10'000'000)), std::invalid_argument);
  EXPECT_EQ(parse_json("[\"" + std::string(1000, '[') + "\\\"" + std::string(1000, '{') + "\"]")[0]
                .get<std::string>()
                .size(),
            2001u);
}

TEST(Json, NothingIsReadPastInSilence) {
  for (const std::string text : {"1", "{}", "[\"a\"]"}) {
    EXPECT_NO_THROW(parse_json(text + " \n"));
    for (const char more : {'\0', '1', ']', '\x04'})
      EXPECT_ANY_THROW(parse_json(text + more + " {}")) << text << int{more};
  }
}

TEST(Json, FaultsAreToldWithoutTheLibrarysNamesForThem) {
  const auto fault = [](const auto& read) -> std::string {
    try {
      read(parse_json("{\"a\": 1}"));
    } catch (const std::exception& error) {
      return json_fault(error);
    }
    return "none";
  };
  using Json = nlohmann::json;
  EXPECT_EQ(fault([](const Json&) { parse_json("{\"a\": }"); }), "it is no JSON from byte 7 on");
  EXPECT_EQ(fault([](const Json& json) { json.at("b"); }), "key 'b' not found");
  EXPECT_EQ(fault([](const Json& json) { json.at("a").get_ref<const std::string&>(); }).find('['),
            std::string::npos);
  EXPECT_EQ(fault([](const Json& json) { whole_number(json.at("a"), "a", 0); }),
            "a must be a whole number of 0 to 0, not 1");
}

TEST(Json, WholeNumbersAreTakenAsTheyAre) {
  EXPECT_EQ(whole_number(parse_json("18446744073709551615"), "n"), UINT64_MAX);
  EXPECT_EQ(whole_number(parse_json("7"), "n", 7), 7u);
  for (const auto* text :
       {"8", "-1", "1.5", "7.0", "18446744073709551616", "\"7\"", "true", "null"})
    EXPECT_THROW(whole_number(parse_json(text), "n", 7), std::invalid_argument) << text;
}

}  // namespace
}  // namespace ringfeed
