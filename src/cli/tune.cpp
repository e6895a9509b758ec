// ringfeed tune URL
#include "tune/tune.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>
#include <thread>
#include <utility>

#include "base/byte_size.hpp"
#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/made_file.hpp"
#include "cli/train_options.hpp"
#include "cli/trial.hpp"
#include "doctor/doctor.hpp"

namespace ringfeed::cli {
namespace {

using tune::Settings;
using Lines = std::vector<std::string>;

constexpr const char* kFirstLine = "# Written by ringfeed tune";

struct TuneFlags : TrainFlags {
  double seconds = 0;
  std::string budget_memory;
  std::string output;
  bool tune_order = false;
};

/// An option of `train` and its values, as the command line or a file gives them.
struct Given {
  std::string name;
  Lines values;
  bool is_switch = false;
};

/// That a run has not, or has for itself.
constexpr std::string_view kOwn[] = {"seconds", "budget-memory", "tune-order", "output",
                                     "config",  "json",          "quiet"};

/// What was given of the options that a run has, too.
std::vector<Given> given_options(const CLI::App& app) {
  std::vector<Given> given;
  for (const auto* option : app.get_options()) {
    const std::string name = option->get_lnames().empty() ? "" : option->get_lnames().front();
    const bool is_own = std::ranges::find(kOwn, name) != std::end(kOwn);
    if (name.empty() || is_own || option->count() == 0) continue;
    given.push_back({name, option->results(), option->get_items_expected_max() == 0});
  }
  return given;
}

/// From which all options differ.
Settings nothing(bool data_parallel) {
  return {.ranks = 0,
          .threads = 0,
          .read_threads = 0,
          .assemble_threads = 0,
          .data_parallel = data_parallel,
          .lanes = 0,
          .window = 0,
          .global_batch = 0};
}

/// The options that differ from those of the start.
std::vector<Given> options_of(const Settings& settings, const Settings& start) {
  std::vector<Given> options;
  const auto add = [&](const char* name, std::uint64_t value, std::uint64_t before) {
    if (value != before) options.push_back({name, {std::to_string(value)}});
  };
  const auto count = [](int number) { return static_cast<std::uint64_t>(number); };
  add("nproc", count(settings.ranks), count(start.ranks));
  add("threads", count(settings.threads), count(start.threads));
  add("read-threads", count(settings.read_threads), count(start.read_threads));
  add("assemble-threads", count(settings.assemble_threads), count(start.assemble_threads));
  add("prefetch-bytes", settings.prefetch_bytes, start.prefetch_bytes);
  add("connections-per-host", settings.connections, start.connections);
  add("in-flight-bytes-per-node", settings.in_flight_bytes, start.in_flight_bytes);
  add("lanes", settings.lanes, start.lanes);
  add("window", settings.window, start.window);
  add("batch-size", settings.global_batch, start.global_batch);
  if (settings.data_parallel != start.data_parallel)
    options.push_back({"parallel", {settings.data_parallel ? "data-parallel" : "ddp"}});
  return options;
}

/// `options` with those of `others` in their place.
std::vector<Given> merged(std::vector<Given> options, const std::vector<Given>& others) {
  for (const auto& other : others) {
    std::erase_if(options, [&](const Given& option) {
      return option.name == other.name ||
             (other.name == "batch-size" && option.name == "batch-size-per-rank");
    });
    options.push_back(other);
  }
  return options;
}

Lines arguments_of(const std::string& program, const std::string& url,
                   const std::vector<Given>& options) {
  Lines arguments = {program, "train", url};
  for (const auto& option : options) {
    for (const auto& value : option.values)
      arguments.push_back(fmt::format("--{}={}", option.name, value));
  }
  return arguments;
}

/// A number as it is, all else in quotes.
std::string toml_value(const std::string& text, bool is_switch) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, number);
  const bool is_number = error == std::errc() && last == end && std::to_string(number) == text;
  return is_number || is_switch ? text : nlohmann::json(text).dump();
}

std::string toml_text(const std::vector<Given>& options) {
  std::string text = "[train]\n";
  for (const auto& option : options) {
    Lines values;
    for (const auto& value : option.values) values.push_back(toml_value(value, option.is_switch));
    text += values.size() == 1 ? fmt::format("{} = {}\n", option.name, values.front())
                               : fmt::format("{} = [{}]\n", option.name, fmt::join(values, ", "));
  }
  return text;
}

