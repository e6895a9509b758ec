#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <functional>
#include <ringfeed/connection.hpp>
#include <ringfeed/error.hpp>
#include <type_traits>

#include "temp_folder.hpp"

namespace ringfeed::testing {
namespace {

constexpr const char* kVariables[] = {"RINGFEED_USER",
                                      "RINGFEED_PASSWORD",
                                      "RINGFEED_LOCAL_DC",
                                      "RINGFEED_TLS",
                                      "RINGFEED_TLS_CA",
                                      "RINGFEED_TLS_CERT",
                                      "RINGFEED_TLS_KEY",
                                      "RINGFEED_TLS_SERVER_NAME",
                                      "RINGFEED_READ_CONSISTENCY",
                                      "RINGFEED_LZ4",
                                      "RINGFEED_WRITE_CONSISTENCY",
                                      "RINGFEED_CONNECT_TIMEOUT_MS",
                                      "RINGFEED_REQUEST_TIMEOUT_MS",
                                      "RINGFEED_CONNECTIONS_PER_HOST",
                                      "RINGFEED_CONTACT_POINTS_ONLY"};
constexpr const char* kRemedies[] = {"RINGFEED_PASSWORD", "ConnectionOptions::password",
                                     ".cassandra/credentials", "terminal"};

/// A home without files and an environment without variables of ours.
class Connections : public ::testing::Test {
 protected:
  Connections() {
    if (const char* before = ::getenv("HOME")) home_before_ = before;
    std::filesystem::create_directory(home / ".cassandra");
    ::setenv("HOME", home.path().c_str(), 1);
    for (const auto* name : kVariables) ::unsetenv(name);
  }
  ~Connections() override {
    for (const auto* name : kVariables) ::unsetenv(name);
    if (home_before_) {
      ::setenv("HOME", home_before_->c_str(), 1);
    } else {
      ::unsetenv("HOME");
    }
  }

  static void set(const char* name, const char* value) { ::setenv(name, value, 1); }
  std::string path(const std::string& name) const { return home / (".cassandra/" + name); }
  void file(const std::string& name, const std::string& text, mode_t mode = 0600) const {
    write_all(path(name), text);
    ::chmod(path(name).c_str(), mode);
  }
  static Connection resolve(const ConnectionOptions& options = {},
                            const std::string& url = "cassandra://h/k/n") {
    return resolve_connection(Url::parse(url), options);
  }
  /// The error, whose message has all of `words` and not the secret.
  static void expect_error(ErrorCode code, const std::vector<std::string>& words,
                           const ConnectionOptions& options = {},
                           const std::string& url = "cassandra://h/k/n") {
    try {
      resolve(options, url);
      ADD_FAILURE() << "no error with " << ::testing::PrintToString(words);
    } catch (const Error& error) {
      const std::string message = error.what();
      EXPECT_EQ(error.code(), code) << message;
      for (const auto& word : words)
        EXPECT_NE(message.find(word), std::string::npos) << message << " lacks " << word;
      EXPECT_EQ(message.find("hunter2"), std::string::npos) << message;
    }
  }

  TempFolder home;

