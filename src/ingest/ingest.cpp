// Source -> segments -> permutation -> splits -> chunks -> store.
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <new>
#include <numeric>
#include <optional>
#include <ringfeed/error.hpp>
#include <ringfeed/ingest.hpp>
#include <span>
#include <thread>
#include <utility>

#include "base/folder.hpp"
#include "base/hash.hpp"
#include "base/lost_pages.hpp"
#include "base/option.hpp"
#include "base/random.hpp"
#include "dataset/chunk.hpp"
#include "dataset/ranges.hpp"
#include "ingest/gather.hpp"
#include "ingest/group_chunks.hpp"
#include "ingest/segment.hpp"
#include "ingest/splits.hpp"
#include "ingest/strata.hpp"

namespace ringfeed {
namespace {

/// The version of how source, seed and options become bytes; part of every fingerprint.
constexpr std::uint64_t kIngestVersion = 1;

void check_options(const IngestOptions& options, const Schema& schema) {
  schema.check();
  check_bounds("chunk-bytes", options.chunk_bytes);
  check_bounds("spill-bytes", options.spill_bytes);
  std::string text;
  for (const auto& split : options.splits)
    text += fmt::format("{}{}={}", text.empty() ? "" : ",", split.name, split.share);
  check_splits(options.splits, text);
  if (options.append && options.overwrite) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("a new version either adds to the one before or takes its place; choose "
                    "{} or {}",
                    option_name("append"), option_name("overwrite")));
  }
  if (!options.stratify.empty()) check_stratify(schema, options.stratify);
}

WriteIntent intent_of(Source& source, const IngestOptions& options) {
  WriteIntent intent;
  intent.schema = source.schema();
  std::string text = fmt::format(
      "ringfeed ingest {}\nsource {:016x}\nseed {}\nchunk_bytes {}\nspill_bytes {}\nstratify {}\n",
      kIngestVersion, source.fingerprint(), options.seed, options.chunk_bytes,
      source.in_place() ? 0 : options.spill_bytes, options.stratify);
  for (const auto& split : options.splits) {
    text += fmt::format("split {} {}\n", split.name, split.share);
    intent.splits.push_back(split.name);
  }
  for (const auto& column : intent.schema.columns)
    text += fmt::format("column {} {}\n", column.name, column.type_name());
  if (!options.permute) text += "permute no\n";
  if (options.column_groups) {
    intent.groups = named_groups(intent.schema, *options.column_groups);
    text += fmt::format("column groups {}\n", intent.groups);
  }
  // What is added to other samples and what stands alone are two versions.
  if (options.overwrite) text += "overwrite\n";
  intent.origin = {hash_bytes(text), options.seed, options.chunk_bytes,
                   options.permute ? "whole" : "none", source.allows_nan()};
  intent.append = options.append;
  intent.overwrite = options.overwrite;
  return intent;
}

std::string spill_folder(const IngestOptions& options) {
  return options.spill_dir.empty() ? temporary_folder() : options.spill_dir;
}

/// One ingest under way.
class Run {
 public:
  Run(Source& source, VersionWriter& writer, const IngestOptions& options)
      : source_(source),
        writer_(writer),
        options_(options),
        schema_(std::make_shared<const Schema>(source.schema())),
        arrow_schema_(schema_->to_arrow()),
        sizes_(*schema_),
        segment_bytes_max_(source.in_place() ? UINT64_MAX : options.spill_bytes),
        segment_(*schema_, source.in_place() ? std::nullopt : std::optional(spill_folder(options))),
        chunks_(*schema_, writer.groups()),
        written_(options.splits.size()) {}

  void run() {
    for (std::uint64_t number = 0;; ++number) {
      const bool more = fill();
      if (!source_.in_place()) step("spill");
      segment_.seal();
      total_ += segment_.samples();
      if (number == 0 && !more) {
        known_total_ = total_;
        check_no_split_is_empty(apportion(total_, options_.splits));
      }
      write(number);
      segment_.clear();
      if (options_.permute && (number > 0 || more)) writer_.set_permutation("segments");
      if (!more) break;
    }
    check_no_split_is_empty(written_);
  }

