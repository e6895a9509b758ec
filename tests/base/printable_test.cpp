#include "base/printable.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace ringfeed {
namespace {

TEST(Printable, WhatATerminalWouldObeyIsWrittenOut) {
  EXPECT_EQ(printable("a\x1b[2Jb"), "a\\u001b[2Jb");
  EXPECT_EQ(printable("a\nb\rc\td\x7f"), "a\\nb\\rc\\td\\u007f");
  EXPECT_EQ(printable("\xC2\x9B"
                      "31m"),
            "\\u009b31m");  // CSI as one character
  EXPECT_EQ(printable("\x9B"
                      "31m"),
            "\\x9b31m");  // and as one byte
  EXPECT_EQ(printable(std::string("a\0b", 3)), "a\\u0000b");
}

TEST(Printable, AllElseStaysAsItIs) {
  for (const std::string text : {"", "image", "größe 漢字 \xF0\x9F\x98\x80", "\xC2\xA0", "a\\nb"})
    EXPECT_EQ(printable(text), text);
  EXPECT_EQ(printable("\xE6\xBC"), "\\xe6\\xbc");  // cut within a character
}

TEST(Printable, AWholeTextKeepsItsLines) {
  EXPECT_EQ(printable_lines("a\n\x1b\n"), "a\n\\u001b\n");
  EXPECT_EQ(printable_lines(""), "");
}

TEST(Printable, JsonIsOfTheSameValue) {
  const nlohmann::json value = {{"a\x1b\n", "\xC2\x9B\x7F größe"}};
  const std::string line = printable(value.dump());
  EXPECT_EQ(nlohmann::json::parse(line), value);
  EXPECT_EQ(line.find('\x7F'), std::string::npos);
}

}  // namespace
}  // namespace ringfeed
