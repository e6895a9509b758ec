// Writes the golden orders: write_golden FOLDER. To be run by hand when kOrderVersion or
// kCutVersion changes.
#include <fstream>
#include <iostream>

#include "order/golden.hpp"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: write_golden FOLDER\n";
    return 2;
  }
  auto write = [&, files = 0](const ringfeed::OrderCase& order_case) mutable {
    std::ofstream file(fmt::format("{}/{:02}.json", argv[1], files++));
    file << ringfeed::golden_order(order_case).dump() << "\n";
  };
  // What the generated cases below may miss.
  write({{}, {.global_batch = 8}, 0, 1});                                   // no sample
  write({{100, 90, 110, 100, 50}, {.seed = 7, .global_batch = 64}, 1, 3});  // the defaults
  write(
      {{30, 0, 41, 0, 0, 29, 13}, {.seed = UINT64_MAX, .global_batch = 16}, 2, 5});  // empty blocks
  write({{1100},
         {.seed = 3, .lanes = 1000, .global_batch = 1000},
         0,
         2});  // two strides equally near
  for (const auto shuffle :
       {ringfeed::Shuffle::kNone, ringfeed::Shuffle::kFull, ringfeed::Shuffle::kBlock}) {
    for (const auto tail : {ringfeed::Tail::kShare, ringfeed::Tail::kDrop, ringfeed::Tail::kJoin}) {
      write({{20, 21, 24, 0, 13},
             {.seed = 5, .shuffle = shuffle, .lanes = 24, .global_batch = 25, .tail = tail},
             3,
             4});  // 3 samples more than three steps
    }
  }
  int of_mode[3] = {0, 0, 0};
  for (std::uint64_t number = 0; of_mode[0] + of_mode[1] + of_mode[2] < 20; ++number) {
    const ringfeed::OrderCase order_case = ringfeed::order_case_at(number);
    if (order_case.samples() > 900) continue;
    int& count = of_mode[static_cast<int>(order_case.options.shuffle)];
    if (count >= (order_case.options.shuffle == ringfeed::Shuffle::kBlock ? 16 : 2)) continue;
    ++count;
    write(order_case);
  }
  return 0;
}
