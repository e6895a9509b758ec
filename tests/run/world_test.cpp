// Ranks as the environment names them.
#include "run/world.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <map>
#include <ringfeed/error.hpp>

namespace ringfeed {
namespace {

/// Sets torchrun's variables to these alone, and takes all away at the end.
class Environment {
 public:
  explicit Environment(const std::map<std::string, std::string>& variables) {
    clear();
    for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
  }
  ~Environment() { clear(); }

 private:
  static void clear() {
    for (const char* name :
         {"RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT",
          "TORCHELASTIC_USE_AGENT_STORE", "TORCHELASTIC_RESTART_COUNT", kStoreVariable}) {
      ::unsetenv(name);
    }
  }
};

TEST(World, IsOneRankWithoutVariables) {
  const Environment environment({});
  const World world = World::from_environment();
  EXPECT_EQ(world.rank, 0);
  EXPECT_EQ(world.size, 1);
}

TEST(World, IsWhatTorchrunSays) {
  const Environment environment({{"RANK", "5"},
                                 {"WORLD_SIZE", "8"},
                                 {"LOCAL_RANK", "1"},
                                 {"LOCAL_WORLD_SIZE", "4"},
                                 {"MASTER_ADDR", "host"},
                                 {"MASTER_PORT", "29500"},
                                 {"TORCHELASTIC_USE_AGENT_STORE", "True"},
                                 {"TORCHELASTIC_RESTART_COUNT", "2"}});
  const World world = World::from_environment();
  EXPECT_EQ(world.rank, 5);
  EXPECT_EQ(world.size, 8);
  EXPECT_EQ(world.local_rank, 1);
  EXPECT_EQ(world.local_size, 4);
  EXPECT_EQ(world.address, "host");
  EXPECT_EQ(world.port, 29500);
  EXPECT_TRUE(world.agent_serves);
  EXPECT_EQ(world.restart, 2);
  EXPECT_EQ(world.store_descriptor, -1);
}

TEST(World, NamesTheVariableThatIsWrong) {
  const std::map<std::string, std::string> good = {
      {"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "host"}, {"MASTER_PORT", "29500"}};
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"RANK", "2"},        {"RANK", "-1"},           {"RANK", "one"},        {"RANK", ""},
      {"WORLD_SIZE", "0"},  {"WORLD_SIZE", "2x"},     {"WORLD_SIZE", "1025"}, {"MASTER_ADDR", ""},
      {"MASTER_PORT", "0"}, {"MASTER_PORT", "65536"}, {"MASTER_PORT", ""},    {"LOCAL_RANK", "2"}};
  for (const auto& [name, value] : wrong) {
    auto variables = good;
    variables[name] = value;
    const Environment environment(variables);
    try {
      World::from_environment();
      ADD_FAILURE() << name << "=" << value << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace ringfeed
