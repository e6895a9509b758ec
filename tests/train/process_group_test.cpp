// The group of one; and that the adapter to Gloo makes no class of Gloo's, whose headers may be older than the library.
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <sstream>

#include <ringfeed/error.hpp>
#include <ringfeed/torch.hpp>

#include "process.hpp"

namespace ringfeed {
namespace {

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
  // gloo:: in the arguments of c10 templates is no definition of Gloo's; a vtable or a member function is.
  const std::regex of_gloo(R"(^(vtable for |typeinfo for |typeinfo name for )?(gloo::|c10d::ProcessGroupGloo::GlooStore))");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(RINGFEED_BINARY_DIR)) {
    const std::string path = entry.path().string();
    if (!path.ends_with(".cpp.o") || path.find("ringfeed_torch.dir") == std::string::npos) continue;
    ++objects;
    const auto end = testing::run_program({"/usr/bin/nm", "--demangle", path});
    ASSERT_EQ(end.exit_code, 0) << end.output;
    std::istringstream lines(end.output);
    for (std::string line; std::getline(lines, line);) {
      if (line.find(" U ") != std::string::npos && line.find("ProcessGroupGloo") != std::string::npos) uses_gloo = true;
      std::smatch match;
      if (!std::regex_match(line, match, definition)) continue;
      EXPECT_FALSE(std::regex_search(match[1].first, match[1].second, of_gloo)) << path << " defines " << match[1];
    }
  }
  EXPECT_GE(objects, 5);
  EXPECT_TRUE(uses_gloo) << "no object uses Gloo: this test reads the wrong files";
}

TEST(ToTensor, SharesAndKeepsTheMemory) {
  auto memory = std::make_shared<std::vector<float>>(6, 1.5f);
  std::weak_ptr<std::vector<float>> watch = memory;
  Column column{"x", ColumnKind::kTensor, DType::kFloat32, {2, 3}, memory->data(), 24, nullptr, memory};
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
  for (const auto dtype : {DType::kUInt8, DType::kInt8, DType::kInt16, DType::kInt32, DType::kInt64, DType::kFloat16,
                           DType::kFloat32, DType::kFloat64, DType::kBool}) {
    const auto tensor = to_tensor({"x", ColumnKind::kTensor, dtype, {1}, bytes, size_of(dtype), nullptr, nullptr});
    EXPECT_EQ(tensor.element_size(), size_of(dtype));
    EXPECT_EQ(tensor.is_floating_point(), name_of(dtype).starts_with("float"));
  }
  EXPECT_THROW(to_tensor({"x", ColumnKind::kList, DType::kInt8, {1}, bytes, 1, nullptr, nullptr}), Error);
}

}  // namespace
}  // namespace ringfeed
