// The request is a variable, the answer a line of JSON.
#include "cli/trial.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <ringfeed/error.hpp>
#include <string>

#include "base/system_error.hpp"

namespace ringfeed::cli {
namespace {

/// "WARM_UP_MS TIME_MS HELD_BATCH DESCRIPTOR"
constexpr const char* kVariable = "RINGFEED_TRIAL";
constexpr std::size_t kReportBytesMax = 4096;

struct Part {
  const char* name;
  double TrainSeconds::* seconds;
};
constexpr Part kParts[] = {
    {"total", &TrainSeconds::total},           {"wait", &TrainSeconds::wait},
    {"forward", &TrainSeconds::forward},       {"backward", &TrainSeconds::backward},
    {"all_reduce", &TrainSeconds::all_reduce}, {"optimizer", &TrainSeconds::optimizer},
    {"store", &TrainSeconds::store},           {"check", &TrainSeconds::check},
    {"assemble", &TrainSeconds::assemble}};

}  // namespace

std::optional<TrialRequest> trial_of_this_rank() {
  const char* const text = is_launched_rank() ? std::getenv(kVariable) : nullptr;
  if (text == nullptr) return std::nullopt;
  long warm_up = 0;
  long time = 0;
  int held = 0;
  TrialRequest request;
  if (std::sscanf(text, "%ld %ld %d %d", &warm_up, &time, &held, &request.descriptor) != 4)
    throw Error(ErrorCode::kInternal, fmt::format("{}='{}' is no trial", kVariable, text));
  request.trial = {std::chrono::milliseconds(warm_up), std::chrono::milliseconds(time), held != 0};
  return request;
}

void report_trial(const TrialRequest& request, const TrainSummary& summary) {
  nlohmann::json json = {{"samples", summary.samples},
                         {"samples_per_second", summary.samples_per_second},
                         {"cpu_seconds", summary.cpu_seconds}};
  for (const auto& part : kParts) json[part.name] = summary.seconds.*part.seconds;
  const std::string text = json.dump();
  if (::pwrite(request.descriptor, text.data(), text.size(), 0) !=
      static_cast<ssize_t>(text.size()))
    throw_system_error(errno, "writing what a trial measured");
}

TrainSummary run_trial(LaunchOptions launch, const Trial& trial) {
  const int descriptor = ::memfd_create("ringfeed-trial", 0);  // inherited by the ranks
  if (descriptor < 0) throw_system_error(errno, "memory for what a trial measures");
  const auto close = [](const int* number) { ::close(*number); };
  const std::unique_ptr<const int, decltype(close)> closing(&descriptor, close);
  launch.environment.push_back(fmt::format("{}={} {} {} {}", kVariable, trial.warm_up.count(),
                                           trial.time.count(), trial.held_batch ? 1 : 0,
                                           descriptor));
  launch_ranks(launch);
  std::string text(kReportBytesMax, '\0');
  const auto size = ::pread(descriptor, text.data(), text.size(), 0);
  if (size <= 0) throw Error(ErrorCode::kInternal, "a trial ended without a word");
  const auto json = nlohmann::json::parse(text.begin(), text.begin() + size);
  TrainSummary summary;
  summary.samples = json.at("samples");
  summary.samples_per_second = json.at("samples_per_second");
  summary.cpu_seconds = json.at("cpu_seconds");
  for (const auto& part : kParts) summary.seconds.*part.seconds = json.at(part.name);
  return summary;
}

}  // namespace ringfeed::cli
