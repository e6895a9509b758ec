// Ingests generated samples into a store with small chunks and parts, and kills itself (SIGKILL)
// where it is told to: at the nth event, or at the first step of a name; or stops itself (SIGSTOP)
// there. For the kill tests of ingest and of cassandra (user and password in RINGFEED_USER and
// RINGFEED_PASSWORD).
//   ingest_driver FOLDER|URL SAMPLES FIRST [append] [kill-event=N] [kill-step=NAME]
//   [stop-step=NAME]
// Prints the number of events when it comes to its end, and on a failure the error, with its exit
// code.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ringfeed/error.hpp>
#include <ringfeed/ingest.hpp>
#include <string>
#include <string_view>

#include "ingest/memory_source.hpp"
#include "store/local_store.hpp"
#ifdef RINGFEED_CASSANDRA
#include "store/cassandra/store.hpp"
#endif

namespace {

constexpr std::uint64_t kPartBytes = 12'000;

std::unique_ptr<ringfeed::Store> open(const std::string& place) {
#ifdef RINGFEED_CASSANDRA
  const auto url = ringfeed::Url::parse(place);
  if (url.scheme == "cassandra") {
    namespace cassandra = ringfeed::cassandra;
    return std::make_unique<cassandra::CassandraStore>(
        ringfeed::cql::Session::open(ringfeed::resolve_connection(url), url.keyspace), url,
        cassandra::CassandraStoreOptions{.lease = std::chrono::seconds(4),
                                         .part_bytes = kPartBytes});
  }
#endif
  return std::make_unique<ringfeed::LocalStore>(
      place, ringfeed::LocalStoreOptions{.part_bytes = kPartBytes});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  long kill_event = -1;
  std::string kill_step;
  std::string stop_step;
  ringfeed::testing::MemorySource::Options source_options;
  source_options.samples = std::atol(argv[2]);
  source_options.batch_rows = 500;  // few events while reading, where nothing changes on the disk
  source_options.first = std::atol(argv[3]);
  source_options.fingerprint =
      static_cast<std::uint64_t>(source_options.samples * 1000003 + source_options.first);
  ringfeed::IngestOptions options;
  options.chunk_bytes = 4096;
  options.splits = {{"train", 0.75}, {"val", 0.25}};
  options.stratify = "label";
  options.seed = 3;
  for (int i = 4; i < argc; ++i) {
    const std::string_view argument(argv[i]);
    if (argument == "append") options.append = true;
    if (argument.starts_with("kill-event=")) kill_event = std::atol(argv[i] + 11);
    if (argument.starts_with("kill-step=")) kill_step = argument.substr(10);
    if (argument.starts_with("stop-step=")) stop_step = argument.substr(10);
  }
  long events = 0;
  const auto event = [&] {
    if (events++ == kill_event) std::raise(SIGKILL);
  };
  options.progress = [&](const ringfeed::IngestProgress&) { event(); };
  options.on_step = [&](std::string_view step) {
    if (step == kill_step) std::raise(SIGKILL);
    if (step == stop_step) std::raise(SIGSTOP);
    event();
  };
  try {
    ringfeed::testing::MemorySource source(source_options);
    ringfeed::ingest(source, *open(argv[1]), options);
  } catch (const ringfeed::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.exit_code();
  }
  std::printf("%ld\n", events);
  return 0;
}
