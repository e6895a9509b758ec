// The feed: batches as NumPy arrays over its own memory.
#include <nanobind/stl/map.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <chrono>
#include <deque>
#include <optional>
#include <ringfeed/feed.hpp>
#include <ringfeed/ledger.hpp>
#include <utility>

#include "arrays.hpp"
#include "bindings.hpp"
#include "dataset.hpp"

namespace ringfeed::python {
namespace {

using Place = std::pair<std::uint64_t, std::uint64_t>;

/// A feed, and the ledger that gets each batch before it is handed out.
struct LedgerFeed {
  std::shared_ptr<const Dataset> dataset;
  FeedOptions options;
  Feed feed{dataset, options};
  std::optional<Ledger> ledger = std::nullopt;
  /// That next() gave with `hold`, and that the loop was not given yet; without their memory.
  std::deque<Batch> held = {};
};
using LocalFeed = Local<LedgerFeed>;

/// (epoch, step, the samples of the position after it, size, weight, columns as of arrays_of());
/// None at the end of each epoch. With `hold` the ledger gets it by hand_out().
nb::object next(const LocalFeed& local, nb::handle from_dlpack, bool hold) {
  Feed& feed = local.get()->feed;
  auto pause = std::chrono::milliseconds(0);
  while (true) {
    const bool ready = [&] {
      if (pause.count() == 0) return feed.wait_for(pause);
      const nb::gil_scoped_release release;
      return feed.wait_for(pause);
    }();
    if (ready) break;
    check_signals();
    pause = kSignalPause;
  }
  auto batch = feed.next();
  if (!batch) return nb::none();
  if (auto& ledger = local.get()->ledger; ledger && !hold) {
    const nb::gil_scoped_release release;
    ledger->write(*batch);
  }
  nb::object result = nb::make_tuple(batch->epoch, batch->step, feed.position().samples,
                                     batch->size, batch->weight, arrays_of(*batch, from_dlpack));
  if (local.get()->ledger && hold) {
    for (auto& column : batch->columns) column.owner.reset();
    local.get()->held.push_back(std::move(*batch));
  }
  return result;
}

/// The loop is given the first of the batches that were held.
void hand_out(const LocalFeed& local) {
  LedgerFeed& of = *local.get();
  if (!of.ledger) return;
  const nb::gil_scoped_release release;
  of.ledger->write(of.held.front());
  of.held.pop_front();
}

/// `start` is the number of this start of the run.
void begin_ledger(const LocalFeed& local, std::string folder, std::uint64_t start) {
  LedgerFeed& of = *local.get();
  const FeedOptions& options = of.options;
  of.ledger.emplace(LedgerOptions{std::move(folder), start, options.rank, options.world_size,
                                  encode_position(options.start, *of.dataset, options.order)});
}

void flush_ledger(const LocalFeed& local) {
  const nb::gil_scoped_release release;
  if (auto& ledger = local.get()->ledger) ledger->flush();
}

/// The run ended here.
void end_ledger(const LocalFeed& local) {
  const nb::gil_scoped_release release;
  auto& ledger = local.get()->ledger;
  if (!ledger) return;
  ledger->close();
  ledger.reset();
}

OrderOptions order_of(std::string_view shuffle, std::uint64_t seed, std::uint32_t lanes,
                      std::uint32_t window, std::uint64_t global_batch, std::string_view tail) {
  return {seed, shuffle_from_name(shuffle), lanes, window, global_batch, tail_from_name(tail)};
}

std::string encode(const LocalDataset& dataset, Place position, std::string_view shuffle,
                   std::uint64_t seed, std::uint32_t lanes, std::uint32_t window,
                   std::uint64_t global_batch, std::string_view tail) {
  return encode_position({position.first, position.second}, *dataset.get(),
                         order_of(shuffle, seed, lanes, window, global_batch, tail));
}

Place decode(const LocalDataset& dataset, std::string_view text, std::string_view shuffle,
             std::uint64_t seed, std::uint32_t lanes, std::uint32_t window,
             std::uint64_t global_batch, std::string_view tail) {
  const Position position = decode_position(
      text, *dataset.get(), order_of(shuffle, seed, lanes, window, global_batch, tail));
  return {position.epoch, position.samples};
}

LocalFeed make_feed(const LocalDataset& dataset, std::string_view shuffle, std::uint64_t seed,
                    std::uint32_t lanes, std::uint32_t window, std::uint64_t global_batch,
                    std::string_view tail, int rank, int world_size, Place start,
                    std::vector<std::string> columns, std::map<std::string, std::string> decode,
                    int decode_threads, std::uint64_t prefetch_bytes, int read_threads,
                    int assemble_threads, bool track_samples) {
  FeedOptions options;
  options.order = order_of(shuffle, seed, lanes, window, global_batch, tail);
  options.rank = rank;
  options.world_size = world_size;
  options.epochs = 0;
  options.start = {start.first, start.second};
  options.columns = std::move(columns);
  options.decode = std::move(decode);
  options.decode_threads = decode_threads;
  options.prefetch_bytes = prefetch_bytes;
  options.read_threads = read_threads;
  options.assemble_threads = assemble_threads;
  options.track_samples = track_samples;
  const auto data = dataset.get();
  const nb::gil_scoped_release release;
  return LocalFeed(std::make_shared<LedgerFeed>(LedgerFeed{data, std::move(options)}));
}

Place position_of(const LocalFeed& feed) {
  const Position position = feed.get()->feed.position();
  return {position.epoch, position.samples};
}

nb::dict stats_of(const LocalFeed& feed) {
  const FeedStats stats = feed.get()->feed.stats();
  nb::dict result;
  result["samples"] = stats.samples;
  result["batches"] = stats.batches;
  result["blocks_read"] = stats.blocks_read;
  result["wait_seconds"] = stats.wait_seconds;
  result["assemble_seconds"] = stats.assemble_seconds;
  result["held_bytes_max"] = stats.held_bytes_max;
  result["prefetch_bytes"] = stats.prefetch_bytes;
  result["floor_bytes"] = stats.floor_bytes;
  return result;
}

/// Sample names of Prometheus's text, and quantiles of histograms.
nb::dict metrics_of(const LocalFeed& feed) {
  nb::dict result;
  for (const auto& meter : feed.get()->feed.meters()) {
    const std::string labels = labels_text(meter.labels);
    const auto set = [&](const char* ending, double value) {
      result[(meter.name + ending + labels).c_str()] = value;
    };
    if (meter.kind != MeterKind::kHistogram) {
      set("", meter.value);
      continue;
    }
    set("_sum", meter.value);
    set("_count", static_cast<double>(meter.count));
    set("_p50", quantile_of(meter, 0.5));
    set("_p99", quantile_of(meter, 0.99));
  }
  return result;
}

std::string metrics_text_of(const LocalFeed& feed, int rank) {
  return prometheus_text(feed.get()->feed.meters(), {{"rank", std::to_string(rank)}});
}

}  // namespace

void bind_feed(nb::module_& module) {
  using namespace nb::literals;
  module.def(
      "step_count",
      [](std::uint64_t samples, std::uint32_t lanes, std::uint64_t global_batch,
         std::string_view tail) {
        return Steps(samples,
                     {.lanes = lanes, .global_batch = global_batch, .tail = tail_from_name(tail)})
            .count();
      },
      "samples"_a, "lanes"_a, "global_batch"_a, "tail"_a);
  module.def("encode_position", &encode, "dataset"_a, "position"_a, nb::kw_only(), "shuffle"_a,
             "seed"_a, "lanes"_a, "window"_a, "global_batch"_a, "tail"_a);
  module.def("decode_position", &decode, "dataset"_a, "text"_a, nb::kw_only(), "shuffle"_a,
             "seed"_a, "lanes"_a, "window"_a, "global_batch"_a, "tail"_a);
  module.def("next_ledger_start", &Ledger::next_start, "folder"_a);
  nb::class_<LocalFeed>(module, "Feed")
      .def_static("make", &make_feed, "dataset"_a, nb::kw_only(), "shuffle"_a, "seed"_a, "lanes"_a,
                  "window"_a, "global_batch"_a, "tail"_a, "rank"_a, "world_size"_a, "start"_a,
                  "columns"_a, "decode"_a, "decode_threads"_a, "prefetch_bytes"_a, "read_threads"_a,
                  "assemble_threads"_a, "track_samples"_a)
      .def("next", &next, "from_dlpack"_a.none(), "hold"_a)
      .def("hand_out", &hand_out)
      .def("begin_ledger", &begin_ledger, "folder"_a, "start"_a)
      .def_prop_ro("has_ledger",
                   [](const LocalFeed& feed) { return feed.get()->ledger.has_value(); })
      .def("flush_ledger", &flush_ledger)
      .def("end_ledger", &end_ledger)
      .def("close", &LocalFeed::close)
      .def_prop_ro("position", &position_of)
      .def_prop_ro("stats", &stats_of)
      .def_prop_ro("metrics", &metrics_of)
      .def("metrics_text", &metrics_text_of, "rank"_a);
}

}  // namespace ringfeed::python
