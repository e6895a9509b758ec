// What the options mean for this data set: everything that can be refused before anything starts is
// refused here. Without torch.
#pragma once

#include <array>
#include <cstdint>
#include <ringfeed/order.hpp>
#include <ringfeed/schema.hpp>
#include <ringfeed/train.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringfeed {

/// kFile: TrainOptions::model is the path of one. kOwn: of train_with().
enum class ModelKind : std::uint8_t {
  kLinear,
  kMlp,
  kCnn,
  kResNet18,
  kResNet50,
  kTransformer,
  kFile,
  kOwn
};
inline constexpr std::array<std::pair<std::string_view, ModelKind>, 6> kModels = {
    {{"linear", ModelKind::kLinear},
     {"mlp", ModelKind::kMlp},
     {"cnn", ModelKind::kCnn},
     {"resnet18", ModelKind::kResNet18},
     {"resnet50", ModelKind::kResNet50},
     {"transformer", ModelKind::kTransformer}}};
/// What `model` may be, for messages.
inline constexpr std::string_view kModelChoices =
    "linear, mlp, cnn, resnet18, resnet50, transformer, or the path of a file of TorchScript "
    "(net.pt)";

inline bool is_resnet(ModelKind model) {
  return model == ModelKind::kResNet18 || model == ModelKind::kResNet50;
}

/// Whether a model gets the input columns as they are, each by itself.
inline bool takes_columns(ModelKind model) {
  return model == ModelKind::kFile || model == ModelKind::kOwn;
}

/// Whether TrainOptions::model is meant as a path.
inline bool is_model_file(std::string_view model) {
  return model.find_first_of("./") != std::string_view::npos;
}

/// kModel: what the model gives is the loss. kOwn: of train_with().
enum class LossKind : std::uint8_t { kMse, kCrossEntropy, kBce, kModel, kOwn };
enum class OptimizerKind : std::uint8_t { kSgd, kAdam, kAdamW, kOwn };
enum class ScheduleKind : std::uint8_t { kConstant, kStep, kCosine, kOneCycle };
enum class DeviceKind : std::uint8_t { kAuto, kCpu, kCuda };

/// Most classes of a target: a column of identifiers must not become a layer of that size.
inline constexpr std::int64_t kClassesMax = 1 << 20;

/// What train_with() was given: the options that name it are not looked at.
struct GivenParts {
  bool model = false;
  bool loss_and_optimizer = false;
};

struct PlanInput {
  std::string column;
  std::int64_t elements = 1;             ///< of one sample
  int divisor = 1;                       ///< 255 for uint8
  std::vector<std::int64_t> shape = {};  ///< of one sample, as it is stored
  /// Whether the model gets numbers of its own dtype; else it gets int64.
  bool is_real = true;
};

struct Plan {
  ModelKind model = ModelKind::kMlp;
  std::string model_name;  ///< of a file's model a hash, known when it is read
  LossKind loss = LossKind::kCrossEntropy;
  OptimizerKind optimizer = OptimizerKind::kAdam;
  GradientCompression compression = GradientCompression::kNone;
  ScheduleKind schedule = ScheduleKind::kConstant;
  DeviceKind device = DeviceKind::kAuto;
  std::vector<std::int64_t> hidden;  ///< with the model's default filled in
  std::vector<PlanInput> inputs;
  /// Of one sample as a built-in model takes it; [channels, height, width] for cnn and
  /// resnets. Of a file's
  /// model the first input's.
  std::vector<std::int64_t> input_shape;
  std::string target;
  /// Numbers that the model gives per sample: the target's elements; for cross_entropy the classes,
  /// 0 until they are counted. A file's model may give more than there are classes.
  std::int64_t outputs = 0;
  bool has_tokens = false;      ///< whether a transformer's input is token ids
  std::int64_t vocabulary = 0;  ///< of tokens: how many ids there are, 0 until they are counted
  std::uint64_t global_batch = 1;
  double weight_decay = 0;
  bool data_parallel = false;
  bool needs_target_values =
      false;  ///< whether the values of the target are to be checked or counted

  /// Whether the loss is a number that says nothing of the output.
  bool is_opaque() const { return loss == LossKind::kOwn || loss == LossKind::kModel; }
  /// Whether samples have classes that can be right or wrong.
  bool has_accuracy() const { return loss == LossKind::kCrossEntropy || loss == LossKind::kBce; }

  /// `stored` is the data set's schema. Throws Error{kInvalidArgument}.
  static Plan make(const TrainOptions& options, const Schema& stored, int world_size,
                   const GivenParts& given = {});
};

/// The order in which the samples are trained on.
OrderOptions order_of(const TrainOptions& options, const Plan& plan);

}  // namespace ringfeed
