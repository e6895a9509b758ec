// Recovery reads every byte of the files that the journal names: what is not durable and right is
// written again.
#include "store/local_journal.hpp"

#include <ringfeed/error.hpp>
#include <utility>

#include "store/local_store.hpp"

namespace ringfeed {
namespace {

constexpr std::uint64_t kJournalBytesMax = std::uint64_t{1} << 31;

std::string read_journal(const LocalLayout& layout) {
  try {
    return layout.root().read_file(LocalLayout::kJournal, kJournalBytesMax);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound) throw;
    return {};
  }
}

/// The manifest of the first line, which is taken off; nothing when it is torn or damaged.
std::optional<Manifest> take_line(std::string_view& text, const std::string& path) {
  const auto end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  try {
    auto manifest = Manifest::decode(text.substr(0, end + 1), path);
    text.remove_prefix(end + 1);
    return manifest;
  } catch (const Error&) {
    return std::nullopt;  // the crash that tore it is what the journal is there for
  }
}

}  // namespace

LocalJournal::LocalJournal(const LocalLayout& layout, Manifest subject)
    : layout_(layout), subject_(std::move(subject)) {
  subject_.parts.clear();
}

std::vector<Part> LocalJournal::recover() {
  const std::string text = read_journal(layout_);
  std::string_view rest = text;
  std::vector<Part> parts;
  std::size_t kept_bytes = 0;
  while (auto line = take_line(rest, layout_.journal_path())) {
    Part part = line->parts.size() == 1 ? std::move(line->parts[0]) : Part();
    line->parts.clear();
    if (*line != subject_ || part.chunk_bytes.empty()) break;
    try {
      verify_part(layout_, subject_.schema, part, layout_.journal_path(), [](std::uint64_t) {});
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kBadData) throw;
      break;
    }
    parts.push_back(std::move(part));
    kept_bytes = text.size() - rest.size();
  }
  file_ = File::open_to_append(layout_.journal_path());
  if (kept_bytes != text.size()) file_->resize(kept_bytes);
  file_->sync();
  sync_folder(layout_.work_folder());
  return parts;
}

void LocalJournal::append(const Part& part) {
  Manifest line = subject_;
  line.parts.push_back(part);
  file_->write(line.encode());
  file_->sync();
}

std::optional<std::uint64_t> journal_version(const LocalLayout& layout) {
  const std::string text = read_journal(layout);
  std::string_view rest = text;
  const auto line = take_line(rest, layout.journal_path());
  if (!line) return std::nullopt;
  return line->version;
}

}  // namespace ringfeed
