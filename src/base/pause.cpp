// Nothing that is stored or fed depends on these numbers, so they come from the system.
#include "base/pause.hpp"

#include <random>

namespace ringfeed {

std::chrono::milliseconds spread(std::chrono::milliseconds pause) {
  thread_local std::minstd_rand random{std::random_device()()};
  std::uniform_int_distribution<std::chrono::milliseconds::rep> part(pause.count() / 2,
                                                                     pause.count());
  return std::chrono::milliseconds(part(random));
}

}  // namespace ringfeed
