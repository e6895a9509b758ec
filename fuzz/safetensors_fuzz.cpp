// libFuzzer target: read_safetensors() on any bytes.
#include "safetensors_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ringfeed::fuzz::fuzz_safetensors(data, size);
  return 0;
}
