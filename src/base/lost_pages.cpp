// A handler of SIGBUS, put in place with the first mapping, which looks the address up among ours.
// What is not ours goes to the handler that was there before. All that the handler touches is
// atomic or never freed, and it calls only what POSIX allows there, and mmap, a plain system call.
#include "base/lost_pages.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <ringfeed/error.hpp>
#include <utility>

#include "base/file.hpp"
#include "base/system_error.hpp"

namespace ringfeed {

/// Never freed, but used again: the handler may be looking at it.
struct FileMemory::Range {
  std::atomic<std::byte*> begin = nullptr;  ///< null: not in use
  std::atomic<std::size_t> size = 0;
  std::atomic<bool> writes = false;
  std::atomic<bool> lost = false;
  std::string path;              ///< changed only while it is not in use
  Range* next = nullptr;         ///< of all
  Range* next_unused = nullptr;  ///< of those not in use
};

namespace {

using Range = FileMemory::Range;

std::mutex ranges_mutex;  // of changes; the handler only reads
std::atomic<Range*> ranges = nullptr;
Range* unused_ranges = nullptr;
std::atomic<int> ranges_lost = 0;  // of those in use
struct sigaction previous_handler{};

// In the part of a thread's memory that is there from its start: the handler may not make it.
[[gnu::tls_model("initial-exec")]] thread_local int watching = 0;

Range* range_at(const std::byte* address) noexcept {
  for (Range* range = ranges.load(); range != nullptr; range = range->next) {
    const std::byte* const begin = range->begin.load();
    if (begin != nullptr && address >= begin && address < begin + range->size.load()) return range;
  }
  return nullptr;
}

void say(const char* text) noexcept {
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text, std::strlen(text));
}

void on_lost_page(int signal, siginfo_t* info, void* context) {
  const int error_number = errno;
  auto* const address = static_cast<std::byte*>(info->si_addr);
  const bool sent = info->si_code <= 0;  // by a process, not by an access
  Range* const range = sent ? nullptr : range_at(address);
  if (range != nullptr && watching > 0) {
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    std::byte* const begin = address - reinterpret_cast<std::uintptr_t>(address) % page;
    if (!range->lost.exchange(true)) ++ranges_lost;
    const int access = range->writes ? PROT_READ | PROT_WRITE : PROT_READ;
    // As the kernel has it: a sanitizer would take mmap() for a write that races with other
    // readers.
    const long zeros =
        ::syscall(SYS_mmap, begin, page, access, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    errno = error_number;
    if (zeros != -1) return;
  }
  if (range != nullptr) {
    say("ringfeed: ");
    say(range->path.c_str());
    say(": the file got shorter, or cannot be read, while it is in use\n");
  }
  if ((previous_handler.sa_flags & SA_SIGINFO) != 0) {
    previous_handler.sa_sigaction(signal, info, context);
  } else if (previous_handler.sa_handler != SIG_DFL && previous_handler.sa_handler != SIG_IGN) {
    previous_handler.sa_handler(signal);
  } else {
    ::signal(signal, SIG_DFL);  // the access that is tried again ends the process
    if (sent) ::raise(signal);
  }
  errno = error_number;
}

void install_handler() {
  static const bool installed = [] {
    struct sigaction handler{};
    handler.sa_sigaction = on_lost_page;
    handler.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&handler.sa_mask);
    return ::sigaction(SIGBUS, &handler, &previous_handler) == 0;
  }();
  static_cast<void>(installed);
}

/// Called with ranges_mutex.
Range* take_range() {
  if (unused_ranges != nullptr) return std::exchange(unused_ranges, unused_ranges->next_unused);
  auto* const range = new Range();
  range->next = ranges.load();
  ranges = range;
  return range;
}

}  // namespace

FileMemory::FileMemory(const File& file, std::size_t bytes, Use use) : size_(bytes) {
  install_handler();
  const int access = use == Use::kWrite ? PROT_READ | PROT_WRITE : PROT_READ;
  void* const memory = ::mmap(nullptr, bytes, access, MAP_SHARED, file.descriptor(), 0);
  if (memory == MAP_FAILED) throw_system_error(errno, file.path());
  data_ = static_cast<std::byte*>(memory);
  const std::lock_guard lock(ranges_mutex);
  range_ = take_range();
  range_->path = file.path();
  range_->size = bytes;
  range_->writes = use == Use::kWrite;
  range_->begin = data_;
}

FileMemory::~FileMemory() {
  const std::lock_guard lock(ranges_mutex);
  if (range_->lost.exchange(false)) --ranges_lost;
  range_->begin = nullptr;
  range_->next_unused = std::exchange(unused_ranges, range_);
  ::munmap(data_, size_);
}

LostPages::LostPages() noexcept { ++watching; }
LostPages::~LostPages() { --watching; }

void LostPages::check() const {
  if (ranges_lost.load() == 0) return;
  const std::lock_guard lock(ranges_mutex);
  for (const Range* range = ranges.load(); range != nullptr; range = range->next) {
    if (range->begin.load() == nullptr || !range->lost) continue;
    throw Error(ErrorCode::kBadData,
                fmt::format("{}: the file got shorter, or could not be read, while it was in use; "
                            "restore it, then try again",
                            range->path));
  }
}

}  // namespace ringfeed
