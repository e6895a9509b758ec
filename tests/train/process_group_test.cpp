// The group of one; and that the adapter to Gloo makes no class of Gloo's, whose headers may be
// older than the library.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <regex>
#include <ringfeed/error.hpp>
#include <ringfeed/torch.hpp>
#include <sstream>
#include <thread>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "process.hpp"
#include "train/ranks.hpp"

namespace ringfeed {
namespace {

/// A port of the loopback interface that was free a moment ago.
std::uint16_t free_port() {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(descriptor, generic, size) != 0 || ::getsockname(descriptor, generic, &size) != 0) {
    throw std::runtime_error("no free port");
  }
  ::close(descriptor);
  return ntohs(address.sin_port);
}

/// Three ranks with the variables that torchrun sets, and no launcher of ours.
void expect_ranks_join(std::uint16_t port, const std::vector<std::string>& more) {
  std::vector<testing::ProcessEnd> ends(3);
  {
    std::vector<std::jthread> threads;
    for (int rank = 0; rank < 3; ++rank) {
      std::vector<std::string> command = {"/usr/bin/env",
                                          fmt::format("RANK={}", rank),
                                          "WORLD_SIZE=3",
                                          fmt::format("LOCAL_RANK={}", rank),
                                          "LOCAL_WORLD_SIZE=3",
                                          "MASTER_ADDR=localhost",
                                          fmt::format("MASTER_PORT={}", port)};
      command.insert(command.end(), more.begin(), more.end());
      command.insert(command.end(), {testing::ranks_program(), "buffers"});
      threads.emplace_back([command, &end = ends[static_cast<std::size_t>(rank)]] {
        end = testing::run_program(command);
      });
    }
  }
  for (const auto& end : ends) EXPECT_EQ(end.exit_code, 0) << end.output;
}

TEST(ProcessGroup, JoinsWhereRank0ServesTheStore) { expect_ranks_join(free_port(), {}); }

TEST(ProcessGroup, JoinsWhereTheAgentServesTheStoreAfterEachRestart) {
  c10d::TCPStoreOptions options;
  options.port = 0;
  options.isServer = true;
  const auto agent = c10::make_intrusive<c10d::TCPStore>("localhost", options);
  for (const char* attempt : {"TORCHELASTIC_RESTART_COUNT=0", "TORCHELASTIC_RESTART_COUNT=1"}) {
    expect_ranks_join(agent->getPort(), {"TORCHELASTIC_USE_AGENT_STORE=True", attempt});
  }
}

TEST(ProcessGroup, OfOneRankNeedsNoNetwork) {
  const auto group = ProcessGroup::join();
  EXPECT_EQ(group->rank(), 0);
  EXPECT_EQ(group->size(), 1);
  const auto tensor = torch::arange(3);
  group->all_reduce(tensor);
  group->all_reduce_async(tensor, Reduce::kMax).wait();
  group->broadcast(tensor);
  EXPECT_TRUE(torch::equal(tensor, torch::arange(3)));
  EXPECT_THROW(ProcessGroup::join({.timeout = std::chrono::milliseconds(0)}), Error);
}

TEST(ProcessGroup, AdapterDefinesNothingOfGloo) {
  int objects = 0;
  bool uses_gloo = false;
  const std::regex definition(R"(^[0-9a-f]+ [A-TV-Za-z] (.*(gloo::|GlooStore).*)$)");
  // gloo:: in the arguments of c10 templates is no definition of Gloo's; a vtable or a member
  // function is.
  const std::regex of_gloo(
      R"(^(vtable for |typeinfo for |typeinfo name for )?(gloo::|c10d::ProcessGroupGloo::GlooStore))");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(RINGFEED_BINARY_DIR)) {
    const std::string path = entry.path().string();
    if (!path.ends_with(".o") || path.find("room_train.dir") == std::string::npos) continue;
    ++objects;
    const auto end = testing::run_program({"/usr/bin/nm", "--demangle", path});
    ASSERT_EQ(end.exit_code, 0) << end.output;
    std::istringstream lines(end.output);
    for (std::string line; std::getline(lines, line);) {
      if (line.find(" U ") != std::string::npos &&
          line.find("ProcessGroupGloo") != std::string::npos)
        uses_gloo = true;
      std::smatch match;
      if (!std::regex_match(line, match, definition)) continue;
      EXPECT_FALSE(std::regex_search(match[1].first, match[1].second, of_gloo))
          << path << " defines " << match[1];
    }
  }
  EXPECT_GE(objects, 1);
  EXPECT_TRUE(uses_gloo) << "no object uses Gloo: this test reads the wrong files";
}

TEST(ToTensor, SharesAndKeepsTheMemory) {
  auto memory = std::make_shared<std::vector<float>>(6, 1.5f);
  std::weak_ptr<std::vector<float>> watch = memory;
  Column column{"x",   ColumnKind::kTensor, DType::kFloat32, {2, 3}, memory->data(), 24, nullptr,
                memory};
  float* const data = memory->data();
  memory.reset();
  auto tensor = to_tensor(column);
  column = {};
  EXPECT_FALSE(watch.expired());
  EXPECT_EQ(tensor.data_ptr(), data);
  EXPECT_EQ(tensor.sizes(), (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(tensor.sum().item<float>(), 9.0f);
  tensor = torch::Tensor();
  EXPECT_TRUE(watch.expired());
}

TEST(ToTensor, HasEveryDtypeAndRefusesLists) {
  std::uint8_t bytes[8] = {1};
  for (const auto dtype : {DType::kUInt8, DType::kInt8, DType::kInt16, DType::kInt32, DType::kInt64,
                           DType::kFloat16, DType::kFloat32, DType::kFloat64, DType::kBool}) {
    const auto tensor =
        to_tensor({"x", ColumnKind::kTensor, dtype, {1}, bytes, size_of(dtype), nullptr, nullptr});
    EXPECT_EQ(tensor.element_size(), size_of(dtype));
    EXPECT_EQ(tensor.is_floating_point(), name_of(dtype).starts_with("float"));
  }
  EXPECT_THROW(to_tensor({"x", ColumnKind::kList, DType::kInt8, {1}, bytes, 1, nullptr, nullptr}),
               Error);
}

}  // namespace
}  // namespace ringfeed
