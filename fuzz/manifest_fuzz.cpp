// libFuzzer target: Manifest::decode() on any text, with and without a right checksum.
#include "manifest_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ringfeed::fuzz::fuzz_manifest(data, size);
  return 0;
}
