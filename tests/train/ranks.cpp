// What the ranks of the tests do: `train_ranks WHAT [ARGUMENT...]`, started by launch_ranks().
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <torch/nn/functional/loss.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/sgd.h>
#include <torch/utils.h>
#include <unistd.h>

#include <cstdio>
#include <map>
#include <ringfeed/error.hpp>
#include <ringfeed/launch.hpp>
#include <ringfeed/torch.hpp>
#include <ringfeed/train.hpp>
#include <ringfeed/train_with.hpp>
#include <vector>

#include "train/losses.hpp"

namespace ringfeed {
namespace {

namespace nn = torch::nn;
using Arguments = std::vector<std::string>;

void require(bool holds, const std::string& message) {
  if (!holds) throw Error(ErrorCode::kInternal, message);
}

int rank_of_environment() { return std::atoi(std::getenv("RANK")); }

/// Tells the test that this rank runs.
void tell(const std::string& fifo) {
  const int descriptor = ::open(fifo.c_str(), O_WRONLY);
  const pid_t pid = ::getpid();
  require(::write(descriptor, &pid, sizeof(pid)) == sizeof(pid), "cannot write to " + fifo);
}

/// Then does nothing until a signal comes.
void hang(const std::string& fifo) {
  tell(fifo);
  while (true) ::pause();
}

/// Ends by itself when it is asked to finish.
void hang_until_told(const std::string& fifo) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  tell(fifo);
  int number = 0;
  sigwait(&set, &number);
  throw Error(ErrorCode::kCancelled, "the step is over");
}

nn::Sequential make_net(torch::ScalarType dtype, std::int64_t outputs) {
  // Over 1 MiB of parameters in any dtype, so that there are several buckets.
  nn::Sequential net(nn::Linear(12, 1500), nn::ReLU(), nn::Linear(1500, 400), nn::ReLU(),
                     nn::Linear(400, outputs));
  net->to(dtype);
  return net;
}

struct GradientCase {
  LossKind loss;
  std::vector<double> class_weights;
  torch::ScalarType dtype;
  double tolerance;
};

GradientCase gradient_case(const Arguments& arguments) {
  const std::map<std::string, LossKind> losses = {{"mse", LossKind::kMse},
                                                  {"bce", LossKind::kBce},
                                                  {"ce", LossKind::kCrossEntropy},
                                                  {"wce", LossKind::kCrossEntropy}};
  GradientCase result{losses.at(arguments.at(0)), {}, torch::kFloat64, 1e-12};
  if (arguments.at(0) == "wce") result.class_weights = {0.5, 3, 0, 1, 0.1, 7, 2};
  if (arguments.at(1) == "float32") {
    result.dtype = torch::kFloat32;
    result.tolerance = 1e-6;
  }
  return result;
}

/// What torch itself computes for the whole batch in one process.
torch::Tensor whole_batch_loss(const GradientCase& test, const torch::Tensor& output,
                               const torch::Tensor& target) {
  namespace functional = nn::functional;
  switch (test.loss) {
    case LossKind::kMse:
      return functional::mse_loss(output, target);
    case LossKind::kBce:
      return functional::binary_cross_entropy_with_logits(output, target);
    case LossKind::kCrossEntropy: {
      functional::CrossEntropyFuncOptions options;
      if (!test.class_weights.empty())
        options.weight(torch::tensor(test.class_weights, test.dtype));
      return functional::cross_entropy(output, target, options);
    }
    case LossKind::kModel:
    case LossKind::kOwn:
      break;
  }
  throw Error(ErrorCode::kInternal, "no such loss");
}

/// Over all parameters, the largest difference relative to the largest gradient of its tensor.
double worst_difference(nn::Module& net, nn::Module& reference) {
  double worst = 0;
  const auto ours = net.parameters();
  const auto theirs = reference.parameters();
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const double largest = theirs[i].grad().abs().max().item<double>();
    require(largest > 0, "a reference gradient is all zero: the test shows nothing");
    worst =
        std::max(worst, (ours[i].grad() - theirs[i].grad()).abs().max().item<double>() / largest);
  }
  return worst;
}

