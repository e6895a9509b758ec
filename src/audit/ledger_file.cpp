// The end of a file is looked at first: it says whether the run was cut off.
#include "audit/ledger_file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <ringfeed/error.hpp>
#include <utility>

#include "base/folder.hpp"
#include "base/option.hpp"
#include "base/system_error.hpp"

namespace ringfeed {
namespace {

/// More than an end has.
constexpr std::uint64_t kTailBytes = 256;
constexpr std::size_t kReadBytes = std::size_t{1} << 18;

/// Whether the last line says that the run ended.
bool has_end(const File& file) {
  std::string tail(std::min(file.size(), kTailBytes), '\0');
  const auto at = static_cast<off_t>(file.size() - tail.size());
  if (::pread(file.descriptor(), tail.data(), tail.size(), at) < 0)
    throw_system_error(errno, file.path());
  if (!tail.ends_with('\n')) return false;
  tail.pop_back();
  return tail.substr(tail.rfind('\n') + 1).starts_with("{\"end\"");
}

}  // namespace

LedgerFile::LedgerFile(const std::string& folder, const LedgerFileName& name)
    : name_(ledger_file_name(name.rank, name.start)),
      in_(Folder(folder).open_to_read(name_)),
      bytes_(in_.size()),
      ended_(has_end(in_)) {
  const auto text = next_text();
  if (!text) return;
  header_ = decode_header(*text, chain_, name_ + ":1");
  if (header_->rank != name.rank || header_->start != name.start) {
    throw Error(ErrorCode::kBadData,
                fmt::format("{}: its header is of rank {} in start {}; was it renamed?", name_,
                            header_->rank, header_->start));
  }
}

/// Valid until the next call.
std::optional<std::string_view> LedgerFile::next_text() {
  std::size_t searched = taken_;
  std::size_t end = 0;
  while ((end = ahead_.find('\n', searched)) == std::string::npos) {
    ahead_.erase(0, std::exchange(taken_, 0));
    searched = ahead_.size();
    ahead_.resize(searched + kReadBytes);
    ahead_.resize(searched + in_.read(ahead_.data() + searched, kReadBytes));
    if (ahead_.size() == searched) return std::nullopt;  // the rest has no line feed
  }
  ++line_;
  const auto text = std::string_view(ahead_).substr(taken_, end - taken_);
  taken_ = end + 1;
  bytes_read_ += text.size() + 1;
  return text;
}

std::optional<PlacedLine> LedgerFile::next() {
  const auto text = next_text();
  if (!text) return std::nullopt;
  std::string where = fmt::format("{}:{}", name_, line_);
  auto line = decode_line(*text, chain_, where);
  return PlacedLine{std::move(line), std::move(where)};
}

bool has_ended(const std::string& folder, const LedgerFileName& name) {
  try {
    return has_end(Folder(folder).open_to_read(ledger_file_name(name.rank, name.start)));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound) throw;
    return false;
  }
}

std::map<std::uint64_t, LedgerStart> open_ledgers(const std::string& folder) {
  std::map<std::uint64_t, LedgerStart> starts;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    LedgerFileName name;
    if (!parse_ledger_file_name(entry.path().filename().string(), name)) continue;
    starts[name.start].emplace(name.rank, LedgerFile(folder, name));
  }
  if (error) throw_system_error(error.value(), folder);
  if (starts.empty()) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}: there is no ledger here (files rank-RRRR-NNN.jsonl, which "
                            "{} writes)",
                            folder, option_call("ledger")));
  }
  return starts;
}

}  // namespace ringfeed
