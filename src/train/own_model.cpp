// Shows the tensors of the caller's module under their own names.
#include "train/own_model.hpp"

#include <ringfeed/error.hpp>

namespace ringfeed {

ModelOfCaller::ModelOfCaller(const OwnModel& model, const Plan& plan)
    : ColumnModel("the model", plan), module_(model.module), forward_(model.forward) {
  if (module_ == nullptr || forward_ == nullptr) refuse("it has no module, or no forward");
  for (const auto& named : module_->named_parameters(/*recurse=*/false))
    register_parameter(named.key(), named.value(), named.value().requires_grad());
  for (const auto& named : module_->named_buffers(/*recurse=*/false))
    register_buffer(named.key(), named.value());
  for (const auto& child : module_->named_children()) register_module(child.key(), child.value());
  look_at_tensors();
}

void ModelOfCaller::train(bool on) { module_->train(on); }

}  // namespace ringfeed