/// LOSS DTYPE FILE: four steps, one of them ragged, ranks with uneven shares (some of them none);
/// the gradients against those of one process with the whole batch. Rank 0 writes the worst
/// difference to FILE.
void gradients(const Arguments& arguments) {
  const GradientCase test = gradient_case(arguments);
  const auto group = ProcessGroup::join();
  torch::manual_seed(static_cast<std::uint64_t>(
      100 + group->rank()));  // the first parameters differ: rank 0's count
  const std::int64_t outputs = 7;
  auto net = make_net(test.dtype, outputs);
  auto reference = make_net(test.dtype, outputs);
  DistributedDataParallel<nn::SequentialImpl> distributed(net.ptr(), group);
  const Loss loss(test.loss, test.class_weights, test.dtype);
  torch::optim::SGD optimizer(net->parameters(), torch::optim::SGDOptions(0.1).momentum(0.9));
  torch::manual_seed(7);
  double worst = 0;
  int step = 0;
  for (const std::int64_t samples : {23, 23, 7, 23}) {
    const auto input = torch::randn({samples, 12}, test.dtype);
    const auto target =
        test.loss == LossKind::kCrossEntropy ? torch::randint(outputs, {samples}, torch::kInt64)
        : test.loss == LossKind::kBce        ? torch::rand({samples, outputs}, test.dtype)
                                             : torch::randn({samples, outputs}, test.dtype);
    {
      const torch::NoGradGuard no_gradients;
      for (std::size_t i = 0; i < net->parameters().size(); ++i) {
        reference->parameters()[i].copy_(net->parameters()[i]);
      }
    }
    drop_gradients(*reference);
    whole_batch_loss(test, reference->forward(input), target).backward();

    const auto share = [&](std::int64_t r) {
      return samples * r * (r + 1) / (group->size() * (group->size() + 1));
    };
    const auto slice = torch::indexing::Slice(share(group->rank()), share(group->rank() + 1));
    const auto own_target = loss.target(target.index({slice}));
    // The optimizer's is as good, whether it drops or zeroes.
    if (step % 3 == 0) {
      distributed.zero_grad();
    } else {
      optimizer.zero_grad(/*set_to_none=*/step == 1);
    }
    ++step;
    const auto sum = loss.sum(distributed.forward(input.index({slice})), own_target);
    const auto weight = loss.weight(own_target);
    group->all_reduce(weight);
    (sum * step_scale(group->size(), weight.item<double>())).backward();
    worst = std::max(worst, worst_difference(*net, *reference));
    optimizer.step();
  }
  require(worst <= test.tolerance,
          fmt::format("rank {}: gradients differ by {}", group->rank(), worst));
  for (const auto& parameter : net->parameters()) {
    auto most = parameter.detach().clone();
    auto least = -most;
    group->all_reduce(most, Reduce::kMax);
    group->all_reduce(least, Reduce::kMax);
    require(torch::equal(most, -least), "the parameters of the ranks drifted apart");
  }
  const auto overall = torch::tensor({worst}, torch::kFloat64);
  group->all_reduce(overall, Reduce::kMax);
  if (group->rank() == 0) {
    std::FILE* const file = std::fopen(arguments.at(2).c_str(), "w");
    fmt::print(file, "{}", overall.item<double>());
    std::fclose(file);
  }
}

/// Buffers (the running mean of a batch norm) are rank 0's after each forward; evaluation needs no
/// other rank.
void buffers() {
  const auto group = ProcessGroup::join();
  auto net = std::make_shared<nn::SequentialImpl>(nn::BatchNorm1d(3), nn::Linear(3, 1));
  DistributedDataParallel<nn::SequentialImpl> distributed(net, group);
  for (int step = 0; step < 2; ++step) {
    distributed.zero_grad();
    distributed.forward(torch::full({4, 3}, group->rank() + 1.0)).sum().backward();
  }
  // Rank 0 saw only ones: 1 - 0.9 after one step, and the others got that before their second one.
  const auto mean = net->buffers()[0];
  const double expected = 0.9 * 0.1 + 0.1 * (group->rank() + 1);
  require(torch::allclose(mean, torch::full({3}, expected)),
          fmt::format("the running mean is not {}", expected));
  if (group->rank() == 0) {
    const torch::NoGradGuard no_gradients;
    distributed.forward(torch::ones({2, 3}));
  }
}

/// Two layers, each used where it is asked for.
struct TwoLayers : nn::Module {
  nn::Linear first{register_module("first", nn::Linear(3, 2))};
  nn::Linear second{register_module("second", nn::Linear(3, 2))};

  torch::Tensor forward(const torch::Tensor& x, bool uses_first, bool uses_second) {
    auto output = torch::zeros({x.size(0), 2});
    if (uses_first) output = output + first->forward(x);
    if (uses_second) output = output + second->forward(x);
    return output;
  }
};