std::string words_of(const Settings& settings, const Settings& start) {
  Lines words;
  for (const auto& option : options_of(settings, start))
    words.push_back(fmt::format("--{} {}", option.name, option.values.front()));
  return words.empty() ? "as it is" : fmt::format("{}", fmt::join(words, " "));
}

nlohmann::json json_of(const tune::Tried& tried, const Settings& start, std::uint64_t blocks) {
  const Settings& settings = tried.candidate.settings;
  nlohmann::json options = nlohmann::json::object();
  for (const auto& option : options_of(settings, start)) {
    const std::string& value = option.values.front();
    if (option.name == "parallel") {
      options[option.name] = value;
    } else {
      options[option.name] = std::stoull(value);
    }
  }
  const auto quality = tune::shuffle_quality(settings, blocks);
  return {{"changes", options},
          {"nproc", settings.ranks},
          {"threads", settings.threads},
          {"blocks_of_batch", quality.blocks_of_batch},
          {"mixed_share", quality.mixed_share},
          {"predicted_samples_per_second", tried.candidate.prediction.samples_per_second},
          {"limit", tried.candidate.prediction.limit},
          {"limit_by_cores", tried.candidate.prediction.by_cores},
          {"samples_per_second", tried.samples_per_second},
          {"wait_share", tried.wait_share}};
}

nlohmann::json json_of(const tune::TuneResult& result) {
  const tune::Measured& measured = result.measured;
  const Settings& start = result.start.candidate.settings;
  nlohmann::json json = {{"sample_bytes", measured.sample_bytes},
                         {"block_bytes", measured.block_bytes},
                         {"memory_bytes", result.memory_bytes},
                         {"block_seconds", measured.block_seconds},
                         {"assemble_seconds_per_sample", measured.assemble_seconds},
                         {"stores", nlohmann::json::array()},
                         {"models", nlohmann::json::array()},
                         {"batches", nlohmann::json::array()},
                         {"start", json_of(result.start, start, result.blocks)},
                         {"tries", nlohmann::json::array()},
                         {"chosen", json_of(result.chosen(), start, result.blocks)},
                         {"advice", result.advice}};
  for (const auto& store : measured.stores) {
    json["stores"].push_back({{"connections", store.connections},
                              {"in_flight_bytes", store.in_flight_bytes},
                              {"bytes_per_second", store.bytes_per_second},
                              {"check_seconds_per_sample", store.check_seconds},
                              {"cpu_seconds_per_sample", store.cpu_seconds}});
  }
  for (const auto& model : measured.models) {
    json["models"].push_back({{"nproc", model.ranks},
                              {"threads", model.threads},
                              {"parallel", model.data_parallel ? "data-parallel" : "ddp"},
                              {"seconds_per_sample", model.compute_seconds},
                              {"all_reduce_seconds_per_sample", model.all_reduce_seconds},
                              {"cpu_seconds_per_sample", model.cpu_seconds}});
  }
  for (const auto& batch : measured.batches) {
    json["batches"].push_back(
        {{"batch_size", batch.global_batch}, {"seconds_per_sample", batch.seconds}});
  }
  for (const auto& tried : result.tries)
    json["tries"].push_back(json_of(tried, start, result.blocks));
  return json;
}

/// Where the order is another, with how well it mixes.
std::string line_of(const tune::Tried& tried, const tune::TuneResult& result) {
  const tune::Tried& start = result.start;
  const Settings& settings = tried.candidate.settings;
  const Settings& before = start.candidate.settings;
  const double gain = 100 * (tried.samples_per_second / start.samples_per_second - 1);
  const bool same_order = settings.lanes == before.lanes && settings.window == before.window;
  return fmt::format(
      "\n  {:>10.0f} {:>10.0f} {:>+6.0f} %  {:<10} {}{}",
      tried.candidate.prediction.samples_per_second, tried.samples_per_second, gain,
      tried.candidate.prediction.limit, words_of(settings, before),
      same_order ? ""
                 : fmt::format(" (batches have {}; as it is {})",
                               tune::words_of(tune::shuffle_quality(settings, result.blocks)),
                               tune::words_of(tune::shuffle_quality(before, result.blocks))));
}

