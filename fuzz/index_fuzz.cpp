// libFuzzer target: rows::RowIndex::decode() on any text, with and without a right checksum.
#include "index_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ringfeed::fuzz::fuzz_index(data, size);
  return 0;
}
