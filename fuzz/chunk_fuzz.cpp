// libFuzzer target: decode_chunk() on any bytes.
#include "chunk_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ringfeed::fuzz::fuzz_chunk(data, size);
  return 0;
}
