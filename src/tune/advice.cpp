// A function for each thing that can be said.
#include "tune/advice.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/byte_size.hpp"
#include "base/option.hpp"

namespace ringfeed::tune {
namespace {

using Lines = std::vector<std::string>;

/// Blocks below it are requests that carry little.
constexpr double kSmallBlock = 128 * 1024;
/// A gain of another batch size that is worth a word.
constexpr double kBatchGain = 1.1;

bool waits_for_store(const AdviceFacts& facts) {
  const std::string& limit = facts.chosen.prediction.limit;
  return limit == "store" || limit == "check";
}

void advise_cache(const AdviceFacts& facts, Lines& lines) {
  if (!facts.is_cassandra || facts.is_cached) return;
  lines.push_back(fmt::format(
      "{} keeps {} on a disk of this host: from the second epoch on the store is not asked",
      option_name("cache", "DIR"), format_bytes(facts.bytes)));
}

void advise_blocks(const Measured& measured, const AdviceFacts& facts, Lines& lines) {
  if (measured.block_bytes >= kSmallBlock || facts.blocks <= 1) return;
  lines.push_back(fmt::format(
      "blocks of {} are small: with {} the store is asked less often (and the order is another)",
      format_bytes(static_cast<std::uint64_t>(measured.block_bytes)),
      facts.is_row_table ? command_name("attach") + " and " + option_name("block-bytes", "2MiB")
                         : "an ingest and " + option_name("chunk-bytes", "512KiB")));
}

void advise_layout(const AdviceFacts& facts, Lines& lines) {
  if (!facts.is_row_table) return;
  lines.push_back(
      fmt::format("a table is read row by row: {} makes a packed data set of it, of which whole "
                  "chunks are read",
                  command_name("copy")));
}

void advise_replicas(const AdviceFacts& facts, Lines& lines) {
  const bool asks_one = facts.read == Consistency::kOne || facts.read == Consistency::kLocalOne;
  if (facts.is_cassandra && !asks_one) {
    lines.push_back(
        fmt::format("reads at {} wait for several copies; {} waits for one{}",
                    consistency_name(facts.read), option_name("read-consistency", "LOCAL_ONE"),
                    facts.is_row_table ? ", which may be an old one where rows are changed"
                                       : ": chunks are never changed, and carry checksums"));
  }
  if (!facts.replicas || facts.replicas->copies >= std::min(facts.replicas->nodes, 3)) return;
  lines.push_back(
      fmt::format("each block is on {} of {} nodes: with more copies (ALTER KEYSPACE, then "
                  "nodetool repair --full) more of them answer for it, and a slow one is passed by",
                  facts.replicas->copies, facts.replicas->nodes));
}

/// Only told: another batch is another training.
void advise_batch(const Measured& measured, const AdviceFacts& facts, Lines& lines) {
  const std::string& limit = facts.chosen.prediction.limit;
  if ((limit != "model" && limit != "all-reduce") || measured.batches.size() < 2) return;
  const BatchRate& now = measured.batches.front();
  const BatchRate& best = *std::ranges::min_element(measured.batches, {}, &BatchRate::seconds);
  if (now.seconds < kBatchGain * best.seconds) return;
  lines.push_back(fmt::format(
      "the model alone takes {:.0f} samples/s in batches of {}, and {:.0f} in those of {}: {} is "
      "another training, which wants another learning rate",
      1 / now.seconds, now.global_batch, 1 / best.seconds, best.global_batch,
      option_name("batch-size", std::to_string(best.global_batch))));
}

void advise_parallel(const AdviceFacts& facts, Lines& lines) {
  if (!facts.start.data_parallel) return;
  lines.push_back(
      fmt::format("{} with a process for each device does without copying the model at each step",
                  option_name("parallel", "ddp")));
}

void advise_order(const AdviceFacts& facts, Lines& lines) {
  if (!facts.other_order) return;
  const Settings& other = facts.other_order->settings;
  lines.push_back(fmt::format(
      "with {} and {} a run is predicted to take {:.0f} samples/s, as more is read ahead: it "
      "makes another order, whose batches have {} (now {}); {} tries it",
      option_name("lanes", std::to_string(other.lanes)),
      option_name("window", std::to_string(other.window)),
      facts.other_order->prediction.samples_per_second,
      words_of(shuffle_quality(other, facts.blocks)),
      words_of(shuffle_quality(facts.start, facts.blocks)), option_name("tune-order")));
}

}  // namespace

ShuffleQuality shuffle_quality(const Settings& settings, std::uint64_t blocks) {
  const std::uint64_t lanes = std::min<std::uint64_t>(settings.lanes, settings.global_batch);
  const std::uint64_t open = lanes * settings.window;
  return {
      std::min(lanes, blocks),
      blocks == 0 ? 1.0 : std::min(1.0, static_cast<double>(open) / static_cast<double>(blocks))};
}

std::string words_of(const ShuffleQuality& quality) {
  return fmt::format("samples of {} block{}, drawn from {:.1f} % of the data set",
                     quality.blocks_of_batch, quality.blocks_of_batch == 1 ? "" : "s",
                     100 * quality.mixed_share);
}

std::vector<std::string> advice(const Measured& measured, const AdviceFacts& facts) {
  Lines lines;
  if (waits_for_store(facts)) {
    advise_cache(facts, lines);
    advise_blocks(measured, facts, lines);
    advise_layout(facts, lines);
    advise_replicas(facts, lines);
  }
  advise_batch(measured, facts, lines);
  advise_parallel(facts, lines);
  advise_order(facts, lines);
  return lines;
}

}  // namespace ringfeed::tune
