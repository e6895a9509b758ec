// Reads an epoch, step by step; without torch.
#include <cstdio>
#include <ringfeed/feed.hpp>

int main() {
  const auto data = ringfeed::Dataset::open("digits.ring?split=train");
  ringfeed::Feed feed(data, {.order = {.seed = 7, .global_batch = 256}});
  while (const auto batch = feed.next()) {  // this rank's part of each step, in contiguous memory
    const auto& image = batch->column("image");
    std::printf("step %ld: %ld samples, first pixel %g\n", static_cast<long>(batch->step),
                static_cast<long>(batch->size), image.as<float>()[0]);
  }
}
