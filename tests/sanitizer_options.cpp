// What ThreadSanitizer is told in every test program: an exception that one thread keeps and another
// throws is counted in libstdc++, which is not instrumented, so that its end looks like a race.
extern "C" __attribute__((visibility("default"))) const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
  return "race:std::__exception_ptr::exception_ptr::_M_release\n";
}
