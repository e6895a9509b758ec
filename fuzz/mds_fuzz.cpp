// libFuzzer target: parse_mds_index() and MdsShardReader on any bytes.
#include "mds_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ringfeed::fuzz::fuzz_mds(data, size);
  return 0;
}
