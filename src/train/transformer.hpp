// The built-in encoder over sequences.
#pragma once

#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/transformerlayer.h>

#include <ringfeed/train.hpp>
#include <vector>

#include "train/model.hpp"
#include "train/plan.hpp"

namespace ringfeed {

/// Without dropout. Its weights have the names of Python's layers: embedding (of tokens an
/// Embedding, else a Linear), positions, encoder1 and so on (TransformerEncoderLayer), output.
class Transformer final : public Model {
 public:
  Transformer(const TrainOptions& options, const Plan& plan);

  torch::Tensor forward(const std::vector<torch::Tensor>& inputs) override;

 private:
  torch::nn::Embedding table_ = nullptr;  ///< of tokens
  torch::nn::Linear linear_ = nullptr;    ///< of numbers
  torch::Tensor positions_;               ///< [length, width]
  std::vector<torch::nn::TransformerEncoderLayer> layers_;
  torch::nn::Linear output_ = nullptr;
};

}  // namespace ringfeed
