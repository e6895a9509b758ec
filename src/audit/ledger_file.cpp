// The end of a file is looked at first: it says whether the run was cut off.
#include "audit/ledger_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <ringfeed/error.hpp>

#include "base/system_error.hpp"

namespace ringfeed {
namespace {

/// More than an end has.
constexpr std::uint64_t kTailBytes = 256;

}  // namespace

LedgerFile::LedgerFile(const std::string& folder, const LedgerFileName& name)
    : name_(ledger_file_name(name.rank, name.start)),
      path_(folder + "/" + name_),
      in_(path_, std::ios::binary) {
  if (!in_) throw_system_error(errno, path_);
  in_.seekg(0, std::ios::end);
  bytes_ = static_cast<std::uint64_t>(in_.tellg());
  find_end();
  in_.clear();
  in_.seekg(0);
  const auto text = next_text();
  if (!text) return;
  header_ = decode_header(*text, name_ + ":1");
  if (header_->rank != name.rank || header_->start != name.start) {
    throw Error(ErrorCode::kBadData,
                fmt::format("{}: its header is of rank {} in start {}; was it renamed?", name_,
                            header_->rank, header_->start));
  }
}

void LedgerFile::find_end() {
  std::string tail(std::min(bytes_, kTailBytes), '\0');
  in_.seekg(static_cast<std::streamoff>(bytes_ - tail.size()));
  in_.read(tail.data(), static_cast<std::streamsize>(tail.size()));
  if (!tail.ends_with('\n')) return;
  tail.pop_back();
  ended_ = tail.substr(tail.rfind('\n') + 1).starts_with("{\"end\"");
}

std::optional<std::string> LedgerFile::next_text() {
  std::string text;
  if (!std::getline(in_, text) || in_.eof()) return std::nullopt;  // eof: without a line feed
  ++line_;
  bytes_read_ += text.size() + 1;
  return text;
}

std::optional<PlacedLine> LedgerFile::next() {
  const auto text = next_text();
  if (!text) return std::nullopt;
  std::string where = fmt::format("{}:{}", name_, line_);
  auto line = decode_line(*text, where);
  return PlacedLine{std::move(line), std::move(where)};
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
                            "'ringfeed train --ledger' writes)",
                            folder));
  }
  return starts;
}

}  // namespace ringfeed
