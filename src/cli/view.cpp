// ringfeed view URL
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <ringfeed/dataset.hpp>
#include <ringfeed/feed.hpp>

#include "base/byte_size.hpp"
#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/made_file.hpp"
#include "report/data_page.hpp"

namespace ringfeed::cli {
namespace {

struct ViewFlags {
  std::string url;
  std::string output;
  std::uint64_t samples = 0;
  std::uint64_t batch_size = 0;
  std::uint64_t seed = 0;
  std::string shuffle;
};

/// What src/report/data.html has in its head.
constexpr std::string_view kMark = "content=\"ringfeed view\"";

/// The name of the data set and of a split that was named, with .html, in the working folder.
std::string default_output(const std::string& url, const Dataset& dataset) {
  std::string_view path = std::string_view(url).substr(0, url.find('?'));
  while (path.ends_with('/')) path.remove_suffix(1);
  path = path.substr(path.rfind('/') + 1);
  if (path.empty() || path.starts_with('.')) path = "data";
  return url.find("split=") == std::string::npos ? fmt::format("{}.html", path)
                                                 : fmt::format("{}.{}.html", path, dataset.split());
}

nlohmann::ordered_json about(const Dataset& dataset, const ViewFlags& flags) {
  nlohmann::ordered_json splits = nlohmann::ordered_json::array();
  std::uint64_t bytes = 0;
  std::uint64_t chunks = 0;
  for (const auto& split : dataset.manifest().split_infos()) {
    splits.push_back({split.name, split.samples});
    bytes += split.bytes;
    chunks += split.chunks;
  }
  return {{"url", dataset.url()},
          {"version", dataset.version()},
          {"split", dataset.split()},
          {"samples", dataset.size()},
          {"splits", splits},
          {"size", format_bytes(bytes)},
          {"chunks", chunks},
          {"order", fmt::format("Batches of {}, shuffle {}, seed {}: how the order of training "
                                "mixes the classes.",
                                flags.batch_size, flags.shuffle, flags.seed)},
          {"made", fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(std::time(nullptr)))}};
}

int run_view(const ViewFlags& flags, const Command& command) {
  const Output& output = command.output;
  Interrupt interrupt;
  return interrupt.run(output, "", [&] {
    auto connection = connection_options(command.connection, Url::parse(flags.url), output);
    connection.stop = interrupt.stop();
    const auto dataset = Dataset::open(flags.url, connection);
    const std::string path =
        flags.output.empty() ? default_output(flags.url, *dataset) : flags.output;
    check_made_file(path, kMark, "ringfeed view", output);
    DataPage page(dataset->schema());
    if (dataset->size() > 0) {
      FeedOptions options;
      options.order = {.seed = flags.seed,
                       .shuffle = shuffle_from_name(flags.shuffle),
                       .global_batch = flags.batch_size};
      Feed feed(dataset, options);
      while (page.samples() < flags.samples) {
        if (interrupt.stop().stop_requested())
          throw Error(ErrorCode::kCancelled, "interrupted; no page was written");
        auto batch = feed.next();
        if (!batch) break;
        batch->size =
            std::min(batch->size, static_cast<std::int64_t>(flags.samples - page.samples()));
        page.add(*batch);
      }
    }
    const std::string html = page.html(about(*dataset, flags));
    make_file(path, html, output,
              {{"page", path}, {"bytes", html.size()}, {"samples", page.samples()}},
              fmt::format("{}: {} of {} samples; open it in a browser", path, page.samples(),
                          dataset->size()));
    return 0;
  });
}

}  // namespace

void add_view(CLI::App& program, Command& command) {
  auto flags = std::make_shared<ViewFlags>();
  command.app = program.add_subcommand(
      "view",
      "Writes a page that shows a data set: what its columns hold, samples, and how the order of "
      "training mixes classes. One HTML file, which needs no network.");
  command.app->footer(
      "Examples:\n  ringfeed view digits.ring\n  ringfeed view 'cassandra://db1/train/digits?split="
      "val' -o val.html --samples 2000\n");
  command.app->add_option("URL", flags->url, "the data set")->required();
  command.app->add_option(
      "-o,--output", flags->output,
      "the page (default: the data set's name with .html, here); - is standard output");
  command.app->add_option("--samples", flags->samples,
                          "how many are read, in the order of training, for figures and classes");
  command.app->add_option("--batch-size", flags->batch_size, "samples of a batch");
  command.app->add_option("--shuffle", flags->shuffle, "how the order is mixed (docs/ordering.md)")
      ->check(CLI::IsMember({"block", "full", "none"}));
  command.app->add_option("--seed", flags->seed, "of the order");
  add_connection_options(*command.app, command.connection);
  command.action = [flags, &command] { return run_view(*flags, command); };
}

}  // namespace ringfeed::cli
