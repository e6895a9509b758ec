// libFuzzer target: decode_position() on any text.
#include "position_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ringfeed::fuzz::fuzz_position(data, size);
  return 0;
}
