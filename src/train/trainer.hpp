// The training loop of one rank: feed, forward, loss, backward with all-reduce, optimizer;
// evaluation; weights.
#pragma once

#include <torch/nn/modules/container/sequential.h>
#include <torch/optim/optimizer.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ringfeed/dataset.hpp>
#include <ringfeed/feed.hpp>
#include <ringfeed/ledger.hpp>
#include <ringfeed/torch.hpp>
#include <ringfeed/train.hpp>
#include <ringfeed/train_with.hpp>
#include <string>
#include <vector>

#include "run/world.hpp"
#include "train/agreement.hpp"
#include "train/best_epoch.hpp"
#include "train/loss_check.hpp"
#include "train/losses.hpp"
#include "train/model.hpp"
#include "train/model_state.hpp"
#include "train/plan.hpp"
#include "train/reporter.hpp"
#include "train/resume.hpp"
#include "train/schedule.hpp"
#include "train/step_log.hpp"
#include "train/sums.hpp"
#include "train/train_meters.hpp"
#include "train/trial.hpp"
#include "train/weight_average.hpp"

namespace ringfeed {

/// What a run trains.
struct TrainParts {
  std::shared_ptr<Model> model;
  LossFunction loss;                             ///< of LossKind::kOwn
  torch::optim::Optimizer* optimizer = nullptr;  ///< of OptimizerKind::kOwn
};

/// `asked`: 0 for the cores of this rank.
int choose_threads(int asked, const World& world);

class Trainer {
 public:
  /// All that it is given must stay. `checkpoints`: of rank 0; null when there are none.
  Trainer(const TrainOptions& options, const Plan& plan, TrainParts parts,
          std::shared_ptr<const Dataset> dataset, std::shared_ptr<ProcessGroup> group,
          const std::vector<torch::Device>& devices, const Resumed* resumed,
          CheckpointFolder* checkpoints);

  /// Trains and evaluates all epochs that are left. A collective.
  void run(TrainSummary& summary);
  /// Returns the path.
  std::string save_weights();

 private:
  FeedOptions make_feed_options() const;
  Reporter begin_reporter();
  Spent spent() const;
  void warn_of_lanes() const;
  void begin_ledger();
  std::optional<Batch> next_batch() {
    return trial_ ? trial_->batch([this] { return feed_.next(); }) : feed_.next();
  }
  void train_epoch(TrainSummary& summary, Sums sums);
  void step(const Batch& batch, Sums& sums, Stopwatch& watch);
  torch::Tensor loss_of_part(const std::vector<torch::Tensor>& inputs, const torch::Tensor& target,
                             bool is_last_part);
  void backward(const torch::Tensor& loss, bool is_last_part, Stopwatch& watch);
  void evaluate(TrainSummary& summary, bool is_last);
  void note_best(TrainSummary& summary, std::uint64_t epoch);
  void say_best(TrainSummary& summary) const;
  void check_losses();
  [[noreturn]] void throw_diverged(const std::string& what) const;
  bool is_last(const Batch& batch) const {
    return static_cast<std::uint64_t>(batch.step) + 1 == feed_.steps().count();
  }
  bool is_checkpoint_due(const Batch& batch) const;
  void save_checkpoint(const TrainSummary& summary, const Sums& sums);
  std::vector<torch::Tensor> inputs_of(const Batch& batch) const;
  std::vector<torch::Tensor> columns_of(const Batch& batch) const;
  torch::Tensor target_of(const Batch& batch, const std::shared_ptr<const Dataset>& dataset,
                          const FeedOptions& options) const;
  torch::Tensor forward(const std::vector<torch::Tensor>& inputs);
  void seed_step(const Batch& batch) const;
  bool has_checkpoints() const { return !options_.checkpoint_dir.empty(); }
  void report(const TrainProgress& progress) const {
    if (group_->rank() == 0 && options_.progress) options_.progress(progress);
  }

  void check_stop() const;
  [[noreturn]] void throw_finished() const;

  const TrainOptions& options_;
  std::shared_ptr<const Dataset> dataset_;
  std::shared_ptr<const Dataset> validation_;  ///< null when there is none
  const Plan& plan_;
  std::shared_ptr<ProcessGroup> group_;
  const torch::Device device_;  ///< of inputs, outputs and parameters
  const Position start_;
  CheckpointFolder* const checkpoints_;  ///< of rank 0; null when there are none
  const FeedOptions feed_options_;
  Feed feed_;                      ///< made first: it reads while the model is built
  std::optional<TrialRun> trial_;  ///< null when this is no trial
  FinishRequest finish_;
  LossCheck loss_check_;
  const std::shared_ptr<Model> module_;
  Loss loss_;
  std::unique_ptr<torch::optim::Optimizer> made_optimizer_;  ///< null: that of the caller
  torch::optim::Optimizer& optimizer_;
  LearningRate rate_;
  DistributedDataParallel<Model> distributed_;
  std::unique_ptr<WeightAverage> average_;  ///< null: there is none
  ModelState state_;
  const std::vector<torch::Tensor> parameters_ = distinct(module_->parameters());
  BestEpoch best_;
  /// Over the devices of one process; null where there is one.
  std::optional<DataParallel<torch::nn::SequentialImpl>> parallel_;
  std::optional<Ledger> ledger_;
  nlohmann::json resumed_;  ///< the document of the checkpoint that was loaded
  TrainMeters meters_;
  StepLog step_log_;
  Reporter reporter_;  ///< last: it uses all of the above
};

}  // namespace ringfeed
