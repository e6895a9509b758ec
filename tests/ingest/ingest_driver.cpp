// Ingests generated samples into a local store with small chunks and files, and kills itself
// (SIGKILL) where it is told to: at the nth event, or at the first step of a name. For
// kill_test.cpp.
//   ingest_driver FOLDER SAMPLES FIRST [append] [kill-event=N] [kill-step=NAME]
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

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  long kill_event = -1;
  std::string kill_step;
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
  }
  long events = 0;
  const auto event = [&] {
    if (events++ == kill_event) std::raise(SIGKILL);
  };
  options.progress = [&](const ringfeed::IngestProgress&) { event(); };
  options.on_step = [&](std::string_view step) {
    if (step == kill_step) std::raise(SIGKILL);
    event();
  };
  try {
    ringfeed::testing::MemorySource source(source_options);
    ringfeed::LocalStore store(argv[1], {.part_bytes = 12000});
    ringfeed::ingest(source, store, options);
  } catch (const ringfeed::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.exit_code();
  }
  std::printf("%ld\n", events);
  return 0;
}
