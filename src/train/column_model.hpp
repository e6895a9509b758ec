// A model that was not built here: it takes the input columns as they are, and what it gives is
// looked at before the first step.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "train/model.hpp"
#include "train/plan.hpp"

namespace ringfeed {

/// To be used by one thread.
class ColumnModel : public Model {
 public:
  torch::Tensor forward(const std::vector<torch::Tensor>& inputs) override;
  torch::ScalarType dtype() const override { return dtype_; }

  /// Trains on two samples of zeros, without a trace: returns how many numbers the model gives for
  /// one, 0 where the loss asks for none. `classes`: of cross_entropy, which needs as many of them,
  /// else 0. Errors: kInvalidArgument (it does not take these inputs, or gives something else than
  /// the loss takes; with `needs_all`: a parameter that has no part in the output).
  std::int64_t try_out(std::int64_t classes, bool needs_all);

  /// What would be other than meant in training or evaluation; empty: nothing.
  virtual std::string advice() const { return {}; }

 protected:
  /// `name`: what messages begin with.
  ColumnModel(std::string name, const Plan& plan) : name_(std::move(name)), plan_(plan) {}

  /// What its tensors must be: once, when all are registered. Throws Error{kInvalidArgument}.
  void look_at_tensors();
  [[noreturn]] void refuse(const std::string& what) const;
  const Plan& plan() const noexcept { return plan_; }

 private:
  /// Calls the model. What is no ringfeed::Error is taken for inputs that do not fit.
  virtual torch::Tensor call(const std::vector<torch::Tensor>& inputs) = 0;
  /// What the model holds beside parameters and buffers, as text, by its name.
  virtual std::map<std::string, std::string> attributes() const { return {}; }

  torch::Tensor checked(const torch::Tensor& output, std::int64_t samples) const;
  void check_gradients(const torch::Tensor& output, bool needs_all);
  void check_outputs(std::int64_t outputs, std::int64_t classes) const;

  const std::string name_;
  const Plan plan_;
  torch::ScalarType dtype_ = torch::kFloat32;
};

}  // namespace ringfeed
