// ringfeed doctor URL
#include "doctor/doctor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <ringfeed/url.hpp>

#include "base/byte_size.hpp"
#include "base/printable.hpp"
#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/order_options.hpp"

namespace ringfeed::cli {
namespace {

using doctor::Purpose;
using doctor::Verdict;

struct DoctorFlags {
  std::string url;
  std::string purpose;
  std::string shuffle;
  std::string prefetch_bytes;
  std::string cache;
  std::string cache_bytes;
  doctor::Wanted wanted;
};

/// A check a line, and its remedy below.
std::string table_of(const doctor::Findings& findings) {
  std::size_t width = 0;
  for (const auto& finding : findings) width = std::max(width, finding.check.size());
  std::string text;
  for (const auto& finding : findings) {
    text += fmt::format("{:<7}  {:<{}}  {}\n", verdict_name(finding.verdict), finding.check, width,
                        printable(finding.value));
    if (!finding.remedy.empty())
      text += fmt::format("{:<7}  {:<{}}  -> {}\n", "", "", width, printable(finding.remedy));
  }
  return text;
}

nlohmann::json json_of(const doctor::Findings& findings) {
  nlohmann::json checks = nlohmann::json::array();
  for (const auto& finding : findings) {
    checks.push_back({{"check", finding.check},
                      {"verdict", verdict_name(finding.verdict)},
                      {"value", finding.value},
                      {"remedy", finding.remedy}});
  }
  return checks;
}

int run_doctor(const DoctorFlags& flags, const Command& command) {
  const Output& output = command.output;
  const Url url = Url::parse(flags.url);
  doctor::ExamineOptions options;
  options.wanted = flags.wanted;
  options.wanted.order.shuffle = shuffle_from_name(flags.shuffle);
  options.wanted.purpose = flags.purpose == "read"     ? Purpose::kRead
                           : flags.purpose == "ingest" ? Purpose::kIngest
                                                       : Purpose::kTrain;
  if (!flags.prefetch_bytes.empty())
    options.wanted.prefetch_bytes = parse_bytes(flags.prefetch_bytes);
  if (!flags.cache_bytes.empty()) options.wanted.cache_bytes = parse_bytes(flags.cache_bytes);
  if (!flags.cache.empty()) options.cache_dir = flags.cache;
  auto connection = connection_options(command.connection, url, output);
  Interrupt interrupt;
  connection.stop = interrupt.stop();
  return interrupt.run(output, "interrupted", [&] {
    const auto findings = doctor::examine(url, options, connection);
    const auto stops = std::ranges::count(findings, Verdict::kStop, &doctor::Finding::verdict);
    output.result({{"url", flags.url}, {"checks", json_of(findings)}, {"ok", stops == 0}},
                  table_of(findings) + (stops == 0 ? "nothing stops a run"
                                                   : fmt::format("{} check{} will stop a run",
                                                                 stops, stops == 1 ? "" : "s")));
    return stops == 0 ? 0 : 1;
  });
}

}  // namespace

void add_doctor(CLI::App& program, Command& command) {
  auto flags = std::make_shared<DoctorFlags>();
  CLI::App* app = command.app =
      program.add_subcommand("doctor",
                             "Looks at what may stop or slow a run, and says what helps: the data "
                             "set, its store, and this "
                             "host. It writes nothing. Exit code 1: something will stop the run.");
  app->footer(
      "Examples:\n  ringfeed doctor digits.ring\n  ringfeed doctor cassandra://127.0.0.1/ml/digits "
      "--nproc 8 --prefetch-bytes 1GiB --cache /data/cache\n  ringfeed doctor "
      "cassandra://127.0.0.1/ml/new --for ingest --json\n");
  app->add_option("URL", flags->url, "the data set, which need not be there for an ingest")
      ->required();
  app->add_option("--for", flags->purpose, "what the run is to do")
      ->check(CLI::IsMember({"read", "train", "ingest"}));
  app->add_option("--nproc", flags->wanted.ranks, "ranks, all on this host");
  OrderOptions& order = flags->wanted.order;
  add_order_options(*app, {order.global_batch, flags->shuffle, order.lanes, order.window});
  app->add_option("--prefetch-bytes", flags->prefetch_bytes,
                  "bound of what the feed of a rank holds (default: 256MiB or what the order needs "
                  "+ 128MiB)");
  auto* cache = app->add_option("--cache", flags->cache, "folder in which blocks would be kept");
  app->add_option("--cache-bytes", flags->cache_bytes, "bound of that folder")->needs(cache);
  add_connection_options(*app, command.connection);
  command.action = [flags, &command] { return run_doctor(*flags, command); };
}

}  // namespace ringfeed::cli
