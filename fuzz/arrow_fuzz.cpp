// libFuzzer target: open_arrow_files() on any bytes.
#include "records_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ringfeed::fuzz::fuzz_arrow(data, size);
  return 0;
}
