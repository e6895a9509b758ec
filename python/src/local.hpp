// An object that has threads or connections, and the process it was made in. Its threads do not
// follow a fork: a child must not use it, and must not wait for them when it lets go of it.
#pragma once

#include <nanobind/nanobind.h>
#include <unistd.h>

#include <memory>
#include <ringfeed/error.hpp>
#include <string>
#include <utility>

namespace ringfeed::python {

template <typename T>
class Local {
 public:
  explicit Local(std::shared_ptr<T> object) : object_(std::move(object)), process_(::getpid()) {}
  ~Local() { close(); }
  Local(Local&& other) noexcept = default;
  Local(const Local&) = delete;
  Local& operator=(const Local&) = delete;
  Local& operator=(Local&&) = delete;

  /// Throws Error{kInvalidArgument} in another process.
  const std::shared_ptr<T>& get() const {
    if (::getpid() != process_) {
      throw Error(ErrorCode::kInvalidArgument,
                  "this was opened before the process was forked, and its threads and connections "
                  "stayed behind; open it in each process, or start processes with "
                  "multiprocessing's 'spawn'");
    }
    if (object_ == nullptr) throw Error(ErrorCode::kInvalidArgument, "it was closed");
    return object_;
  }

  /// With the GIL, and without it while it waits for threads.
  void close() noexcept {
    if (object_ == nullptr) return;
    // In a child the object stays as it is, for good: ending it would wait for threads that are not
    // there.
    if (::getpid() != process_) {
      new std::shared_ptr<T>(std::move(object_));
      return;
    }
    const nanobind::gil_scoped_release release;
    object_.reset();
  }

 private:
  std::shared_ptr<T> object_;
  pid_t process_;
};

}  // namespace ringfeed::python
