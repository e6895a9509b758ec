// Shows ThreadSanitizer how an exception ends that several threads hold. libstdc++ counts who holds
// it and is not instrumented, so the last one to let go would look like a race with those before
// it. Each reference is let go by one of two functions; the linker puts these in their place
// (--wrap).
#include <mutex>

namespace {

std::recursive_mutex one_at_a_time;  // an exception's destructor may let go of another

}  // namespace

extern "C" {

void __real___cxa_end_catch();
void __wrap___cxa_end_catch() {
  const std::lock_guard turn(one_at_a_time);
  __real___cxa_end_catch();
}

/// std::exception_ptr's own.
void __real__ZNSt15__exception_ptr13exception_ptr10_M_releaseEv(void* exception) noexcept;
void __wrap__ZNSt15__exception_ptr13exception_ptr10_M_releaseEv(void* exception) noexcept {
  const std::lock_guard turn(one_at_a_time);
  __real__ZNSt15__exception_ptr13exception_ptr10_M_releaseEv(exception);
}

}  // extern "C"
