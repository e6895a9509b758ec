// What follows from the facts: each check with its verdict, what was measured, and a remedy. No
// I/O.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "doctor/facts.hpp"

namespace ringfeed::doctor {

enum class Verdict {
  kOk,
  kNote,     ///< worth knowing
  kWarning,  ///< the run is slower, or less safe, than it could be
  kStop,     ///< the run will not succeed
};

/// "ok", "note", "warning", "stop".
const char* verdict_name(Verdict verdict) noexcept;

struct Finding {
  std::string check;
  Verdict verdict = Verdict::kOk;
  std::string value;   ///< what was found, one line
  std::string remedy;  ///< one line; empty where there is nothing to do
};

using Findings = std::vector<Finding>;

/// `cluster`: null for a local folder. `data` has been gathered.
Findings judge_host(const HostFacts& host, const Wanted& wanted, const DataSetFacts& data,
                    const ClusterFacts* cluster);
Findings judge_data_set(const DataSetFacts& data, const Wanted& wanted);
Findings judge_cluster(const ClusterFacts& cluster, const Wanted& wanted,
                       std::chrono::system_clock::time_point now);

}  // namespace ringfeed::doctor
