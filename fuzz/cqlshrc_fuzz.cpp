// libFuzzer target: cql::IniFile::parse() on any text.
#include "cqlshrc_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ringfeed::fuzz::fuzz_cqlshrc(data, size);
  return 0;
}