 private:
  std::optional<std::string> home_before_;
};

TEST_F(Connections, Defaults) {
  const Connection connection = resolve();
  ASSERT_EQ(connection.contact_points.size(), 1u);
  EXPECT_EQ(connection.contact_points[0].host, "h");
  EXPECT_EQ(connection.contact_points[0].port, 9042);
  EXPECT_FALSE(connection.local_datacenter || connection.user || connection.password);
  EXPECT_FALSE(connection.tls || connection.tls_insecure || connection.lz4 ||
               connection.contact_points_only);
  EXPECT_EQ(connection.read_consistency, Consistency::kLocalOne);
  EXPECT_EQ(connection.write_consistency, Consistency::kLocalQuorum);
  EXPECT_EQ(connection.connect_timeout_ms, 5000u);
  EXPECT_EQ(connection.request_timeout_ms, 10000u);
  EXPECT_EQ(connection.connections_per_host, 4u);
  EXPECT_TRUE(connection.warnings.empty());
}

TEST_F(Connections, WithoutAHomeThereAreNoFiles) {
  file("cqlshrc", "[connection]\nport = 1\n");
  ::unsetenv("HOME");
  EXPECT_EQ(resolve().contact_points[0].port, 9042);
}

TEST_F(Connections, ContactPoints) {
  file("cqlshrc", "[connection]\nhostname = elsewhere\nport = 9142\n");
  const auto points =
      resolve({}, "cassandra://a,b.example:1,10.0.0.1:65535,[::1],[fe80::2]:7/k").contact_points;
  std::string text;
  for (const auto& point : points) text += fmt::format("{} {};", point.host, point.port);
  EXPECT_EQ(text, "a 9142;b.example 1;10.0.0.1 65535;::1 9142;fe80::2 7;");
}

/// One setting at each of its layers, the lowest first, and what it is then.
struct Setting {
  const char* name;
  const char* cqlshrc;  ///< null: it has none
  const char* variable;
  const char* value;
  std::function<void(ConnectionOptions&)> option;
  std::function<std::string(const Connection&)> read;
  std::string expected[4];  ///< default, cqlshrc, variable, option
};

std::vector<Setting> settings() {
  const auto truth = [](bool value) { return std::string(value ? "on" : "off"); };
  return {
      {"local_datacenter",
       nullptr,
       "RINGFEED_LOCAL_DC",
       "dc_variable",
       [](auto& o) { o.local_datacenter = "dc_option"; },
       [](const auto& c) { return c.local_datacenter.value_or(""); },
       {"", "", "dc_variable", "dc_option"}},
      {"user",
       "[authentication]\nusername = rc\npassword = x\n",
       "RINGFEED_USER",
       "variable",
       [](auto& o) {
         o.user = "option";
         o.password = Secret("x");
       },
       [](const auto& c) { return c.user.value_or(""); },
       {"", "rc", "variable", "option"}},
      {"tls",
       "[connection]\nssl = true\n",
       "RINGFEED_TLS",
       "no",
       [](auto& o) { o.tls = true; },
       [=](const auto& c) { return truth(c.tls); },
       {"off", "on", "off", "on"}},
      {"tls_ca",
       "[connection]\nssl=on\n[ssl]\ncertfile = ~/ca.pem\n",
       "RINGFEED_TLS_CA",
       "/v",
       [](auto& o) { o.tls_ca = "/o"; },
       [](const auto& c) { return c.tls_ca; },
       {"", "HOME/ca.pem", "/v", "/o"}},
      {"tls_cert",
       "[connection]\nssl=on\n[ssl]\nusercert = /rc\nuserkey = /rck\n",
       "RINGFEED_TLS_CERT",
       "/v",
       [](auto& o) {
         o.tls_cert = "/o";
         o.tls_key = "/ok";
       },
       [](const auto& c) { return c.tls_cert; },
       {"", "/rc", "/v", "/o"}},
      {"tls_key",
       "[connection]\nssl=on\n[ssl]\nusercert = /rc\nuserkey = ~/k\n",
       "RINGFEED_TLS_KEY",
       "/v",
       [](auto& o) {
         o.tls_cert = "/o";
         o.tls_key = "/ok";
       },
       [](const auto& c) { return c.tls_key; },
       {"", "HOME/k", "/v", "/ok"}},
      {"tls_server_names",
       nullptr,
       "RINGFEED_TLS_SERVER_NAME",
       "a,b",
       [](auto& o) { o.tls_server_names = {"c"}; },
       [](const auto& c) { return fmt::format("{}", fmt::join(c.tls_server_names, " ")); },
       {"", "", "a b", "c"}},
      {"read_consistency",
       nullptr,
       "RINGFEED_READ_CONSISTENCY",
       "local_quorum",
       [](auto& o) { o.read_consistency = Consistency::kTwo; },
       [](const auto& c) { return std::string(consistency_name(c.read_consistency)); },
       {"LOCAL_ONE", "LOCAL_ONE", "LOCAL_QUORUM", "TWO"}},
      {"write_consistency",
       nullptr,
       "RINGFEED_WRITE_CONSISTENCY",
       "ALL",
       [](auto& o) { o.write_consistency = Consistency::kEachQuorum; },
       [](const auto& c) { return std::string(consistency_name(c.write_consistency)); },
       {"LOCAL_QUORUM", "LOCAL_QUORUM", "ALL", "EACH_QUORUM"}},
      {"connect_timeout_ms",
       "[connection]\ntimeout = 3\n",
       "RINGFEED_CONNECT_TIMEOUT_MS",
       "400",
       [](auto& o) { o.connect_timeout_ms = 1; },
       [](const auto& c) { return std::to_string(c.connect_timeout_ms); },
       {"5000", "3000", "400", "1"}},
      {"request_timeout_ms",
       "[connection]\nrequest_timeout: 60\n",
       "RINGFEED_REQUEST_TIMEOUT_MS",
       "3600000",
       [](auto& o) { o.request_timeout_ms = 2; },
       [](const auto& c) { return std::to_string(c.request_timeout_ms); },
       {"10000", "60000", "3600000", "2"}},
      {"connections_per_host",
       nullptr,
       "RINGFEED_CONNECTIONS_PER_HOST",
       "64",
       [](auto& o) { o.connections_per_host = 1; },
       [](const auto& c) { return std::to_string(c.connections_per_host); },
       {"4", "4", "64", "1"}},
      {"lz4",
       nullptr,
       "RINGFEED_LZ4",
       "1",
       [](auto& o) { o.lz4 = false; },
       [=](const auto& c) { return truth(c.lz4); },
       {"off", "off", "on", "off"}},
      {"contact_points_only",
       nullptr,
       "RINGFEED_CONTACT_POINTS_ONLY",
       "Yes",
       [](auto& o) { o.contact_points_only = false; },
       [=](const auto& c) { return truth(c.contact_points_only); },
       {"off", "off", "on", "off"}},
  };
}

TEST_F(Connections, EachSettingInItsPrecedence) {
  for (const auto& setting : settings()) {
    SCOPED_TRACE(setting.name);
    const auto read = [&](const ConnectionOptions& options) {
      std::string text = setting.read(resolve(options));
      if (const auto at = text.find(home.path()); at == 0)
        text.replace(0, home.path().size(), "HOME");
      return text;
    };
    EXPECT_EQ(read({}), setting.expected[0]);
    if (setting.cqlshrc != nullptr) file("cqlshrc", setting.cqlshrc);
    EXPECT_EQ(read({}), setting.expected[1]);
    set(setting.variable, setting.value);
    set("RINGFEED_PASSWORD", "x");
    EXPECT_EQ(read({}), setting.expected[2]);
    ConnectionOptions options;
    setting.option(options);
    if (std::string_view(setting.name) == "tls") options.tls_ca = "/ca";
    EXPECT_EQ(read(options), setting.expected[3]);
    ::unsetenv(setting.variable);
    ::unsetenv("RINGFEED_PASSWORD");
    std::filesystem::remove(path("cqlshrc"));
  }
}

TEST_F(Connections, AnEmptyVariableIsNone) {
  for (const auto* name : kVariables) set(name, "");
  const Connection connection = resolve();
  EXPECT_FALSE(connection.user || connection.tls);
  EXPECT_EQ(connection.connections_per_host, 4u);
}

TEST_F(Connections, TheUserOfTheUrlIsOverTheVariableAndUnderTheOption) {
  set("RINGFEED_USER", "variable");
  set("RINGFEED_PASSWORD", "p");
  EXPECT_EQ(resolve({}, "cassandra://url@h/k").user, "url");
  ConnectionOptions options;
  options.user = "option";
  EXPECT_EQ(resolve(options, "cassandra://url@h/k").user, "option");
}

TEST_F(Connections, ThePasswordInItsPrecedence) {
  const std::string url = "cassandra://alice@h/k";
  ConnectionOptions options;
  int asked = 0;
  options.ask_password = [&](const std::string& user) {
    ++asked;
    EXPECT_EQ(user, "alice");
    return Secret("typed");
  };
  const auto password = [&] { return resolve(options, url).password->reveal(); };
  EXPECT_EQ(password(), "typed");
  EXPECT_EQ(asked, 1);
  file("cqlshrc", "[authentication]\npassword = from ; cqlshrc%\n");
  EXPECT_EQ(password(), "from ; cqlshrc%");
  file("credentials", "[plain_text_auth]\npassword = old section\n");
  EXPECT_EQ(password(), "old section");
  file(
      "credentials",
      "; comment\n[PlainTextAuthProvider]\nPassword: new=section\n[plain_text_auth]\npassword=x\n");
  EXPECT_EQ(password(), "new=section");
  set("RINGFEED_PASSWORD", "variable");
  EXPECT_EQ(password(), "variable");
  options.password = Secret("option");
  EXPECT_EQ(password(), "option");
  EXPECT_EQ(asked, 1);
}

TEST_F(Connections, UserAndPasswordOfTheCredentialsFile) {
  file("cqlshrc",
       "[authentication]\nusername = rc\npassword = rc_password\ncredentials = ~/mine\n");
  EXPECT_EQ(resolve().user, "rc");
  write_all(home / "mine", "[PlainTextAuthProvider]\nusername = alice\npassword = a\n");
  ::chmod((home / "mine").c_str(), 0600);
  EXPECT_EQ(resolve().user, "alice");
  EXPECT_EQ(resolve().password->reveal(), "a");
}

TEST_F(Connections, APasswordOfAFileIsNotSentForAnotherUser) {
  file("cqlshrc", "[authentication]\nusername = bob\npassword = b\n");
  file("credentials", "[PlainTextAuthProvider]\nusername = alice\npassword = hunter2\n");
  EXPECT_EQ(resolve({}, "cassandra://bob@h/k").password->reveal(), "b");
  EXPECT_EQ(resolve({}, "cassandra://alice@h/k").password->reveal(), "hunter2");
  expect_error(ErrorCode::kPermission, {"'carol'"}, {}, "cassandra://carol@h/k");
}

TEST_F(Connections, AUserWithoutAPasswordNamesTheRemedies) {
  expect_error(ErrorCode::kPermission,
               {"'alice'", kRemedies[0], kRemedies[1], kRemedies[2], kRemedies[3]}, {},
               "cassandra://alice@h/k");
  ConnectionOptions options;
  options.ask_password = [](const std::string&) { return std::nullopt; };
  expect_error(ErrorCode::kPermission, {"'alice'"}, options, "cassandra://alice@h/k");
}

TEST_F(Connections, RanksShareWhatIsUnderWay) {
  set("WORLD_SIZE", "8");  // it is not this room that finds the ranks
  ConnectionOptions options;
  EXPECT_EQ(resolve(options).in_flight_bytes_per_node, std::uint64_t{128} << 20);
  options.ranks = 4;
  EXPECT_EQ(resolve(options).in_flight_bytes_per_node, std::uint64_t{32} << 20);
  options.in_flight_bytes_per_node = 1000;
  EXPECT_EQ(resolve(options).in_flight_bytes_per_node, 1000u);
  options.ranks = 0;
  expect_error(ErrorCode::kInvalidArgument, {"0 ranks"}, options);
}

TEST_F(Connections, APasswordWithoutAUser) {
  set("RINGFEED_PASSWORD", "hunter2");  // may be meant for another cluster
  EXPECT_FALSE(resolve().user || resolve().password);
  ConnectionOptions options;
  options.password = Secret("hunter2");
  expect_error(ErrorCode::kInvalidArgument, {"no user", "ConnectionOptions::user"}, options);
}

TEST_F(Connections, EmptyAndZeroBytesInWhatIsSentAsALogin) {
  ConnectionOptions options;
  options.user = "u";
  options.password = Secret("");
  expect_error(ErrorCode::kInvalidArgument, {"password", "empty"}, options);
  options.password = Secret(std::string_view("hunter2\0u", 9));
  expect_error(ErrorCode::kInvalidArgument, {"password", "zero byte"}, options);
  options.user = "";
  expect_error(ErrorCode::kInvalidArgument, {"user", "empty"}, options);
}

TEST_F(Connections, ACredentialsFileThatOthersCanReadIsNotUsed) {
  for (const mode_t mode : {0640, 0604, 0644}) {
    file("credentials", "[PlainTextAuthProvider]\nusername = alice\npassword = hunter2\n", mode);
    const Connection connection = resolve();
    EXPECT_FALSE(connection.user);
    ASSERT_EQ(connection.warnings.size(), 1u);
    EXPECT_NE(connection.warnings[0].find("chmod 600"), std::string::npos);
    EXPECT_EQ(connection.warnings[0].find("hunter2"), std::string::npos);
    expect_error(ErrorCode::kPermission, {"'alice'", "chmod 600", "credentials"}, {},
                 "cassandra://alice@h/k");
  }
  file("credentials", "[PlainTextAuthProvider]\nusername = alice\npassword = hunter2\n", 0622);
  EXPECT_EQ(resolve().user, "alice");  // cqlsh's rule is about reading
}

TEST_F(Connections, APasswordInACqlshrcThatOthersCanReadIsUsedWithAWarning) {
  file("cqlshrc", "[authentication]\nusername = alice\npassword = hunter2\n", 0644);
  const Connection connection = resolve();
  EXPECT_EQ(connection.password->reveal(), "hunter2");
  ASSERT_EQ(connection.warnings.size(), 1u);
  EXPECT_NE(connection.warnings[0].find(path("cqlshrc")), std::string::npos);
  EXPECT_EQ(connection.warnings[0].find("hunter2"), std::string::npos);
}

TEST_F(Connections, MalformedFilesNameTheirPlaceAndNoContent) {
  const std::pair<const char*, std::vector<std::string>> cases[] = {
      {"[connection]\nport = 0\n", {"[connection] port", "1 to 65535"}},
      {"[connection]\nport = 9042x\n", {"[connection] port"}},
      {"[connection]\nport = 99999\n", {"[connection] port"}},
      {"[connection]\nssl = maybe\n", {"[connection] ssl", "'maybe'"}},
      {"[connection]\ntimeout = 2.5\n", {"[connection] timeout"}},
      {"[connection]\nrequest_timeout = 3601\n", {"[connection] request_timeout", "3600"}},
      {"[authentication]\nhunter2\n", {"line 2"}},
      {"[authentication]\n\n# x\n= hunter2\n", {"line 4"}},
      {"password = hunter2\n", {"line 1", "[section]"}},
      {"[authentication\npassword = hunter2\n", {"line 1"}},
      {"[authentication]\npassword = hunter2\nPASSWORD = hunter2\n", {"line 3", "twice"}},
  };
  for (const auto& [text, words] : cases) {
    file("cqlshrc", text);
    auto all = words;
    all.push_back(path("cqlshrc"));
    expect_error(ErrorCode::kInvalidArgument, all);
  }
  file("cqlshrc", "");
  file("credentials", "hunter2\n");
  expect_error(ErrorCode::kInvalidArgument, {path("credentials"), "line 1"});
  file("credentials", std::string(2 << 20, '#'));
  expect_error(ErrorCode::kBadData, {path("credentials")});
}

TEST_F(Connections, FilesAsPythonReadsThem) {
  file("cqlshrc",
       "\r\n; a comment\n[ui]\nsearch =\n  one\n  two = 2\n[connection]\r\nTIMEOUT : 7\r\n"
       "[auth_provider]\nmodule = x\nusername = nobody\n[certfiles]\n10.0.0.1 = /x");
  const Connection connection = resolve();
  EXPECT_EQ(connection.connect_timeout_ms, 7000u);
  EXPECT_FALSE(connection.user);
  EXPECT_TRUE(connection.warnings.empty());
}

TEST_F(Connections, MalformedVariablesAreNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {"RINGFEED_TLS", "maybe"},
      {"RINGFEED_LZ4", "2"},
      {"RINGFEED_CONTACT_POINTS_ONLY", " "},
      {"RINGFEED_READ_CONSISTENCY", "SERIAL"},
      {"RINGFEED_WRITE_CONSISTENCY", "LOCAL"},
      {"RINGFEED_CONNECT_TIMEOUT_MS", "0"},
      {"RINGFEED_CONNECT_TIMEOUT_MS", "5s"},
      {"RINGFEED_REQUEST_TIMEOUT_MS", "3600001"},
      {"RINGFEED_REQUEST_TIMEOUT_MS", "99999999999999999999"},
      {"RINGFEED_CONNECTIONS_PER_HOST", "65"},
      {"RINGFEED_CONNECTIONS_PER_HOST", "-1"},
  };
  for (const auto& [name, value] : cases) {
    set(name, value);
    expect_error(ErrorCode::kInvalidArgument, {name});
    ::unsetenv(name);
  }
}

TEST_F(Connections, BoundsOfOptions) {
  for (const std::uint32_t value : {0U, 3'600'001U}) {
    ConnectionOptions options;
    options.connect_timeout_ms = value;
    expect_error(ErrorCode::kInvalidArgument, {"connect_timeout_ms"}, options);
    options = {};
    options.request_timeout_ms = value;
    expect_error(ErrorCode::kInvalidArgument, {"request_timeout_ms"}, options);
    options = {};
    options.connections_per_host = value;
    expect_error(ErrorCode::kInvalidArgument, {"connections_per_host"}, options);
  }
  ConnectionOptions options;
  options.read_consistency = Consistency::kSerial;
  expect_error(ErrorCode::kInvalidArgument, {"SERIAL", "LOCAL_ONE"}, options);
  expect_error(ErrorCode::kInvalidArgument, {"cassandra://"}, {}, "/a/folder");
}

TEST_F(Connections, APartOfTlsTurnsItOn) {
  ConnectionOptions options;
  options.tls_server_names = {"db"};
  EXPECT_TRUE(resolve(options).tls);
  options.tls = false;
  expect_error(ErrorCode::kInvalidArgument, {"TLS off"}, options);
  set("RINGFEED_TLS_CA", "/ca");
  EXPECT_TRUE(resolve().tls);
  set("RINGFEED_TLS", "0");
  expect_error(ErrorCode::kInvalidArgument, {"RINGFEED_TLS"});
  ::unsetenv("RINGFEED_TLS");
  options = {};
  options.tls = false;  // a higher layer may switch off what a lower one describes
  EXPECT_FALSE(resolve(options).tls);
  ::unsetenv("RINGFEED_TLS_CA");
  file("cqlshrc", "[ssl]\ncertfile = /ca\n");  // there it is [connection] ssl that decides
  EXPECT_FALSE(resolve().tls);
  options = {};
  options.tls_cert = "/cert";
  expect_error(ErrorCode::kInvalidArgument, {"certificate", "key"}, options);
}

TEST_F(Connections, UnverifiedOnlyByTheOptionAndLoudly) {
  file("cqlshrc", "[connection]\nssl = true\n[ssl]\nvalidate = false\n");
  EXPECT_FALSE(resolve().tls_insecure);
  ASSERT_EQ(resolve().warnings.size(), 1u);
  EXPECT_NE(resolve().warnings[0].find("[ssl] validate"), std::string::npos);
  file("cqlshrc", "");
  ConnectionOptions options;
  options.tls_insecure = true;
  const Connection connection = resolve(options);
  EXPECT_TRUE(connection.tls && connection.tls_insecure);
  ASSERT_EQ(connection.warnings.size(), 1u);
  EXPECT_NE(connection.warnings[0].find("NOT verified"), std::string::npos);
}

TEST(Secrets, HaveNoWayIntoAText) {
  EXPECT_FALSE((std::is_convertible_v<Secret, std::string>));
  EXPECT_FALSE((std::is_convertible_v<Secret, std::string_view>));
  EXPECT_FALSE(fmt::is_formattable<Secret>::value);
  EXPECT_FALSE(fmt::is_formattable<Connection>::value);
}

TEST(Secrets, AreWipedWhenMovedFrom) {
  Secret first("hunter2");
  Secret second(std::move(first));
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): that it is empty is the promise
  Secret third("other");
  third = std::move(second);
  EXPECT_TRUE(second.empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(third.reveal(), "hunter2");
  third = Secret("x");
  EXPECT_EQ(third.reveal(), "x");
}

TEST(ConsistencyNames, ThereAndBack) {
  for (const auto* name :
       {"ONE", "TWO", "THREE", "QUORUM", "ALL", "LOCAL_QUORUM", "EACH_QUORUM", "LOCAL_ONE"}) {
    EXPECT_EQ(consistency_name(consistency_from_name(name)), name);
  }
  EXPECT_EQ(consistency_from_name("local_Quorum"), Consistency::kLocalQuorum);
  EXPECT_EQ(consistency_name(Consistency::kSerial), "SERIAL");
  EXPECT_EQ(consistency_name(Consistency::kLocalSerial), "LOCAL_SERIAL");
  for (const auto* name : {"", "ANY", "SERIAL", "LOCAL_SERIAL", "ONE "}) {
    EXPECT_THROW(consistency_from_name(name), Error) << name;
  }
}

}  // namespace
}  // namespace ringfeed::testing
