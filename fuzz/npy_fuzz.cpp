// libFuzzer target: parse_npy_header() and decode_column() on any bytes.
#include "npy_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ringfeed::fuzz::fuzz_npy(data, size);
  return 0;
}