 private:
  void step(std::string_view name) const {
    if (options_.on_step) options_.on_step(name);
  }

  void check_stop() const {
    if (options_.stop.stop_requested()) {
      throw Error(ErrorCode::kCancelled,
                  "stopped before the end, nothing is published; the same again goes on");
    }
  }

  /// False when the source has ended.
  bool fill() {
    std::uint64_t bytes = 0;
    while (true) {
      check_stop();
      auto batch = pending_ != nullptr ? std::exchange(pending_, nullptr) : next_batch();
      if (batch == nullptr) return false;
      const std::int64_t fit = rows_that_fit(*batch, bytes);
      if (fit < batch->num_rows()) pending_ = batch->Slice(fit);
      if (fit > 0) segment_.add(fit < batch->num_rows() ? batch->Slice(0, fit) : batch);
      if (pending_ != nullptr) return true;
    }
  }

  std::shared_ptr<arrow::RecordBatch> next_batch() {
    while (true) {
      auto batch = source_.next();
      report("reading", source_.bytes_read(), source_.bytes_total());
      if (batch == nullptr) return nullptr;
      check_columns(*batch, *schema_, fmt::format("record {}", records_ + 1));
      check_sample_sizes(*batch);
      records_ += static_cast<std::uint64_t>(batch->num_rows());
      if (batch->num_rows() > 0) return batch;
    }
  }

  /// The sources of this library name file and line, and can skip; any other is held against it
  /// here.
  void check_sample_sizes(const arrow::RecordBatch& batch) const {
    if (sizes_.all_fixed() && sizes_.fixed_bytes() <= kSampleBytesMax) return;
    const auto views = column_views(batch, *schema_);
    for (std::int64_t row = 0; row < batch.num_rows(); ++row) {
      const auto bytes = sizes_.bytes(views, static_cast<std::uint64_t>(row));
      if (bytes <= kSampleBytesMax) continue;
      throw Error(ErrorCode::kBadData, fmt::format("record {}: the sample has {} bytes, the limit "
                                                   "is {}; make samples smaller, or keep what is "
                                                   "large in files of their own",
                                                   records_ + static_cast<std::uint64_t>(row) + 1,
                                                   bytes, kSampleBytesMax));
    }
  }

  /// Where a segment ends depends on the samples alone, not on how the source cut them into
  /// batches.
  std::int64_t rows_that_fit(const arrow::RecordBatch& batch, std::uint64_t& bytes) const {
    const std::uint64_t samples_left = Segment::kSamplesMax - segment_.samples();
    const auto rows = std::min(static_cast<std::uint64_t>(batch.num_rows()), samples_left);
    if (segment_bytes_max_ == UINT64_MAX) return static_cast<std::int64_t>(rows);
    const auto views = column_views(batch, *schema_);
    for (std::uint64_t row = 0; row < rows; ++row) {
      const auto size = sizes_.bytes(views, row);
      const bool first = segment_.samples() == 0 && row == 0;
      if (!first && bytes + size > segment_bytes_max_) return static_cast<std::int64_t>(row);
      bytes += size;
    }
    return static_cast<std::int64_t>(rows);
  }

  void write(std::uint64_t number) {
    auto samples = permutation(number);
    const auto counts = counts_of_splits();
    if (!options_.stratify.empty()) sort_by_stratified_split(samples, counts);
    std::span<const std::uint32_t> rest(samples);
    for (std::size_t split = 0; split < counts.size(); ++split) {
      write_split(split, rest.first(counts[split]));
      rest = rest.subspan(counts[split]);
      written_[split] += counts[split];
    }
  }

  std::vector<std::uint32_t> numbers_of_samples() const {
    const std::uint64_t count = segment_.samples();
    try {
      std::vector<std::uint32_t> samples(count);
      std::iota(samples.begin(), samples.end(), std::uint32_t{0});
      return samples;
    } catch (const std::bad_alloc&) {
      throw Error(
          ErrorCode::kNoSpace,
          fmt::format("the order of {} samples takes {} MiB of memory, 4 bytes a sample, which are "
                      "not there; ingest a part of the source, then the rest with {}",
                      count, count * sizeof(std::uint32_t) >> 20, option_name("append")));
    }
  }

