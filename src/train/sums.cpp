// Adding up over ranks, and from a checkpoint of as many or of other ranks.
#include "train/sums.hpp"

#include "train/resume.hpp"

namespace ringfeed {

Sums::Sums(const nlohmann::json& of_ranks, const ProcessGroup& group, torch::Device device)
    : Sums(device) {
  const bool same_ranks = of_ranks.size() == static_cast<std::size_t>(group.size());
  for (std::size_t rank = 0; rank < of_ranks.size(); ++rank) {
    if (static_cast<int>(same_ranks ? rank : 0) != group.rank()) continue;
    loss += double_of(of_ranks[rank].at("loss"));
    weight += of_ranks[rank].at("weight").get<double>();
  }
}

void Sums::all_reduce(ProcessGroup& group) {
  const auto sums = torch::tensor({loss.item<double>(), weight, correct, samples}, torch::kFloat64);
  group.all_reduce(sums);
  const auto* value = sums.const_data_ptr<double>();
  loss = torch::scalar_tensor(value[0], torch::kFloat64);
  weight = value[1];
  correct = value[2];
  samples = value[3];
}

}  // namespace ringfeed
