// What ThreadSanitizer is told in every test program: tests fork children that have threads of
// their own, to kill them or to limit their files, and that is allowed as long as the parent's
// threads hold no lock, as they do here.
extern "C" __attribute__((visibility("default"))) const char* __tsan_default_options();
extern "C" const char* __tsan_default_options() { return "die_after_fork=0"; }