std::string text_of(const tune::TuneResult& result) {
  const tune::Measured& measured = result.measured;
  std::string text = "each alone, in samples/s:";
  for (const auto& store : measured.stores) {
    text += fmt::format("\n  store {:.0f} ({}/s", store.bytes_per_second / measured.sample_bytes,
                        format_bytes(static_cast<std::uint64_t>(store.bytes_per_second)));
    if (store.connections > 0) {
      text += fmt::format(" by {} connections, {} under way", store.connections,
                          format_bytes(store.in_flight_bytes));
    }
    text += fmt::format("; check {:.0f} a core)", 1 / store.check_seconds);
  }
  text += fmt::format("\n  one block of {} takes {:.2f} ms\n  assembly {:.0f} a thread",
                      format_bytes(static_cast<std::uint64_t>(measured.block_bytes)),
                      1e3 * measured.block_seconds, 1 / measured.assemble_seconds);
  for (const auto& model : measured.models) {
    text += fmt::format("\n  model {:.0f} on {} x {} threads{}",
                        1 / (model.compute_seconds + model.all_reduce_seconds), model.ranks,
                        model.threads, model.data_parallel ? ", data-parallel" : "");
    if (model.ranks > 1) {
      text += fmt::format(
          " ({:.0f} % of it all-reduce)",
          100 * model.all_reduce_seconds / (model.compute_seconds + model.all_reduce_seconds));
    }
  }
  const auto ranks = static_cast<std::uint64_t>(result.start.candidate.settings.ranks);
  for (const auto& batch : measured.batches) {
    text += fmt::format("\n  model {:.0f} in batches of {} ({} a rank)", 1 / batch.seconds,
                        batch.global_batch, batch.global_batch / ranks);
  }
  const auto& limit = result.start.candidate.prediction;
  text += fmt::format("\nlimit: {}{}\n   predicted   measured    gain  limit", limit.limit,
                      limit.by_cores ? ", on all cores" : "");
  text += line_of(result.start, result);
  for (const auto& tried : result.tries) text += line_of(tried, result);
  const Settings& chosen = result.chosen().candidate.settings;
  text += result.best
              ? fmt::format("\nfaster: {}", words_of(chosen, result.start.candidate.settings))
              : "\nnothing that was tried is faster by more than the noise";
  for (const auto& line : result.advice) text += "\nadvice: " + line;
  return text;
}

std::string tuned_text(const std::string& path, const std::string& url,
                       const tune::TuneResult& result, const std::vector<Given>& options) {
  const tune::Tried& chosen = result.chosen();
  return fmt::format(
      "{}: {:.0f} samples/s, before {:.0f}; predicted {:.0f}, limit {}.\n# ringfeed train {} "
      "--config {}\n{}",
      kFirstLine, chosen.samples_per_second, result.start.samples_per_second,
      chosen.candidate.prediction.samples_per_second, chosen.candidate.prediction.limit,
      nlohmann::json(url).dump(), nlohmann::json(path == "-" ? "FILE" : path).dump(),
      toml_text(options));
}

/// Copies and nodes where they are read.
std::optional<tune::Replicas> replicas_of(const std::string& url,
                                          const ConnectionOptions& connection) {
  const auto cluster = doctor::look_at_cluster(Url::parse(url), connection);
  if (!cluster || cluster->copies.empty()) return std::nullopt;
  const auto& local = cluster->local_datacenter;
  tune::Replicas replicas;
  for (const auto& [center, copies] : cluster->copies) {
    if (!local || center.empty() || center == *local) replicas.copies += copies;
  }
  for (const auto& node : cluster->nodes)
    replicas.nodes += !local || node.datacenter == *local ? 1 : 0;
  return replicas;
}

