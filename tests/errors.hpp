// What a test says of an error.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <ringfeed/error.hpp>
#include <string>
#include <vector>

namespace ringfeed::testing {

/// The Error that `call` throws, with a text of its own: a copy would share it with the thread that
/// threw it, counted where ThreadSanitizer does not see it. kInternal "there was no error" when it
/// throws none.
inline Error error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return Error(error.code(), error.what(), error.outcome_known());
  }
  return Error(ErrorCode::kInternal, "there was no error");
}

/// `call` throws an Error of this code, whose message has all the parts.
inline void expect_error(ErrorCode code, const std::vector<std::string>& parts,
                         const std::function<void()>& call) {
  const auto error = error_of(call);
  EXPECT_EQ(error.code(), code) << error.what();
  for (const auto& part : parts)
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
}

}  // namespace ringfeed::testing
