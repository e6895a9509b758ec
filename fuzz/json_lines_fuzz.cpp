// libFuzzer target: open_json_lines() on any bytes.
#include "records_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ringfeed::fuzz::fuzz_json_lines(data, size);
  return 0;
}
