#include "base/sealed.hpp"

#include <gtest/gtest.h>

#include "base/hash.hpp"
#include "base/json.hpp"

namespace ringfeed {
namespace {

TEST(Sealed, EachFlipAndCutIsFound) {
  const std::string body = R"({"epoch":2,"name":"\"}"})";
  const std::string text = seal("checkpoint", body);
  EXPECT_EQ(unseal("checkpoint", text), body);
  EXPECT_EQ(text.size(), body.size() + std::string(R"({"xxh3":"","checkpoint":}.)").size() + 16);
  EXPECT_EQ(nlohmann::json::parse(text).at("checkpoint").at("epoch"), 2);
  EXPECT_FALSE(unseal("manifest", text));
  for (std::size_t bit = 0; bit < 8 * text.size(); ++bit) {
    std::string flipped = text;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(unseal("checkpoint", flipped)) << bit;
  }
  for (std::size_t size = 0; size < text.size(); ++size)
    EXPECT_FALSE(unseal("checkpoint", text.substr(0, size))) << size;
  EXPECT_FALSE(unseal("checkpoint", text + "\n"));
}

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

TEST(Json, WholeNumbersAreTakenAsTheyAre) {
  EXPECT_EQ(whole_number(parse_json("18446744073709551615"), "n"), UINT64_MAX);
  EXPECT_EQ(whole_number(parse_json("7"), "n", 7), 7u);
  for (const auto* text :
       {"8", "-1", "1.5", "7.0", "18446744073709551616", "\"7\"", "true", "null"})
    EXPECT_THROW(whole_number(parse_json(text), "n", 7), std::invalid_argument) << text;
}

}  // namespace
}  // namespace ringfeed
