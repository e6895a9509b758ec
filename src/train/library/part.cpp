// libringfeed_train.so: the trainer, for the program. It has a copy of the core of its own.
#include "train/part.hpp"

#include <ringfeed/face.hpp>

namespace ringfeed {
namespace {

constexpr TrainPart kPart = {RINGFEED_VERSION, train};

}  // namespace
}  // namespace ringfeed

extern "C" __attribute__((visibility("default"))) const ringfeed::TrainPart* ringfeed_train_part() {
  ringfeed::set_face(ringfeed::Face::kProgram);
  return &ringfeed::kPart;
}
