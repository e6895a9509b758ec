// The rejects file appears whole or not at all, so that nobody takes half a list for the whole.
#include "source/bad_records.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <ringfeed/error.hpp>

#include "base/option.hpp"
#include "base/printable.hpp"
#include "base/utf8.hpp"
#include "dataset/chunk.hpp"

namespace ringfeed {
namespace {

constexpr std::size_t kQuotedBytesMax = 40;
constexpr std::size_t kListedMax = 20;
constexpr std::size_t kLinesBytes = std::size_t{64} << 10;

}  // namespace

std::string in_quotes(std::string_view text) {
  const auto shown = beginning_of(text, kQuotedBytesMax);
  return fmt::format("'{}{}'", printable(shown), shown.size() < text.size() ? "..." : "");
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < kListedMax; ++i) {
    if (i > 0) text += ", ";
    text += names[i];
  }
  if (names.size() > kListedMax) text += fmt::format(" and {} more", names.size() - kListedMax);
  return text;
}

std::string describe_not_finite(std::string_view value) {
  return fmt::format("{} is not a finite number ({} admits it)", value, option_name("allow-nan"));
}

std::string describe_size(std::uint64_t bytes) {
  return fmt::format(
      "the sample has {} bytes, the limit is {}: what is large is kept in files of its own", bytes,
      kSampleBytesMax);
}

void NoGoodRecord::add(const std::string& file, std::uint64_t record, const std::string& what) {
  if (first_.empty()) first_ = fmt::format("{}:{}: {}", file, record, what);
}

void NoGoodRecord::refuse(const std::string& file) const {
  constexpr std::string_view kNone = "there is no good record to tell the columns by";
  throw Error(ErrorCode::kBadData, first_.empty()
                                       ? fmt::format("{}: {}; add records", file, kNone)
                                       : fmt::format("{}; {}: correct them", first_, kNone));
}

std::string BadRecords::default_remedy() {
  return fmt::format("correct it, or leave bad records out with {}", option_name("on-bad", "skip"));
}

BadRecords::BadRecords(const SourceOptions& options, const std::vector<std::string>& source_paths,
                       std::string remedy)
    : on_bad_(options.on_bad), rejects_path_(options.rejects_path), remedy_(std::move(remedy)) {
  if (rejects_path_.empty()) return;
  if (on_bad_ == OnBad::kError) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: a rejects file is written only when bad records are skipped; add {}",
                    rejects_path_, option_name("on-bad", "skip")));
  }
  for (const auto& path : source_paths) {
    std::error_code ignored;
    if (std::filesystem::equivalent(path, rejects_path_, ignored)) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: the rejects file would replace a source; choose another name",
                              rejects_path_));
    }
  }
  rejects_.emplace(rejects_path_);
}

void BadRecords::add(std::string_view file, std::uint64_t record, std::string_view what) {
  add(fmt::format("{}:{}", file, record), what);
}

void BadRecords::add(std::string_view where, std::string_view what) {
  if (on_bad_ == OnBad::kError)
    throw Error(ErrorCode::kBadData, fmt::format("{}: {}; {}", where, what, remedy_));
  ++count_;
  if (!rejects_) return;
  lines_ += printable(fmt::format("{}: {}", where, what)) + "\n";
  if (lines_.size() >= kLinesBytes) write_lines();
}

void BadRecords::write_lines() {
  rejects_->file().write(lines_);
  lines_.clear();
}

void BadRecords::finish() {
  if (!rejects_) return;
  write_lines();
  rejects_->publish();
  rejects_.reset();
}

}  // namespace ringfeed
