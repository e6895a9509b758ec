// All by broadcasts and sums: what is a sum of one rank's values and zeros is those values.
#include "train/agreement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ringfeed/error.hpp>
#include <utility>
#include <vector>

namespace ringfeed {
namespace {

constexpr double kSecondsBetweenAnswers = 0.25;

torch::Tensor bytes_tensor(std::string_view bytes) {
  return torch::from_blob(const_cast<char*>(bytes.data()),
                          {static_cast<std::int64_t>(bytes.size())}, torch::kUInt8);
}

/// Each rank's text on every rank.
std::vector<std::string> gather_texts(ProcessGroup& group, const std::string& text) {
  const auto sizes = torch::zeros({group.size()}, torch::kInt64);
  sizes[group.rank()] = static_cast<std::int64_t>(text.size());
  group.all_reduce(sizes);
  const auto longest = sizes.max().item<std::int64_t>();
  const auto all = torch::zeros({group.size(), longest}, torch::kUInt8);
  all[group.rank()].narrow(0, 0, static_cast<std::int64_t>(text.size())).copy_(bytes_tensor(text));
  group.all_reduce(all);
  std::vector<std::string> texts;
  for (int rank = 0; rank < group.size(); ++rank) {
    texts.emplace_back(reinterpret_cast<const char*>(all[rank].const_data_ptr<std::uint8_t>()),
                       static_cast<std::size_t>(sizes[rank].item<std::int64_t>()));
  }
  return texts;
}

}  // namespace

std::string broadcast_bytes(ProcessGroup& group, std::string_view bytes) {
  if (group.size() == 1) return std::string(bytes);
  const auto size = torch::scalar_tensor(static_cast<std::int64_t>(bytes.size()), torch::kInt64);
  group.broadcast(size);
  std::string all(static_cast<std::size_t>(size.item<std::int64_t>()), '\0');
  if (group.rank() == 0) all = bytes;
  if (!all.empty()) group.broadcast(bytes_tensor(all));
  return all;
}

void require_same(ProcessGroup& group, const nlohmann::json& document) {
  if (group.size() == 1) return;
  const auto texts = gather_texts(group, document.dump());
  const auto first = nlohmann::json::parse(texts.front()).flatten();
  for (std::size_t rank = 1; rank < texts.size(); ++rank) {
    const auto other = nlohmann::json::parse(texts[rank]).flatten();
    for (const auto& [name, value] : first.items()) {
      const auto has = other.value(name, nlohmann::json());
      if (has == value) continue;
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("rank {} has {} {}, and rank 0 has {}; all ranks must be started "
                              "with the same options, on the same version of the data set",
                              rank, name.substr(1), has.dump(), value.dump()));
    }
  }
}

void require_same_order(ProcessGroup& group, const Dataset& dataset, const FeedOptions& options) {
  require_same(group,
               nlohmann::json::parse(encode_position(options.start, dataset, options.order)));
}

FinishRequest::FinishRequest(std::shared_ptr<ProcessGroup> group, std::stop_token token)
    : group_(std::move(group)), token_(std::move(token)) {}

bool FinishRequest::asked_for() {
  if (group_->size() == 1) {
    asked_for_ = token_.stop_requested();
  } else if (!asked_for_ && --steps_left_ == 0) {
    ask_all();
  }
  return asked_for_;
}

void FinishRequest::ask_all() {
  const auto now = Clock::now();
  const std::chrono::duration<double> passed = now - last_;
  last_ = now;
  const auto answers = torch::tensor(
      {token_.stop_requested() ? 1.0 : 0.0, passed.count() / static_cast<double>(steps_between_)},
      torch::kFloat64);
  group_->all_reduce(answers, Reduce::kMax);
  const auto* answer = answers.const_data_ptr<double>();
  asked_for_ = answer[0] > 0;
  // At most twice as many as before: the time of the first steps says little about the next.
  const double fitting = kSecondsBetweenAnswers / std::max(answer[1], 1e-9);
  steps_between_ = std::clamp(static_cast<std::int64_t>(std::min(fitting, 1e9)), std::int64_t{1},
                              2 * steps_between_);
  steps_left_ = steps_between_;
}

}  // namespace ringfeed
