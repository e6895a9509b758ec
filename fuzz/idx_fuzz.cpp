// libFuzzer target: parse_idx_header() and decode_column() on any bytes.
#include "idx_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ringfeed::fuzz::fuzz_idx(data, size);
  return 0;
}
