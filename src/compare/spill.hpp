// Runs of records in a file that nobody can name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/file.hpp"

namespace ringfeed {

/// Written at its end, read anywhere. Not thread-safe.
class Spill {
 public:
  /// In this folder; gone with the process, however that ends.
  explicit Spill(const std::string& folder) : file_(File::create_unnamed(folder)) {}

  std::uint64_t size() const noexcept { return size_; }
  /// Throws Error{kNoSpace} that names the folder.
  void append(std::span<const std::byte> bytes);
  void read(std::uint64_t at, std::span<std::byte> to) const;

 private:
  File file_;
  std::uint64_t size_ = 0;
};

}  // namespace ringfeed
