// libFuzzer target: ImageSteps::parse() on any text.
#include "image_steps_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ringfeed::fuzz::fuzz_image_steps(data, size);
  return 0;
}
