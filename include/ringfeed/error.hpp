// Error: the one exception type of Ringfeed. Its members answer what the caller needs: what kind of
// failure it is, whether trying again can help, and whether the outcome is known.
#pragma once

#include <stdexcept>
#include <string>

namespace ringfeed {

/// Kind of failure. Each kind has one exit code of the command line (see exit_code()).
enum class ErrorCode {
  kInvalidArgument,  ///< a mistyped option, unknown column, batch size 0, ...
  kNotFound,         ///< a missing path, data set, split, version, keyspace or table
  kBadData,  ///< input or stored bytes that are wrong: a ragged row, a failed checksum, a truncated
             ///< file
  kUnavailable,  ///< no answer, or not enough live replicas
  kTimeout,      ///< a deadline passed
  kPermission,   ///< password, permission or TLS
  kConflict,     ///< another writer holds or already published what was asked for
  kNoSpace,      ///< the disk or a quota is full
  kCancelled,    ///< the caller asked to stop
  kInternal,     ///< a bug, or a failure none of the others names
};

/// Error whose what() is one line: what went wrong, where, and what to do about it. It is visible
/// outside of a shared library: an Error thrown in one is caught in another.
class __attribute__((visibility("default"))) Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message, bool outcome_known = true)
      : std::runtime_error(message), code_(code), outcome_known_(outcome_known) {}

  ErrorCode code() const noexcept { return code_; }

  /// Returns true when the same call may succeed later without anything being changed.
  bool retryable() const noexcept {
    return code_ == ErrorCode::kUnavailable || code_ == ErrorCode::kTimeout;
  }

  /// Returns false when the failed call may have taken effect all the same (a write that timed
  /// out).
  bool outcome_known() const noexcept { return outcome_known_; }

  /// The exit code of the command line: 1 other failure, 2 usage or missing, 3 bad data, 4
  /// unavailable or timed out, 5 password or permission, 130 cancelled.
  int exit_code() const noexcept {
    switch (code_) {
      case ErrorCode::kInvalidArgument:
      case ErrorCode::kNotFound:
        return 2;
      case ErrorCode::kBadData:
        return 3;
      case ErrorCode::kUnavailable:
      case ErrorCode::kTimeout:
        return 4;
      case ErrorCode::kPermission:
        return 5;
      case ErrorCode::kCancelled:
        return 130;
      case ErrorCode::kConflict:
      case ErrorCode::kNoSpace:
      case ErrorCode::kInternal:
        return 1;
    }
    return 1;
  }

 private:
  ErrorCode code_;
  bool outcome_known_;
};

}  // namespace ringfeed
