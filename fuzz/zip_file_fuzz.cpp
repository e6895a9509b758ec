// libFuzzer target: zip_fault() on any bytes.
#include "zip_file_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ringfeed::fuzz::fuzz_zip_file(data, size);
  return 0;
}
