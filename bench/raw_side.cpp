// The limit of the packed feed: point reads of the same chunks by the driver alone, nothing
// decoded. raw_side URL BYTES_UNDER_WAY: for each line "round" on stdin it reads every
// chunk of the newest version's train split once and prints a JSON line {samples, seconds}.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <iostream>
#include <ringfeed/dataset.hpp>
#include <ringfeed/error.hpp>
#include <string>

#include "store/cassandra/tables.hpp"

int main(int argc, char** argv) {
  using namespace ringfeed;
  if (argc != 3) {
    fmt::print(stderr, "usage: raw_side URL BYTES_UNDER_WAY\n");
    return 2;
  }
  const Url url = Url::parse(argv[1]);
  const std::uint64_t bytes_max = std::stoull(argv[2]);
  const auto data = Dataset::open(argv[1]);
  const auto session = cql::Session::open(resolve_connection(url), url.keyspace);
  const cassandra::Tables tables(session, url);
  const auto select = session->prepare(
      fmt::format("SELECT data FROM {} WHERE claim = ? AND number = ?", tables.chunks()), "raw");
  for (std::string line; std::getline(std::cin, line);) {
    const auto start = std::chrono::steady_clock::now();
    cql::Queue answers;
    std::uint64_t under_way = 0;
    std::uint64_t received = 0;
    const auto take = [&] {
      const auto answer = answers.next(std::chrono::hours(1));
      if (answer->failure) throw answer->failure->error("raw");
      received += answer->rows.cell(0, 0)->size();
      under_way -= answer->tag;
    };
    for (const auto& part : data->manifest().parts) {
      if (part.split != data->split()) continue;
      auto key = cassandra::parse_part_name(part.name, "raw");
      for (const std::uint64_t bytes : part.chunk_bytes) {
        while (under_way > 0 && under_way + bytes > bytes_max) take();
        session->start(select, cql::Values().bigint(key.claim).bigint(key.number++),
                       {.consistency = Consistency::kLocalOne}, answers, bytes);
        under_way += bytes;
      }
    }
    while (under_way > 0) take();
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    fmt::print("{{\"samples\": {}, \"bytes\": {}, \"seconds\": {:.6f}}}\n", data->size(), received,
               seconds);
    std::fflush(stdout);
  }
  return 0;
}
