// libFuzzer target: probe_image() on any bytes.
#include "picture_head_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ringfeed::fuzz::fuzz_picture_head(data, size);
  return 0;
}
