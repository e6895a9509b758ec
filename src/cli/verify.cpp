// ringfeed verify URL
#include <fmt/format.h>

#include <memory>
#include <ringfeed/dataset.hpp>

#include "base/byte_size.hpp"
#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/progress.hpp"

namespace ringfeed::cli {
namespace {

int run(const std::string& url_text, const Command& command) {
  const Url url = Url::parse(url_text);
  const Output& output = command.output;
  const auto connection = connection_options(command.connection, url, output);
  const auto store = open_store(url, connection);
  std::vector<std::uint64_t> versions = store->versions();
  if (url.version || versions.empty())
    versions = {Dataset::open(url_text, connection)->version()};  // or its error
  if (!store->is_immutable()) versions = {versions.back()};
  Interrupt interrupt;
  return interrupt.run(output, "interrupted", [&] {
    Progress progress(output.quiet);
    nlohmann::json checked = nlohmann::json::array();
    std::uint64_t bytes_checked = 0;
    for (const auto version : versions) {
      const Manifest manifest = store->manifest(version);
      std::uint64_t total = 0;
      for (const auto& part : manifest.parts) total += part.bytes();
      bytes_checked += store->verify(manifest, [&](std::uint64_t bytes) {
        if (interrupt.token().stop_requested()) throw Error(ErrorCode::kCancelled, "interrupted");
        progress.update(fmt::format("version {}", version), bytes, total, Unit::kBytes);
      });
      checked.push_back(version);
    }
    progress.finish();
    output.result(
        {{"url", url_text}, {"versions", checked}, {"bytes", bytes_checked}, {"ok", true}},
        fmt::format("{}: every byte is as published ({} in {} version{})", url_text,
                    format_bytes(bytes_checked), versions.size(), versions.size() == 1 ? "" : "s"));
    return 0;
  });
}

}  // namespace

void add_verify(CLI::App& program, Command& command) {
  auto url = std::make_shared<std::string>();
  command.app = program.add_subcommand(
      "verify",
      "Checks every byte of a data set (all versions, or ?version=N) against its checksums; the rows "
      "of a table against its newest index.");
  command.app->footer("Example:\n  ringfeed verify digits.ring\n");
  command.app->add_option("URL", *url, "the data set")->required();
  add_connection_options(*command.app, command.connection);
  command.action = [url, &command] { return run(*url, command); };
}

}  // namespace ringfeed::cli
