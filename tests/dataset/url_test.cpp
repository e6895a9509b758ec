#include <gtest/gtest.h>

#include <ringfeed/error.hpp>
#include <ringfeed/url.hpp>

namespace ringfeed {
namespace {

TEST(Url, Paths) {
  for (const auto* text :
       {"digits.ring", "/data/digits", "../x", "a b", "ünicode", "C:thing", "/"}) {
    const auto url = Url::parse(text);
    EXPECT_EQ(url.scheme, "file");
    EXPECT_EQ(url.path, text);
    EXPECT_EQ(url.text(), text);
    EXPECT_FALSE(url.split || url.version);
  }
  EXPECT_EQ(Url::parse("digits/").path, "digits");
  EXPECT_EQ(Url::parse("/data//").path, "/data");
  EXPECT_EQ(Url::parse("//").path, "/");
}

TEST(Url, SplitAndVersion) {
  const auto url = Url::parse("digits?split=train&version=3");
  EXPECT_EQ(url.path, "digits");
  EXPECT_EQ(url.split, "train");
  EXPECT_EQ(url.version, 3u);
  EXPECT_EQ(url.text(), "digits?split=train&version=3");
  EXPECT_EQ(Url::parse("d?version=18446744073709551615").version, UINT64_MAX);
  EXPECT_EQ(Url::parse("d?split=a%26b").split, "a&b");
  EXPECT_EQ(Url::parse("d?split=a%26b").text(), "d?split=a%26b");
}

TEST(Url, FileUrls) {
  EXPECT_EQ(Url::parse("file:///data/x").path, "/data/x");
  EXPECT_EQ(Url::parse("file://localhost/data/x").path, "/data/x");
  EXPECT_EQ(Url::parse("file:///data/a%20b%3Fc").path, "/data/a b?c");
  EXPECT_EQ(Url::parse(Url::parse("file:///data/a%3Fc?split=v").text()).path, "/data/a?c");
  EXPECT_EQ(Url::parse("file:///data/x?version=1").text(), "/data/x?version=1");
}

TEST(Url, RefusesAndQuotes) {
  for (const auto* text : {"",
                           "?split=a",
                           "d?",
                           "d?x=1",
                           "d?split",
                           "d?split=",
                           "d?split=a&split=b",
                           "d?version=0",
                           "d?version=-1",
                           "d?version=1.5",
                           "d?version=1x",
                           "d?version=18446744073709551616",
                           "d?version=1&version=2",
                           "d?split=a&",
                           "d?split=%4",
                           "d?split=%zz",
                           "file://host/x",
                           "file://",
                           "file:///a%00b",
                           "s3://bucket/x"}) {
    try {
      Url::parse(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_NE(std::string(error.what()).find("'" + std::string(text) + "'"), std::string::npos)
          << error.what();
    }
  }
  EXPECT_THROW(Url::parse(std::string_view("a\0b", 3)), Error);
  EXPECT_THROW(Url::parse(std::string(10000, 'a')), Error);
}

TEST(Url, CassandraIsNotThereYet) {
  try {
    Url::parse("cassandra://127.0.0.1/space/digits?split=train");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(std::string(error.what()).find("no Cassandra store yet"), std::string::npos);
  }
}

}  // namespace
}  // namespace ringfeed
