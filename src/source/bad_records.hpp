// What happens to a bad record: the end of the run, or a count and a line in the rejects file.
#pragma once

#include <cstdint>
#include <optional>
#include <ringfeed/source.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.hpp"

namespace ringfeed {

/// Text from a file, fit for a line of an error: in quotes, without control characters, at most
/// 40 bytes of it.
std::string in_quotes(std::string_view text);

/// Names for an error: "a, b, c", at most 20 of them and then how many more there are.
std::string listed(const std::vector<std::string>& names);

/// What is wrong with a float that is NaN or infinite, and the option that admits it.
std::string describe_not_finite(std::string_view value);

/// What is wrong with a sample of more than kSampleBytesMax bytes.
std::string describe_size(std::uint64_t bytes);

/// What there is to say of a source in which no record tells what its columns are.
class NoGoodRecord {
 public:
  /// The first one that is told of is named.
  void add(const std::string& file, std::uint64_t record, const std::string& what);
  /// Throws Error{kBadData} that names it, or `file` where there was none.
  [[noreturn]] void refuse(const std::string& file) const;

 private:
  std::string first_;  ///< "FILE:RECORD: WHAT"
};

class BadRecords {
 public:
  static std::string default_remedy();

  /// Begins the rejects file, which appears with finish(). Throws Error when that fails;
  /// kInvalidArgument for a rejects file without kSkip, or one that is a source.
  /// `remedy` ends the error of a bad record.
  BadRecords(const SourceOptions& options, const std::vector<std::string>& source_paths,
             std::string remedy = default_remedy());

  /// kError: throws Error{kBadData} "FILE:RECORD: WHAT; remedy". kSkip: counts, and writes the
  /// line.
  void add(std::string_view file, std::uint64_t record, std::string_view what);
  /// The same of another place than a line: "WHERE: WHAT; remedy".
  void add(std::string_view where, std::string_view what);

  /// After the last record: makes the rejects file durable, under its own name. Again: nothing.
  void finish();

  std::uint64_t count() const noexcept { return count_; }

 private:
  void write_lines();

  const OnBad on_bad_;
  const std::string rejects_path_;
  const std::string remedy_;
  std::optional<NewFile> rejects_;
  std::string lines_;  ///< not yet written
  std::uint64_t count_ = 0;
};

}  // namespace ringfeed