tune::TuneOptions tune_options(const TuneFlags& flags) {
  const TrainOptions& train = flags.train;
  const auto ranks = static_cast<std::uint64_t>(flags.nproc);
  tune::TuneOptions options;
  options.url = train.url;
  options.connection = train.connection;
  options.feed.order = {train.seed,
                        train.shuffle,
                        train.lanes,
                        train.window,
                        train.batch_size_per_rank.value_or(0) * ranks,
                        train.tail};
  if (!train.batch_size_per_rank) options.feed.order.global_batch = train.global_batch;
  options.feed.columns = CLI::detail::split(train.input, ',');
  if (std::ranges::find(options.feed.columns, train.target) == options.feed.columns.end())
    options.feed.columns.push_back(train.target);
  options.fixed_ranks = train.batch_size_per_rank.has_value() || train.device == "cuda" ||
                        train.parallel == "data-parallel";
  options.with_data_parallel =
      train.device == "cuda" && train.parallel == "ddp" && !train.batch_size_per_rank;
  options.tune_order = flags.tune_order;
  options.replicas = replicas_of(train.url, train.connection);
  options.feed.decode = train.decode;
  options.feed.decode_threads = train.decode_threads;
  options.feed.read_threads = train.read_threads;
  options.feed.assemble_threads = train.assemble_threads;
  const auto cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  options.start = {.ranks = flags.nproc,
                   .threads = train.threads > 0 ? train.threads : std::max(1, cores / flags.nproc),
                   .read_threads = train.read_threads,
                   .assemble_threads = train.assemble_threads,
                   .prefetch_bytes = train.prefetch_bytes,
                   .data_parallel = train.parallel == "data-parallel"};
  options.seconds = flags.seconds;
  if (!flags.budget_memory.empty()) options.memory_bytes = parse_bytes(flags.budget_memory);
  return options;
}

int run_tune(TuneFlags& flags, Command& command) {
  const CLI::App& app = *command.app;
  const Output& output = command.output;
  if (!flags.output.empty()) check_made_file(flags.output, kFirstLine, "ringfeed tune", output);
  take_train_flags(app, flags, command.connection, output);
  const std::vector<Given> given = given_options(app);
  Interrupt interrupt;
  return interrupt.run(output, "interrupted; nothing was written", [&] {
    flags.train.connection.stop = interrupt.stop();
    tune::TuneOptions options = tune_options(flags);
    options.stop = interrupt.stop();
    options.progress = [&](std::string_view stage) { output.note(fmt::format("tune: {}", stage)); };
    options.train = [&](const Settings& settings, const Trial& trial) {
      LaunchOptions launch;
      launch.ranks = settings.ranks;
      launch.arguments =
          arguments_of(command.arguments.front(), flags.train.url,
                       merged(given, options_of(settings, nothing(options.start.data_parallel))));
      if (const auto& password = flags.train.connection.password)
        launch.environment = {"RINGFEED_PASSWORD=" + password->reveal()};
      launch.stop = interrupt.stop();
      launch.told = [&](int signal) { interrupt.take(signal); };
      return run_trial(std::move(launch), trial);
    };
    const tune::TuneResult result = tune::tune(options);
    if (flags.output.empty()) {
      output.result(json_of(result), text_of(result));
      return 0;
    }
    const Settings& chosen = result.chosen().candidate.settings;
    Settings before = result.start.candidate.settings;
    if (!flags.budget_memory.empty()) before.prefetch_bytes = 0;  // it is to be kept by the run
    make_file(flags.output,
              tuned_text(flags.output, flags.train.url, result,
                         merged(given, options_of(chosen, before))),
              output, json_of(result), text_of(result));
    return 0;
  });
}

}  // namespace

void add_tune(CLI::App& program, Command& command) {
  auto flags = std::make_shared<TuneFlags>();
  CLI::App* app = command.app = program.add_subcommand(
      "tune",
      "Measures what limits a run of 'ringfeed train' on this host, stage by stage, predicts "
      "which options lift it, and tries the best three. It trains in processes of its own, whose "
      "weights are thrown away, and changes neither the data set nor the order of samples "
      "(docs/tune.md).");
  app->footer(
      "Example:\n  ringfeed tune digits.ring --input image --target label --seconds 60 --output "
      "tuned.toml\n  ringfeed train digits.ring --config tuned.toml --epochs 10 --output run\n");
  add_train_options(*app, *flags);
  for (const char* name : {"--cache-bytes", "--cache"})  // which a trial would fill
    app->remove_option(app->get_option(name));
  app->add_option("--seconds", flags->seconds, "that it may take, about");
  app->add_option("--budget-memory", flags->budget_memory,
                  "what the feeds of all ranks may hold together, e.g. 8GiB (default: half of what "
                  "is available)");
  app->add_flag("--tune-order", flags->tune_order,
                "try other lanes and windows, too: they make another order");
  app->add_option("--output", flags->output,
                  "TOML file for what was chosen, for 'ringfeed train --config'; - is standard "
                  "output");
  add_connection_options(*app, command.connection);
  command.action = [flags, &command] { return run_tune(*flags, command); };
}

}  // namespace ringfeed::cli
