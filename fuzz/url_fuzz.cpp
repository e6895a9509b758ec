// libFuzzer target: Url::parse() on any text.
#include "url_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ringfeed::fuzz::fuzz_url(data, size);
  return 0;
}
