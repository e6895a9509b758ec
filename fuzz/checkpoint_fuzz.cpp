// libFuzzer target: Checkpoint::read() on any document, with and without a right checksum.
#include "checkpoint_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ringfeed::fuzz::fuzz_checkpoint(data, size);
  return 0;
}
