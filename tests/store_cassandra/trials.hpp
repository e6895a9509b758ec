// The same trial with a failure at every event, several at once: most of their time is pauses.
#pragma once

#include <gtest/gtest.h>
#include <ringfeed_driver.h>

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <ringfeed/error.hpp>
#include <string>
#include <thread>
#include <vector>

#include "store_cassandra/fake_driver.hpp"

namespace ringfeed::testing {

/// Calls `trial` with 0 to count - 1, on several threads.
inline void run_trials(std::uint64_t count, const std::function<void(std::uint64_t)>& trial) {
  constexpr int kAtOnce = 12;
  std::atomic<std::uint64_t> next = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < kAtOnce; ++i) {
    threads.emplace_back([&] {
      for (std::uint64_t n = next++; n < count; n = next++) {
        try {
          trial(n);
        } catch (const std::exception& error) {
          ADD_FAILURE() << "trial " << n << ": " << error.what();
        }
      }
    });
  }
}

/// A failure, and its name.
struct TrialFault {
  std::string name;
  FakeAction action;
};

/// What may happen to any operation: failures that pass, answers that are lost before and after
/// the operation took effect.
inline std::vector<TrialFault> trial_faults() {
  FakeAction doubt = fake_failure(RF_TIMEOUT);
  doubt.applied = true;
  FakeAction broken = fake_failure(RF_NO_CONNECTION);
  broken.applied = true;
  return {{"overloaded", fake_failure(RF_OVERLOADED)},
          {"unavailable", fake_failure(RF_UNAVAILABLE)},
          {"failed", fake_failure(RF_FAILED)},
          {"not known", fake_failure(RF_UNKNOWN_TABLE)},
          {"timeout", fake_failure(RF_TIMEOUT)},
          {"timeout, applied", doubt},
          {"connection lost", fake_failure(RF_NO_CONNECTION)},
          {"connection lost, applied", broken},
          {"lost", fake_lost(false)},
          {"answer lost", fake_lost(true)}};
}

/// Calls `trial` with the number of each operation and some of the faults: `each` for every
/// operation, and all of them in turn.
inline void run_fault_trials(
    std::uint64_t operations, std::uint64_t each,
    const std::function<void(std::uint64_t n, const TrialFault& fault)>& trial) {
  const auto faults = trial_faults();
  run_trials(operations * each, [&](std::uint64_t number) {
    const auto& fault = faults[number % faults.size()];
    SCOPED_TRACE(fault.name + " at operation " + std::to_string(number / each));
    trial(number / each, fault);
  });
}

/// The nth operation goes so.
inline FakeCluster::Script at_operation(std::uint64_t n, const FakeAction& action) {
  return [n, action](const FakeOperation& operation) {
    return operation.number == n ? action : FakeAction{};
  };
}

/// The Error that `call` throws, if it does.
inline std::optional<Error> caught(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

}  // namespace ringfeed::testing