  /// shuffle() of base/random.hpp, with a look at the stop token every million samples.
  std::vector<std::uint32_t> permutation(std::uint64_t number) const {
    auto samples = numbers_of_samples();
    if (!options_.permute) return samples;
    Random random(random_key(kIngestVersion, options_.seed, 0, Purpose::kIngest, number));
    for (std::size_t i = samples.size(); i > 1; --i) {
      std::swap(samples[i - 1], samples[random.below(i)]);
      if (i % (std::size_t{1} << 20) == 0) check_stop();
    }
    return samples;
  }

  /// Of this segment: what brings each split to its share of all samples so far.
  std::vector<std::uint64_t> counts_of_splits() const {
    auto counts = apportion(total_, options_.splits);
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      counts[i] = counts[i] > written_[i] ? counts[i] - written_[i] : 0;
      sum += counts[i];
    }
    // A split may have been one sample ahead of its share of the longer source; the others wait for
    // theirs.
    for (std::size_t i = counts.size(); sum > segment_.samples();
         i = i == 1 ? counts.size() : i - 1) {
      if (counts[i - 1] == 0) continue;
      --counts[i - 1];
      --sum;
    }
    return counts;
  }

  /// Keeps the order within each split.
  void sort_by_stratified_split(std::vector<std::uint32_t>& samples,
                                const std::vector<std::uint64_t>& counts) const {
    const auto strata = find_strata(segment_, *schema_, options_.stratify);
    auto left = apportion_strata(strata.occurrences, counts);
    std::vector<std::size_t> next(counts.size());
    std::exclusive_scan(counts.begin(), counts.end(), next.begin(), std::size_t{0});
    std::vector<std::uint32_t> sorted(samples.size());
    std::vector<std::uint32_t> split_of(strata.occurrences.size());
    for (const auto sample : samples) {
      const auto value = strata.of_sample[sample];
      auto& split = split_of[value];
      while (left[split][value] == 0) ++split;
      --left[split][value];
      sorted[next[split]++] = sample;
    }
    samples = std::move(sorted);
  }

  void write_split(std::size_t split, std::span<const std::uint32_t> samples) {
    std::vector<SamplePlace> places;
    std::span<const std::uint32_t> rest = samples;
    const LostPages lost;
    while (!rest.empty()) {
      check_stop();
      const auto rows = rows_of_chunk(rest, places);
      if (!writer_.has_row_group(row_group_)) {
        segment_.locate(rest.first(rows), places);
        const auto batch = gather_chunk(segment_, *schema_, arrow_schema_, places);
        lost.check();
        throttle();
        const auto chunks = chunks_.of(*batch);
        writer_.put(options_.splits[split].name, chunks, ranges_of(*batch, *schema_));
        std::uint64_t bytes = 0;
        for (const auto& chunk : chunks) bytes += chunk.bytes();
        note_written(bytes);
      }
      ++row_group_;
      rest = rest.subspan(rows);
      samples_done_ += rows;
      report("writing", samples_done_, known_total_);
    }
  }

  /// Waits until more may be written.
  void throttle() {
    if (options_.bytes_per_second_max == 0) return;
    while (std::chrono::steady_clock::now() < next_write_) {
      check_stop();
      std::this_thread::sleep_until(
          std::min(next_write_, std::chrono::steady_clock::now() + std::chrono::milliseconds(100)));
    }
    next_write_ = std::chrono::steady_clock::now();
  }

  /// What the writer has made of the chunk decides how many bytes it was.
  void note_written(std::uint64_t bytes) {
    if (options_.bytes_per_second_max == 0) return;
    const std::chrono::duration<double> cost(static_cast<double>(bytes) /
                                             static_cast<double>(options_.bytes_per_second_max));
    next_write_ += std::chrono::duration_cast<std::chrono::steady_clock::duration>(cost);
  }

  /// `scratch` is for its own use.
  std::size_t rows_of_chunk(std::span<const std::uint32_t> samples,
                            std::vector<SamplePlace>& scratch) const {
    const auto rows_max = std::max<std::uint64_t>(
        1, options_.chunk_bytes / std::max<std::uint64_t>(1, sizes_.fixed_bytes()));
    const auto rows = std::min<std::uint64_t>(samples.size(), rows_max);
    if (sizes_.all_fixed()) return rows;
    constexpr std::size_t kAtOnce = 256;
    std::uint64_t bytes = 0;
    for (std::size_t begin = 0; begin < rows; begin += kAtOnce) {
      segment_.locate(samples.subspan(begin, std::min(kAtOnce, rows - begin)), scratch);
      for (std::size_t i = 0; i < scratch.size(); ++i) {
        // The offsets count too: without them a chunk of empty texts would never be full.
        bytes +=
            sizes_.bytes(segment_.views(scratch[i].batch), scratch[i].row) + sizeof(std::int32_t);
        if (begin + i > 0 && bytes > options_.chunk_bytes) return begin + i;
      }
    }
    return rows;
  }

  void check_no_split_is_empty(const std::vector<std::uint64_t>& samples_of_splits) const {
    if (total_ == 0) {
      throw Error(
          ErrorCode::kBadData,
          fmt::format("{}: there is no sample; a data set needs at least one", source_.name()));
    }
    for (std::size_t i = 0; i < samples_of_splits.size(); ++i) {
      if (samples_of_splits[i] > 0) continue;
      throw Error(
          ErrorCode::kBadData,
          fmt::format("{}: of {} samples split '{}' with a share of {} would have none; give "
                      "it more samples, or other splits",
                      source_.name(), total_, options_.splits[i].name, options_.splits[i].share));
    }
  }

  void report(std::string_view stage, std::uint64_t done, std::uint64_t total) const {
    if (options_.progress) options_.progress({stage, done, total});
  }

  Source& source_;
  VersionWriter& writer_;
  const IngestOptions& options_;
  const std::shared_ptr<const Schema> schema_;
  const std::shared_ptr<arrow::Schema> arrow_schema_;
  const SampleSizes sizes_;
  const std::uint64_t segment_bytes_max_;
  Segment segment_;
  std::shared_ptr<arrow::RecordBatch> pending_;
  const GroupChunks chunks_;
  std::vector<std::uint64_t> written_;  ///< samples by split
  std::uint64_t records_ = 0;           ///< read
  std::uint64_t total_ = 0;             ///< samples in all segments so far
  std::uint64_t known_total_ = 0;       ///< 0: not known
  std::uint64_t samples_done_ = 0;
  std::uint64_t row_group_ = 0;
  std::chrono::steady_clock::time_point next_write_{};
};

}  // namespace

void take_classes(SourceOptions& source, Store& store) {
  const auto versions = store.versions();
  if (versions.empty()) return;
  for (const auto& column : store.manifest(versions.back()).schema.columns) {
    if (column.classes.empty()) continue;
    const auto named = std::ranges::find(source.classes, column.name, &ClassColumn::column);
    if (named == source.classes.end())
      source.classes.push_back({column.name, column.classes});
    else if (named->names.empty())
      named->names = column.classes;
  }
}

IngestResult ingest(Source& source, Store& store, const IngestOptions& options) {
  check_options(options, source.schema());
  const LostPages lost;  // of files that the source has mapped
  const auto writer = store.write(intent_of(source, options), options.on_step);
  IngestResult result;
  result.repaired = writer->missing();
  if (writer->published() && result.repaired == 0) {
    result.manifest = writer->publish();
    result.unchanged = true;
    return result;
  }
  Run(source, *writer, options).run();
  lost.check();
  if (options.progress) options.progress({"publishing", 0, 0});
  result.manifest = writer->publish();
  result.rejected = source.rejected();
  return result;
}

}  // namespace ringfeed