/// Of the sum of `x` over samples by each output: what a layer's weight gets, in the mean over
/// ranks.
torch::Tensor mean_over_ranks(ProcessGroup& group, const torch::Tensor& own) {
  const auto sum = own.clone();
  group.all_reduce(sum);
  return sum / group.size();
}

torch::Tensor weight_gradient(const torch::Tensor& x) { return x.sum(0).expand({2, 3}).clone(); }

void require_gradient(const nn::Linear& layer, const torch::Tensor& expected, double tolerance) {
  require(layer->weight.grad().defined(), "a gradient is missing");
  require(torch::allclose(layer->weight.grad(), expected, tolerance, tolerance),
          "a gradient is not the mean over the ranks");
}

/// KIND of ParallelOptions: three steps each.
void parallel_options(const Arguments& arguments) {
  const std::string& kind = arguments.at(0);
  const auto group = ProcessGroup::join();
  ParallelOptions options;
  options.find_unused_parameters = kind == "unused";
  options.static_graph = kind == "static";
  options.gradient_as_bucket_view = kind != "copied";
  if (kind == "float16") options.compression = GradientCompression::kFloat16;
  if (kind == "bfloat16") options.compression = GradientCompression::kBFloat16;
  auto net = std::make_shared<TwoLayers>();
  DistributedDataParallel<TwoLayers> distributed(net, group, options);
  torch::manual_seed(static_cast<std::uint64_t>(group->rank()));
  torch::optim::SGD optimizer(net->parameters(), 0.1);
  for (int step = 0; step < 3; ++step) {
    optimizer.zero_grad(/*set_to_none=*/kind != "copied");
    const auto x = torch::randn({4, 3});
    const auto before = torch::randn({2, 3});
    // Each rank uses another one; static: none uses the second.
    const bool uses_first = kind != "unused" || group->rank() % 2 == 0;
    const bool uses_second = kind == "unused" ? !uses_first : kind != "static";
    auto own = weight_gradient(x);
    if (kind == "no-sync") {
      const auto alone = distributed.no_sync();
      distributed.forward(before, true, true).sum().backward();
      own += weight_gradient(before);
    }
    distributed.forward(x, uses_first, uses_second).sum().backward();
    const bool is_small = kind.ends_with("16");
    const auto nothing = torch::zeros({2, 3});
    require_gradient(net->first, mean_over_ranks(*group, uses_first ? own : nothing),
                     is_small ? 2e-2 : 1e-6);
    if (kind == "static") {
      require(!net->second->weight.grad().defined(), "an unused layer has a gradient");
    } else {
      require_gradient(net->second, mean_over_ranks(*group, uses_second ? own : nothing),
                       is_small ? 2e-2 : 1e-6);
    }
    if (is_small) {
      const auto& gradient = net->first->weight.grad();
      const auto dtype = kind == "float16" ? torch::kFloat16 : torch::kBFloat16;
      require(torch::equal(gradient, gradient.to(dtype).to(torch::kFloat32)),
              "the gradient has more digits than were to be sent");
    }
    optimizer.step();
  }
}

/// Ranks keep buffers of their own.
void own_buffers() {
  const auto group = ProcessGroup::join();
  auto net = std::make_shared<nn::SequentialImpl>(nn::BatchNorm1d(3), nn::Linear(3, 1));
  DistributedDataParallel<nn::SequentialImpl> distributed(net, group, {.broadcast_buffers = false});
  for (int step = 0; step < 2; ++step) {
    distributed.zero_grad();
    distributed.forward(torch::full({4, 3}, group->rank() + 1.0)).sum().backward();
  }
  const double expected = (0.9 * 0.1 + 0.1) * (group->rank() + 1);
  require(torch::allclose(net->buffers()[0], torch::full({3}, expected)),
          fmt::format("the running mean is not {}", expected));
}

