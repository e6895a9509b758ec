// The anonymous memory of this process.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>

inline std::uint64_t rss_anon_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return std::stoull(line.substr(8)) * 1024;
  }
  return 0;
}
