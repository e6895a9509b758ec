// A file of scalars as TensorBoard reads them: TFRecords of Event messages.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.hpp"

namespace ringfeed {

/// Not thread-safe.
class EventFile {
 public:
  using Scalars = std::vector<std::pair<std::string_view, double>>;

  /// Makes a new file in the folder, which is made when it is missing; its name has the time, the
  /// host and the process.
  explicit EventFile(const std::string& folder);

  /// `scalars`: tags and values, which become float32. They may wait for flush().
  void write(std::uint64_t step, const Scalars& scalars);
  void flush();

 private:
  void add_record(std::string_view event);

  File file_;
  std::string buffer_;
};

}  // namespace ringfeed
