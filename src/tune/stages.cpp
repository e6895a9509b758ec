// A function for each stage.
#include "tune/stages.hpp"

#include <algorithm>
#include <ringfeed/error.hpp>

namespace ringfeed::tune {
namespace {

struct Run {
  const Measured& measured;
  const Settings& settings;
  double spare_bytes;
  const StoreRate& store;
  const ModelRate& model;
};

/// The bandwidth, or what is under way in a round trip, whichever is less.
Stage store(const Run& run) {
  const double per_rank =
      run.settings.in_flight_bytes > 0
          ? std::min(run.spare_bytes, static_cast<double>(run.settings.in_flight_bytes))
          : run.spare_bytes;
  const double under_way = run.settings.ranks * std::max(per_rank, run.measured.block_bytes);
  const double round_trips = run.measured.sample_bytes * run.measured.block_seconds / under_way;
  return {"store", "store", std::max(run.store.store_seconds, round_trips), run.store.cpu_seconds};
}

Stage check(const Run& run) {
  const double threads = run.settings.ranks * run.settings.read_threads;
  return {"check", "check", run.store.check_seconds / threads, run.store.check_seconds};
}

/// The training thread assembles, too, while it would wait: it has what the model leaves it.
Stage assembly(const Run& run) {
  const double own = run.measured.assemble_seconds / run.settings.ranks;
  const double training = run.model.compute_seconds + run.model.all_reduce_seconds;
  return {"assembly", "assembly", (own + training) / (run.settings.assemble_threads + 1),
          run.measured.assemble_seconds};
}

Stage model(const Run& run) {
  return {"model", "training", run.model.compute_seconds, run.model.cpu_seconds};
}

Stage all_reduce(const Run& run) {
  return {"all-reduce", "training", run.model.all_reduce_seconds, 0};
}

constexpr Stage (*kStages[])(const Run&) = {store, check, assembly, model, all_reduce};

template <typename Rates, typename Fits>
const auto& found(const Rates& rates, const Fits& fits) {
  const auto rate = std::ranges::find_if(rates, fits);
  if (rate == rates.end())
    throw Error(ErrorCode::kInternal, "a prediction for settings that were not measured");
  return *rate;
}

}  // namespace

std::vector<Stage> stages_of(const Measured& measured, const Settings& settings,
                             std::uint64_t spare_bytes) {
  const auto& store_rate = found(measured.stores, [&](const StoreRate& rate) {
    return rate.connections == settings.connections &&
           rate.in_flight_bytes == settings.in_flight_bytes;
  });
  const auto& model_rate = found(measured.models, [&](const ModelRate& rate) {
    return rate.ranks == settings.ranks && rate.threads == settings.threads &&
           rate.data_parallel == settings.data_parallel;
  });
  const Run run{measured, settings, static_cast<double>(spare_bytes), store_rate, model_rate};
  std::vector<Stage> stages;
  for (const auto stage : kStages) stages.push_back(stage(run));
  return stages;
}

}  // namespace ringfeed::tune
