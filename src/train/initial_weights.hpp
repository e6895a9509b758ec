// The first weights of a model from a file, and those of them that stay.
#pragma once

#include <torch/nn/module.h>

#include <string>
#include <vector>

namespace ringfeed {

/// Gives the model the tensors of a safetensors file that have the names and shapes of its own,
/// floating-point numbers in its dtype. Returns what was not taken, in words; empty: nothing.
/// Throws Error: kNotFound; kBadData (no safetensors file); kInvalidArgument (no tensor fits).
std::string take_weights(torch::nn::Module& model, const std::string& path);

/// Takes the parameters whose names begin with one of these from training. Throws
/// Error{kInvalidArgument} for one that fits no name, and when nothing is left to train.
void freeze(torch::nn::Module& model, const std::vector<std::string>& prefixes);

}  // namespace ringfeed