/// DTYPE: ranks with uneven shares, some of them none, against one process with the whole batch.
void sync_batch_norm(const Arguments& arguments) {
  const auto dtype = arguments.at(0) == "float64" ? torch::kFloat64 : torch::kFloat32;
  const double tolerance = dtype == torch::kFloat64 ? 1e-12 : 1e-6;
  const auto group = ProcessGroup::join();
  SyncBatchNorm norm(torch::nn::BatchNormOptions(5));
  nn::BatchNorm1d reference(5);
  norm.to(dtype);
  reference->to(dtype);
  torch::manual_seed(3);
  for (const std::int64_t samples : {13, 13, 4}) {
    const auto whole = (torch::randn({samples, 5, 4}, dtype) * 3 + 1).requires_grad_();
    const auto factors = torch::randn({samples, 5, 4}, dtype);
    const auto share = [&](std::int64_t r) {
      return samples * r * (r + 1) / (group->size() * (group->size() + 1));
    };
    const auto slice = torch::indexing::Slice(share(group->rank()), share(group->rank() + 1));
    const auto own = whole.detach().index({slice}).clone().requires_grad_();
    drop_gradients(norm);
    drop_gradients(*reference);
    const auto output = norm.forward(own);
    (output * factors.index({slice})).sum().backward();
    const auto expected = reference->forward(whole);
    (expected * factors).sum().backward();
    const auto near = [&](const torch::Tensor& ours, const torch::Tensor& theirs) {
      return torch::allclose(ours, theirs, tolerance, 10 * tolerance);
    };
    require(near(output, expected.index({slice})), "the output differs");
    require(near(own.grad(), whole.grad().index({slice})), "the input's gradient differs");
    for (std::size_t i = 0; i < 2; ++i) {
      const auto sum = norm.parameters()[i].grad().clone();
      group->all_reduce(sum);
      require(near(sum, reference->parameters()[i].grad()), "a parameter's gradient differs");
    }
    for (std::size_t i = 0; i < 3; ++i)
      require(near(norm.buffers()[i], reference->buffers()[i]), "a buffer differs");
  }
  norm.eval();
  reference->eval();
  const auto x = torch::randn({2, 5}, dtype);
  require(torch::allclose(norm.forward(x), reference->forward(x), tolerance, tolerance),
          "evaluation differs");
}

void different_models() {
  const auto group = ProcessGroup::join();
  DistributedDataParallel<nn::LinearImpl> distributed(
      std::make_shared<nn::LinearImpl>(3, 1 + group->rank()), group);
}

/// RANK HOW: that rank ends badly after all have met; the others wait for it in a collective.
void die(const Arguments& arguments) {
  const auto group = ProcessGroup::join();
  group->all_reduce(torch::ones({1}));
  if (group->rank() == std::stoi(arguments.at(0))) {
    const std::string& how = arguments.at(1);
    if (how == "signal") ::raise(SIGKILL);
    if (how == "exit") ::_exit(3);
    if (how == "error") throw Error(ErrorCode::kBadData, "part-0.arrow: chunk 7 is damaged");
    if (how == "bug") throw std::logic_error("what must not be");
  }
  group->all_reduce(torch::ones({1}));
}

