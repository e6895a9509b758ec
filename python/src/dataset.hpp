// A data set as the module has it.
#pragma once

#include <ringfeed/dataset.hpp>

#include "local.hpp"

namespace ringfeed::python {

using LocalDataset = Local<const Dataset>;

}  // namespace ringfeed::python
