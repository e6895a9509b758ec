// Feeds a data set and tells of every batch, for test_faults.py: one line "EPOCH ID ID ..." per
// batch, "end EPOCH" after each epoch, written at once. The data set has a column `id` (int64) and
// a column `data` (float32 of several elements), each element of which must be the id.
//   feed_driver URL EPOCHS BATCH PREFETCH_BYTES PAUSE_MS
// Warnings and errors go to stderr; the exit code is that of the error.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ringfeed/error.hpp>
#include <ringfeed/feed.hpp>
#include <string>
#include <thread>

int main(int argc, char** argv) {
  if (argc != 6) return 2;
  try {
    ringfeed::ConnectionOptions connection;
    connection.warn = [](const std::string& line) {
      std::fprintf(stderr, "warning: %s\n", line.c_str());
    };
    ringfeed::FeedOptions options;
    options.epochs = std::strtoull(argv[2], nullptr, 10);
    options.order.global_batch = std::strtoull(argv[3], nullptr, 10);
    options.order.seed = 7;
    options.prefetch_bytes = std::strtoull(argv[4], nullptr, 10);
    const std::chrono::milliseconds pause(std::atoi(argv[5]));
    ringfeed::Feed feed(ringfeed::Dataset::open(argv[1], connection), options);
    for (std::uint64_t epoch = 0; epoch < options.epochs; ++epoch) {
      while (const auto batch = feed.next()) {
        const auto* const ids = batch->column("id").as<std::int64_t>();
        const auto& data = batch->column("data");
        const auto elements = data.shape.back();
        std::string line = std::to_string(epoch);
        for (std::int64_t i = 0; i < batch->size; ++i) {
          for (std::int64_t k = 0; k < elements; ++k) {
            if (data.as<float>()[i * elements + k] != static_cast<float>(ids[i])) {
              std::fprintf(stderr, "sample %ld has wrong data\n", static_cast<long>(ids[i]));
              return 3;
            }
          }
          line += " " + std::to_string(ids[i]);
        }
        std::puts(line.c_str());
        std::fflush(stdout);
        std::this_thread::sleep_for(pause);
      }
      std::printf("end %llu\n", static_cast<unsigned long long>(epoch));
      std::fflush(stdout);
    }
  } catch (const ringfeed::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.exit_code();
  }
  return 0;
}