/// Rank 1 is silent, rank 0 waits for it 3 s.
void silent(const Arguments& arguments) {
  const bool waits = rank_of_environment() == 0;
  const auto group =
      ProcessGroup::join({.timeout = std::chrono::milliseconds(waits ? 3000 : 60'000)});
  if (!waits) hang(arguments.at(0));
  group->all_reduce(torch::ones({1}));
}

/// URL STEP: rank 1 begins so many steps later than rank 0.
void order(const Arguments& arguments) {
  const auto group = ProcessGroup::join();
  const auto dataset = Dataset::open(arguments.at(0));
  FeedOptions options;
  options.order.global_batch = 10;
  options.start.samples = group->rank() == 1 ? 10 * std::stoull(arguments.at(1)) : 0;
  require_same_order(*group, *dataset, options);
}

/// URL FILE MODEL LOSS EPOCHS [CLASS WEIGHT...]: rank 0 writes the losses in hexadecimal, then the
/// validation figures.
void train_small(const Arguments& arguments) {
  TrainOptions options;
  options.url = arguments.at(0);
  options.model = arguments.at(2);
  options.loss = arguments.at(3);
  options.epochs = std::stoul(arguments.at(4));
  options.input = "x";
  options.target = options.loss == "mse" ? "y" : "label";
  options.optimizer = "sgd";
  options.learning_rate = 0.01;
  options.global_batch = 10;
  options.lanes = 8;
  options.threads = 1;
  for (std::size_t i = 5; i < arguments.size(); ++i)
    options.class_weights.push_back(std::stod(arguments[i]));
  const TrainSummary summary = train(options);
  if (summary.rank != 0) return;
  std::FILE* const file = std::fopen(arguments.at(1).c_str(), "w");
  for (const double loss : summary.losses) std::fprintf(file, "%a\n", loss);
  std::fprintf(file, "%a\n%a\n", summary.val_loss.value_or(-1), summary.val_accuracy.value_or(-1));
  std::fclose(file);
}

/// URL FILE UNUSED: a module of the caller's, and with UNUSED = unused a layer without a
/// part; rank 0 writes the losses, then that of the validation.
void train_own(const Arguments& arguments) {
  auto options = TrainOptions();
  options.url = arguments.at(0);
  options.input = "x";
  options.target = "label";
  options.global_batch = 10;
  options.lanes = 8;
  options.threads = 1;
  options.epochs = 3;
  torch::manual_seed(static_cast<std::uint64_t>(rank_of_environment()));  // rank 0's count
  nn::Sequential net(nn::Linear(10, 6), nn::ReLU(), nn::Linear(6, 3));
  auto optimizer = torch::optim::SGD(net->parameters(), torch::optim::SGDOptions(0.05));
  OwnModel model = net;
  if (arguments.at(2) == "unused") model.module->register_module("unused", nn::Linear(2, 2).ptr());
  const auto loss = [](const torch::Tensor& output, const torch::Tensor& target) {
    return nn::functional::cross_entropy(output, target);
  };
  const auto summary = train_with(model, loss, optimizer, options);
  if (summary.rank != 0) return;
  std::FILE* const file = std::fopen(arguments.at(1).c_str(), "w");
  for (const double each : summary.losses) std::fprintf(file, "%a\n", each);
  std::fprintf(file, "%a\n", summary.val_loss.value_or(-1));
  std::fclose(file);
}

/// URL FILE: with all options of learning; rank 0 writes the losses, then the validation figures.
void learn(const Arguments& arguments) {
  TrainOptions options;
  options.url = arguments.at(0);
  options.input = "x";
  options.target = "label";
  options.hidden = {8};
  options.global_batch = 10;
  options.lanes = 8;
  options.threads = 1;
  options.epochs = 3;
  options.learning_rate = 0.01;
  options.schedule = "cosine";
  options.warm_up = 5;
  options.clip_norm = 0.3;
  options.ema_decay = 0.8;
  options.accumulate = 3;
  options.label_smoothing = 0.1;
  options.class_weights = {1, 0.5, 2};
  options.top_k = 2;
  options.patience = 2;
  options.freeze = {"fc1.bias"};
  const auto summary = train(options);
  if (summary.rank != 0) return;
  std::FILE* const file = std::fopen(arguments.at(1).c_str(), "w");
  for (const double each : summary.losses) std::fprintf(file, "%a\n", each);
  std::fprintf(file, "%a\n%a\n%a\n", *summary.val_loss, *summary.val_accuracy,
               summary.val_figures.at(0).second);
  std::fclose(file);
}

void run(const std::string& what, const Arguments& arguments) {
  if (what == "gradients") return gradients(arguments);
  if (what == "buffers") return buffers();
  if (what == "parallel-options") return parallel_options(arguments);
  if (what == "own-buffers") return own_buffers();
  if (what == "sync-batch-norm") return sync_batch_norm(arguments);
  if (what == "different-models") return different_models();
  if (what == "die") return die(arguments);
  if (what == "silent") return silent(arguments);
  if (what == "order") return order(arguments);
  if (what == "train") return train_small(arguments);
  if (what == "learn") return learn(arguments);
  if (what == "train-own") return train_own(arguments);
  if (what == "hang") return hang(arguments.at(0));
  if (what == "hang-until-told") return hang_until_told(arguments.at(0));
  if (what == "hang-on") {
    for (const int number : {SIGINT, SIGTERM}) ::signal(number, SIG_IGN);
    return hang(arguments.at(0));
  }
  if (what == "finish") return;
  if (what == "variable") {
    const std::string value = std::getenv(arguments.at(0).c_str());
    return require(value == arguments.at(1), fmt::format("{} is '{}'", arguments[0], value));
  }
  throw Error(ErrorCode::kInvalidArgument, "nothing is called " + what);
}

}  // namespace
}  // namespace ringfeed

/// `launch RANKS WHAT...` is a launcher of its own, for a test that kills it.
int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv, argv + argc);
  if (arguments.at(1) == "launch") {
    ringfeed::LaunchOptions options;
    options.ranks = std::stoi(arguments.at(2));
    options.arguments = {arguments[0]};
    options.arguments.insert(options.arguments.end(), arguments.begin() + 3, arguments.end());
    ringfeed::launch_ranks(options);
    return 0;
  }
  const int code = ringfeed::run_rank(
      [&] { ringfeed::run(arguments[1], {arguments.begin() + 2, arguments.end()}); });
  const ringfeed::Error cancelled(ringfeed::ErrorCode::kCancelled, "");
  return code == cancelled.exit_code() ? 128 + SIGTERM : code;  // by nothing else
}
