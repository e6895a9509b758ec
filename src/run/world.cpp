// The environment of a rank, each variable checked.
#include "run/world.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <optional>
#include <ringfeed/error.hpp>
#include <string_view>

#include "base/option.hpp"

namespace ringfeed {
namespace {

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string>(value);
}

int number(const char* name, int least, int most, std::optional<int> without) {
  const auto text = variable(name);
  if (!text) {
    if (without) return *without;
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format(
            "the environment variable {} is not set, but RANK or WORLD_SIZE is; start the ranks by "
            "torchrun or {}",
            name, option_name("nproc")));
  }
  int value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size() || value < least || value > most) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("the environment variable {}='{}' is not a number from {} to {}", name,
                            *text, least, most));
  }
  return value;
}

}  // namespace

World World::from_environment() {
  World world;
  if (!variable("RANK") && !variable("WORLD_SIZE")) return world;
  world.size = number("WORLD_SIZE", 1, kRanksMax, std::nullopt);
  world.rank = number("RANK", 0, world.size - 1, std::nullopt);
  world.local_size = number("LOCAL_WORLD_SIZE", 1, world.size, world.size);
  world.local_rank = number("LOCAL_RANK", 0, world.local_size - 1, world.rank % world.local_size);
  if (world.size == 1) return world;
  const auto address = variable("MASTER_ADDR");
  if (!address) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format(
            "the environment variable MASTER_ADDR is not set; start the ranks by torchrun or {}",
            option_name("nproc")));
  }
  world.address = *address;
  world.port = static_cast<std::uint16_t>(number("MASTER_PORT", 1, 65'535, std::nullopt));
  world.agent_serves = variable("TORCHELASTIC_USE_AGENT_STORE").value_or("") == "True";
  world.restart = number("TORCHELASTIC_RESTART_COUNT", 0, 1'000'000, 0);
  world.store_descriptor = number(kStoreVariable, 0, 1'000'000, -1);
  return world;
}

}  // namespace ringfeed
