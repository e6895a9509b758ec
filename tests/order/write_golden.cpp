// Writes the golden orders: write_golden FOLDER. To be run by hand when kOrderVersion changes.
#include <fstream>
#include <iostream>

#include "order/golden.hpp"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: write_golden FOLDER\n";
    return 2;
  }
  int files = 0;
  int of_mode[3] = {0, 0, 0};
  for (std::uint64_t number = 0; files < 20; ++number) {
    const ringfeed::OrderCase order_case = ringfeed::order_case_at(number);
    if (order_case.samples() > 900) continue;
    int& count = of_mode[static_cast<int>(order_case.options.shuffle)];
    if (count >= (order_case.options.shuffle == ringfeed::Shuffle::kBlock ? 14 : 3)) continue;
    ++count;
    std::ofstream file(fmt::format("{}/{:02}.json", argv[1], files++));
    file << ringfeed::golden_order(order_case).dump() << "\n";
  }
  return 0;
}
