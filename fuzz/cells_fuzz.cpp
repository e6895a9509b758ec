// libFuzzer target: the decoders of CQL values on any type and any cells.
#include "cells_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ringfeed::fuzz::fuzz_cells(data, size);
  return 0;
}
