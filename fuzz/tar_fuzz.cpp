// libFuzzer target: WebDatasetReader on any bytes.
#include "tar_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ringfeed::fuzz::fuzz_tar(data, size);
  return 0;
}
