// libFuzzer target: the lines of a ledger, with and without right checksums.
#include "ledger_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ringfeed::fuzz::fuzz_ledger(data, size);
  return 0;
}
