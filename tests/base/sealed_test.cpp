#include "base/sealed.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

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

}  // namespace
}  // namespace ringfeed
