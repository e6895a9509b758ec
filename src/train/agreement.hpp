// What ranks tell each other before they train. Collectives: all ranks call each of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <ringfeed/torch.hpp>
#include <stop_token>
#include <string>
#include <string_view>

namespace ringfeed {

/// Rank 0's bytes on every rank; those of the others are not looked at.
std::string broadcast_bytes(ProcessGroup& group, std::string_view bytes);

/// Throws Error{kInvalidArgument} on every rank unless all have the same document; it names the
/// first rank that has something else than rank 0, and what.
void require_same(ProcessGroup& group, const nlohmann::json& document);

/// A request to finish that may reach any rank, at any step, and that all ranks must follow at the
/// same one. A message a step would slow small steps, so the ranks ask each other about four times
/// a second: how many steps are between is computed of the slowest rank's time, alike on all.
class FinishRequest {
 public:
  FinishRequest(std::shared_ptr<ProcessGroup> group, std::stop_token token);

  /// After each step, on every rank: the same answer on all, and true from then on.
  bool asked_for();

 private:
  using Clock = std::chrono::steady_clock;

  void ask_all();

  std::shared_ptr<ProcessGroup> group_;
  std::stop_token token_;
  bool asked_for_ = false;
  std::int64_t steps_between_ = 1;
  std::int64_t steps_left_ = 1;
  Clock::time_point last_ = Clock::now();
};

}  // namespace ringfeed
