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
  try {
    Url::parse("d?x=1\n2\x1b[2J");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_TRUE(std::string(error.what()).starts_with("'d?x=1?2?[2J': ")) << error.what();
  }
}

TEST(Url, Cassandra) {
  const auto url = Url::parse(
      "cassandra://al%40ice@db1,db-2.example:9043,10.0.0.1,[::1],[fe80::2]:9042/My_Space/digits"
      "?split=train&version=3");
  EXPECT_EQ(url.scheme, "cassandra");
  EXPECT_EQ(url.user, "al@ice");
  EXPECT_EQ(url.hosts, (std::vector<std::string>{"db1", "db-2.example:9043", "10.0.0.1", "[::1]",
                                                 "[fe80::2]:9042"}));
  EXPECT_EQ(url.keyspace, "My_Space");
  EXPECT_EQ(url.name, "digits");
  EXPECT_EQ(url.split, "train");
  EXPECT_EQ(url.version, 3u);
  EXPECT_EQ(url.path, "");
  EXPECT_EQ(url.text(),
            "cassandra://al%40ice@db1,db-2.example:9043,10.0.0.1,[::1],[fe80::2]:9042/My_Space/"
            "digits?split=train&version=3");
}

TEST(Url, CassandraInItsShortForms) {
  for (const auto* text : {"cassandra://h/k/n", "cassandra://h/k", "cassandra://h:1/k?version=2",
                           "cassandra://u%3Av%2C%2F@h/k/n", "cassandra://h/0/1"}) {
    EXPECT_EQ(Url::parse(text).text(), text);
  }
  EXPECT_EQ(Url::parse("cassandra://h/k/").text(), "cassandra://h/k");
  EXPECT_EQ(Url::parse("cassandra://h/k").name, "");
  EXPECT_EQ(Url::parse("cassandra://h/%6B/%6E").text(), "cassandra://h/k/n");
  EXPECT_FALSE(Url::parse("cassandra://h/k/n").user);
  const std::string longest = "cassandra://h/" + std::string(48, 'k') + "/" + std::string(222, 'n');
  EXPECT_EQ(Url::parse(longest).text(), longest);
}

TEST(Url, RefusesACassandraThatCannotBe) {
  const std::string long_keyspace = "cassandra://h/" + std::string(49, 'k') + "/n";
  const std::string long_name = "cassandra://h/k/" + std::string(223, 'n');
  const std::string long_host = "cassandra://" + std::string(254, 'h') + "/k/n";
  for (const std::string& text : std::vector<std::string>{"cassandra://",
                                                          "cassandra:///k/n",
                                                          "cassandra://h",
                                                          "cassandra://h/",
                                                          "cassandra://h//n",
                                                          "cassandra://@h/k/n",
                                                          "cassandra://a%00b@h/k/n",
                                                          "cassandra://h:/k/n",
                                                          "cassandra://h:0/k/n",
                                                          "cassandra://h:65536/k/n",
                                                          "cassandra://h:-1/k/n",
                                                          "cassandra://h:1x/k/n",
                                                          "cassandra://:9042/k/n",
                                                          "cassandra://h,/k/n",
                                                          "cassandra://,h/k/n",
                                                          "cassandra://h;x/k/n",
                                                          "cassandra://h%20/k/n",
                                                          "cassandra://::1/k/n",
                                                          "cassandra://[::1/k/n",
                                                          "cassandra://[::g]/k/n",
                                                          "cassandra://[::1]9042/k/n",
                                                          "cassandra://[::1]:/k/n",
                                                          "cassandra://h/k/n/m",
                                                          "cassandra://h/k-2/n",
                                                          "cassandra://h/k.t/n",
                                                          "cassandra://h/k/a\"b",
                                                          "cassandra://h/k/a%22%3B DROP TABLE x",
                                                          "cassandra://h/k/a%00b",
                                                          "cassandra://h/k/ü",
                                                          "cassandra://h/k/%zz",
                                                          "cassandra://h/k/n?x=1",
                                                          "cassandra:/h/k/n",
                                                          "cassandra:h",
                                                          "CASSANDRA://h/k/n",
                                                          long_keyspace,
                                                          long_name,
                                                          long_host}) {
    try {
      Url::parse(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      const std::string message = error.what();
      EXPECT_NE(message.find("'" + text + "'"), std::string::npos) << message;
      EXPECT_NE(message.find("cassandra://[USER@]HOST"), std::string::npos) << message;
    }
  }
}

TEST(Url, APasswordIsRefusedAndNeverQuoted) {
  const std::string secret = "hunter2";
  for (const std::string& text : std::vector<std::string>{
           "cassandra://u:hunter2@h/k/n", "cassandra://u:hunter2@h:9042,i/k/n",
           "cassandra://:hunter2@h/k/n", "cassandra://u:x@hunter2@h/k/n",
           "cassandra://u:x/hunter2@h/k/n", "cassandra://u:x?hunter2@h/k/n",
           "cassandra://u:?split=hunter2@h/k/n", "cassandra://u:%zzhunter2@h/k/n",
           "cassandra://u:x hunter2@h", "cassandra://h/k/n?password=hunter2",
           "cassandra://h/k/n?split=a&Passwd=hunter2", "cassandra://h/k/n?pwd=a&b=hunter2"}) {
    try {
      Url::parse(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      const std::string message = error.what();
      EXPECT_EQ(message.find(secret), std::string::npos) << message;
      for (const auto* remedy : {"RINGFEED_PASSWORD", "ConnectionOptions::password",
                                 ".cassandra/credentials", "terminal"}) {
        EXPECT_NE(message.find(remedy), std::string::npos) << message;
      }
    }
  }
}

TEST(Url, APasswordInAnAddressThatIsWrongAnywayIsNotQuoted) {
  for (const std::string& text : std::vector<std::string>{
           "CASSANDRA://u:hunter2@h/k/n", "cassandra:/u:hunter2@h/k/n", "cassandra:u:hunter2@h",
           "postgres://u:hunter2@h/k", "cassandra://u:hunter2@" + std::string(9000, 'h'),
           std::string("cassandra://u:hunter2@h\0/k", 26)}) {
    try {
      Url::parse(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find("hunter2"), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace ringfeed
