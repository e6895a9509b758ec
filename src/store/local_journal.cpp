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

/// Takes the first line off; nothing when it is torn.
std::optional<std::string_view> take_line(std::string_view& text) {
  const auto end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const auto line = text.substr(0, end + 1);
  text.remove_prefix(end + 1);
  return line;
}

}  // namespace

LocalJournal::LocalJournal(const LocalLayout& layout, Manifest planned)
    : layout_(layout), subject_(journal_subject(std::move(planned))) {}

std::vector<RowRun> LocalJournal::recover() {
  const std::string text = read_journal(layout_);
  std::string_view rest = text;
  std::vector<RowRun> runs;
  std::size_t kept_bytes = 0;
  while (const auto line = take_line(rest)) {
    auto run = run_of_line(*line, subject_);
    if (!run) break;
    try {
      for (const auto& part : run->parts)
        verify_part(layout_, subject_, part, layout_.journal_path(), [](std::uint64_t) {});
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kBadData) throw;
      break;
    }
    runs.push_back(std::move(*run));
    kept_bytes = text.size() - rest.size();
  }
  file_ = File::open_to_append(layout_.journal_path());
  if (kept_bytes != text.size()) file_->resize(kept_bytes);
  file_->sync();
  sync_folder(layout_.work_folder());
  return runs;
}

void LocalJournal::append(const RowRun& run) {
  file_->write(journal_line(subject_, run));
  file_->sync();
}

std::optional<std::uint64_t> journal_version(const LocalLayout& layout) {
  const std::string text = read_journal(layout);
  std::string_view rest = text;
  const auto line = take_line(rest);
  if (!line) return std::nullopt;
  try {
    return Manifest::decode(*line, layout.journal_path()).version;
  } catch (const Error&) {
    return std::nullopt;  // torn, or damaged
  }
}

}  // namespace ringfeed
