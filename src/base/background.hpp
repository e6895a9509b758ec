// How threads that read ahead share the cores with the threads that compute.
#pragma once

namespace ringfeed {

/// The calling thread from now on takes a core when one is free, and no longer interrupts another
/// thread at the moment when it wakes (SCHED_BATCH of sched(7); its share of the time stays the
/// same). Where the system refuses, nothing changes: this is about speed only.
void run_in_background() noexcept;

}  // namespace ringfeed
