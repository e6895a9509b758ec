// What the options mean for this data set: everything that can be refused before anything starts is
// refused here. Without torch.
#pragma once

#include <array>
#include <cstdint>
#include <ringfeed/schema.hpp>
#include <ringfeed/train.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringfeed {

/// kFile: TrainOptions::model is the path of one.
enum class ModelKind : std::uint8_t { kLinear, kMlp, kCnn, kResNet18, kResNet50, kFile };
inline constexpr std::array<std::pair<std::string_view, ModelKind>, 5> kModels = {
    {{"linear", ModelKind::kLinear},
     {"mlp", ModelKind::kMlp},
     {"cnn", ModelKind::kCnn},
     {"resnet18", ModelKind::kResNet18},
     {"resnet50", ModelKind::kResNet50}}};
/// What `model` may be, for messages.
inline constexpr std::string_view kModelChoices =
    "linear, mlp, cnn, resnet18, resnet50, or the path of a file of TorchScript (net.pt)";

inline bool is_resnet(ModelKind model) {
  return model == ModelKind::kResNet18 || model == ModelKind::kResNet50;
}

/// Whether TrainOptions::model is meant as a path.
inline bool is_model_file(std::string_view model) {
  return model.find_first_of("./") != std::string_view::npos;
}

enum class LossKind : std::uint8_t { kMse, kCrossEntropy, kBce };
enum class OptimizerKind : std::uint8_t { kSgd, kAdam, kAdamW };
enum class DeviceKind : std::uint8_t { kAuto, kCpu, kCuda };

/// Most classes of a target: a column of identifiers must not become a layer of that size.
inline constexpr std::int64_t kClassesMax = 1 << 20;

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
  std::uint64_t global_batch = 1;
  double weight_decay = 0;
  bool data_parallel = false;
  bool needs_target_values =
      false;  ///< whether the values of the target are to be checked or counted

  /// `stored` is the data set's schema. Throws Error{kInvalidArgument}.
  static Plan make(const TrainOptions& options, const Schema& stored, int world_size);
};

}  // namespace ringfeed
