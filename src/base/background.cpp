// SCHED_BATCH, for one thread.
#include "base/background.hpp"

#include <sched.h>

namespace ringfeed {

void run_in_background() noexcept {
  const sched_param parameters{};
  (void)sched_setscheduler(0, SCHED_BATCH, &parameters);
}

}  // namespace ringfeed
