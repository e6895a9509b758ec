// Torch's layers have the sequence before the batch.
#include "train/transformer.hpp"

#include <fmt/format.h>

namespace ringfeed {

namespace nn = torch::nn;

namespace {

constexpr double kPositionDeviation = 0.02;  // of the first values, as in BERT

}  // namespace

Transformer::Transformer(const TrainOptions& options, const Plan& plan) {
  if (plan.has_tokens) {
    table_ = register_module("embedding", nn::Embedding(plan.vocabulary, options.width));
  } else {
    linear_ = register_module("embedding", nn::Linear(plan.input_shape[1], options.width));
  }
  positions_ = register_parameter(
      "positions", torch::randn({plan.input_shape[0], options.width}) * kPositionDeviation);
  for (std::size_t i = 0; i < plan.hidden.size(); ++i) {
    layers_.push_back(register_module(
        fmt::format("encoder{}", i + 1),
        nn::TransformerEncoderLayer(nn::TransformerEncoderLayerOptions(options.width, options.heads)
                                        .dim_feedforward(plan.hidden[i])
                                        .dropout(0))));
  }
  output_ = register_module("output", nn::Linear(options.width, plan.outputs));
}

torch::Tensor Transformer::forward(const std::vector<torch::Tensor>& inputs) {
  const auto& input = inputs.front();
  auto hidden = (table_.is_empty() ? linear_->forward(input) : table_->forward(input)) + positions_;
  hidden = hidden.transpose(0, 1);
  for (auto& layer : layers_) hidden = layer->forward(hidden);
  return output_->forward(hidden.mean(0));
}

}  // namespace ringfeed
