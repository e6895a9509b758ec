// An offence does not end the walk: it goes on at the next step that can be told.
#include "audit/checker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ringfeed/error.hpp>
#include <utility>

namespace ringfeed {
namespace {

using Key = std::pair<std::uint64_t, std::uint64_t>;  // epoch and step

Key key_of(const LedgerBatch& batch) { return {batch.epoch, batch.step}; }

}  // namespace

AuditResult Checker::check(std::map<std::uint64_t, LedgerStart>& starts) {
  for (const auto& [number, files] : starts) {
    for (const auto& [rank, file] : files) bytes_total_ += file.bytes();
  }
  const auto counting = starts_of(starts);
  if (!counting.empty()) {
    now_ = counting.front().begin;
    epoch_begin_ = now_.samples;
    if (now_.samples == 0) step_ = 0;
  }
  for (const auto& start : counting) check_start(start);
  if (result_.samples == 0 && !hashes_.empty())
    offend("no sample was handed out: the ledger proves nothing");
  if (now_.samples > 0) {
    const std::uint64_t expected = now_.samples - epoch_begin_;
    result_.lost += expected - std::min(expected, epoch_seen_);
    result_.notes.push_back(fmt::format("epoch {} is not finished: {} of {} samples", now_.epoch,
                                        now_.samples, epoch_samples_));
  }
  return std::move(result_);
}

std::vector<Checker::Start> Checker::starts_of(std::map<std::uint64_t, LedgerStart>& starts) {
  std::vector<Start> counting;
  std::optional<LedgerPosition> limit;
  for (auto it = starts.rbegin(); it != starts.rend(); ++it) {
    auto& files = it->second;
    const auto first = std::ranges::find_if(
        files, [](const auto& each) { return each.second.header().has_value(); });
    if (first == files.end()) continue;  // ended before anything was handed out
    const auto& header = *first->second.header();
    if (!limit || header.begin() < *limit) {
      counting.push_back({it->first, header.begin(), header.world_size, &files, limit});
    } else if (*limit == LedgerPosition{}) {
      result_.notes.push_back(fmt::format("start {:03} does not count: start {:03} began anew",
                                          it->first, counting.back().number));
    }
    limit = limit ? std::min(*limit, header.begin()) : header.begin();
  }
  std::ranges::reverse(counting);
  std::ranges::reverse(result_.notes);
  return counting;
}

void Checker::check_start(const Start& start) {
  if (now_ != start.begin) {
    offend(fmt::format(
        "start {:03} goes on at epoch {}, sample {}, but what counts before it ends "
        "at epoch {}, sample {}",
        start.number, start.begin.epoch, start.begin.samples, now_.epoch, now_.samples));
    go_to(start.begin, std::nullopt);
  }
  auto ranks = open_ranks(start);
  const bool cut_off = !start.limit && std::ranges::none_of(ranks, [](const Rank& rank) {
    return rank.file->ended();
  });
  while (!start.limit || now_ < *start.limit) {
    report_progress();
    for (auto& rank : ranks) pass_over(rank);
    // Of a run that was cut off, what all ranks had written counts.
    const auto has_line = [](const Rank& rank) { return rank.batch.has_value(); };
    if (cut_off && !std::ranges::all_of(ranks, has_line)) return;
    const auto nearest = std::ranges::min_element(ranks, {}, [](const Rank& rank) {
      return rank.batch ? key_of(*rank.batch) : Key{UINT64_MAX, UINT64_MAX};
    });
    if (nearest == ranks.end() || !nearest->batch) {
      if (!start.limit) return check_ends(ranks);
      offend(fmt::format(
          "start {:03} ends at epoch {}, sample {}, but the next one goes on at "
          "epoch {}, sample {}",
          start.number, now_.epoch, now_.samples, start.limit->epoch, start.limit->samples));
      return go_to(*start.limit, std::nullopt);
    }
    const LedgerBatch& batch = *nearest->batch;
    if (!step_ && batch.epoch == now_.epoch) step_ = batch.step;
    if (!step_ || key_of(batch) != Key{now_.epoch, *step_}) {
      offend(fmt::format("{}, is missing on every rank; {} has epoch {}, step {}", next_text(),
                         nearest->where, batch.epoch, batch.step));
      go_to({batch.epoch, batch.first}, batch.step);
      continue;
    }
    check_step(ranks);
  }
}

/// The ranks between two files that are there, which are many where the header says so.
void Checker::miss_ranks(const Start& start, int begin, int end) {
  for (int rank = begin; rank < end; ++rank) {
    if (result_.offenders.size() >= options_.offenders_max) {
      result_.offences += static_cast<std::uint64_t>(end - rank);
      return;
    }
    offend(fmt::format("start {:03}: {} is missing, or empty; there were {} ranks", start.number,
                       ledger_file_name(rank, start.number), start.world_size));
  }
}

std::vector<Checker::Rank> Checker::open_ranks(const Start& start) {
  std::vector<Rank> ranks;
  bool ended = false;
  int expected = 0;
  for (auto& [number, file] : *start.files) {
    if (!file.header()) continue;
    miss_ranks(start, std::exchange(expected, number + 1), number);
    Rank& rank = ranks.emplace_back();
    rank.rank = number;
    rank.file = &file;
    ended = ended || rank.file->ended();
    advance(rank);
  }
  miss_ranks(start, expected, start.world_size);
  for (const auto& rank : ranks) {
    if (!start.limit && ended && !rank.file->ended()) {
      offend(fmt::format("{}: its last line is missing: other ranks' say that the run ended",
                         rank.file->name()));
    }
  }
  return ranks;
}

void Checker::advance(Rank& rank) {
  const auto before = rank.file->bytes_read();
  rank.batch.reset();
  auto placed = rank.file->next();
  bytes_read_ += rank.file->bytes_read() - before;
  if (!placed) return;
  rank.where = std::move(placed->where);
  if (const auto* end = std::get_if<LedgerEnd>(&placed->line)) {
    check_in_epoch(end->position.samples, rank.where);
    rank.end = end->position;
    if (rank.file->next()) offend(fmt::format("{}: lines follow the end", rank.where));
    return;
  }
  rank.batch = std::get<LedgerBatch>(std::move(placed->line));
  check_in_epoch(rank.batch->first, rank.where);
}

void Checker::check_in_epoch(std::uint64_t samples, const std::string& where) const {
  if (samples <= hashes_.size()) return;
  throw Error(ErrorCode::kBadData,
              fmt::format("{}: not a line of a ledger (sample {} of an epoch of {})", where,
                          samples, hashes_.size()));
}

/// Lines that do not belong here.
void Checker::pass_over(Rank& rank) {
  while (rank.batch && step_) {
    LedgerBatch& batch = *rank.batch;
    const Key next{now_.epoch, *step_};
    if (key_of(batch) == next) return;
    if (batch.epoch == now_.epoch && batch.first == now_.samples) {
      offend(fmt::format("{}: says step {}, where step {} of epoch {} is", rank.where, batch.step,
                         *step_, batch.epoch));
      batch.step = *step_;
      return;
    }
    if (key_of(batch) > next) return;
    offend(fmt::format("{}: epoch {}, step {}, stands twice or out of place: after it comes {}",
                       rank.where, batch.epoch, batch.step, next_text()));
    if (batch.epoch == now_.epoch) {
      check_samples(batch, rank.where);
    } else {
      result_.samples += batch.samples.size();
      result_.repeated += batch.samples.size();
    }
    advance(rank);
  }
}

void Checker::check_step(std::vector<Rank>& ranks) {
  const Key key{now_.epoch, *step_};
  std::uint64_t given = 0;
  bool all = true;
  for (auto& rank : ranks) {
    if (!rank.batch || key_of(*rank.batch) != key) {
      all = false;
      offend(fmt::format("{}: there is no line of {}", rank.file->name(), next_text()));
      continue;
    }
    if (rank.batch->first != now_.samples) {
      offend(fmt::format("{}: says that its step begins at sample {} of the epoch, which is {}",
                         rank.where, rank.batch->first, now_.samples));
    }
    check_samples(*rank.batch, rank.where);
    given += rank.batch->samples.size();
    advance(rank);
  }
  ++*step_;
  now_.samples += given;
  if (!all) {  // then where the next step begins is what its lines say
    for (const auto& rank : ranks) {
      if (!rank.batch) continue;
      if (key_of(*rank.batch) == Key{now_.epoch, *step_}) now_.samples = rank.batch->first;
      if (rank.batch->epoch > now_.epoch) now_.samples = epoch_samples_;
    }
  }
  if (now_.samples >= epoch_samples_) end_epoch();
}

void Checker::check_samples(const LedgerBatch& batch, const std::string& where) {
  result_.samples += batch.samples.size();
  for (std::size_t i = 0; i < batch.samples.size(); ++i) {
    const std::uint64_t sample = batch.samples[i];
    if (sample >= hashes_.size()) {
      ++result_.wrong;
      offend(fmt::format("{}: there is no sample {}", where, sample));
      continue;
    }
    if (seen_[sample]) {
      ++result_.repeated;
      offend(fmt::format("{}: sample {} was handed out in epoch {} before", where, sample,
                         batch.epoch));
    } else {
      seen_[sample] = true;
      ++epoch_seen_;
    }
    if (batch.hashes[i] != hashes_[sample]) {
      ++result_.wrong;
      offend(fmt::format("{}: sample {} was delivered as {:016x}, and is stored as {:016x}", where,
                         sample, batch.hashes[i], hashes_[sample]));
    }
  }
}

void Checker::check_ends(const std::vector<Rank>& ranks) {
  for (const auto& rank : ranks) {
    if (!rank.end) continue;
    const bool at_end = rank.end->samples == epoch_samples_;
    const LedgerPosition end = at_end ? LedgerPosition{rank.end->epoch + 1, 0} : *rank.end;
    if (end == now_) continue;
    offend(
        fmt::format("{}: the run ended at epoch {}, sample {}, but the lines end at epoch {}, "
                    "sample {}",
                    rank.where, end.epoch, end.samples, now_.epoch, now_.samples));
    if (end > now_) go_to(end, std::nullopt);
  }
}

void Checker::go_to(LedgerPosition position, std::optional<std::uint64_t> step) {
  if (now_.epoch < position.epoch) end_epoch();
  if (now_.epoch < position.epoch) skip_epochs(position.epoch);
  now_ = position;
  step_ = position.samples == 0 ? 0 : step;
}

/// Whole ones, up to this one: however many they are, in one.
void Checker::skip_epochs(std::uint64_t epoch) {
  const std::uint64_t epochs = epoch - now_.epoch;
  std::uint64_t lost = 0;
  if (__builtin_mul_overflow(epochs, std::uint64_t{hashes_.size()}, &lost)) lost = UINT64_MAX;
  if (__builtin_add_overflow(result_.lost, lost, &result_.lost)) result_.lost = UINT64_MAX;
  offend(fmt::format("epochs {} to {} were not handed out", now_.epoch, epoch - 1));
  now_ = {epoch, 0};
}

void Checker::end_epoch() {
  const std::uint64_t expected = epoch_samples_ - epoch_begin_;
  const std::uint64_t left_out = hashes_.size() - epoch_samples_;
  if (epoch_begin_ == 0) {
    ++result_.epochs;
    result_.left_out += left_out;
  }
  if (epoch_begin_ == 0 && left_out == 0) {
    for (std::size_t sample = 0; epoch_seen_ < expected && sample < seen_.size(); ++sample) {
      if (seen_[sample]) continue;
      ++epoch_seen_;
      ++result_.lost;
      offend(fmt::format("epoch {}: sample {} was not handed out", now_.epoch, sample));
    }
  } else if (epoch_seen_ < expected) {
    result_.lost += expected - epoch_seen_;
    offend(fmt::format("epoch {}: {} samples of those from {} on were not handed out", now_.epoch,
                       expected - epoch_seen_, epoch_begin_));
  }
  std::fill(seen_.begin(), seen_.end(), false);
  epoch_seen_ = epoch_begin_ = 0;
  now_ = {now_.epoch + 1, 0};
  step_ = 0;
}

void Checker::report_progress() {
  if (options_.stop.stop_requested()) throw Error(ErrorCode::kCancelled, "interrupted");
  if (options_.progress) options_.progress("ledger", bytes_read_, bytes_total_);
}

std::string Checker::next_text() const {
  return step_ ? fmt::format("epoch {}, step {}", now_.epoch, *step_)
               : fmt::format("epoch {}, the step at sample {}", now_.epoch, now_.samples);
}

void Checker::offend(std::string text) {
  ++result_.offences;
  if (result_.offenders.size() < options_.offenders_max)
    result_.offenders.push_back(std::move(text));
}

}  // namespace ringfeed
