// The limits of the benchmarks with Cassandra: what the driver alone does, nothing decoded. For
// each line "round" on stdin it does its work once and prints a JSON line {samples, bytes, seconds,
// cpu_seconds, rss_anon_bytes}.
//   raw_side chunks URL BYTES_UNDER_WAY [CHUNKS] point reads of every chunk of the train split, or
//   of
//                                                the first CHUNKS
//   raw_side scan URL RANGES_AT_ONCE PAGE_ROWS   all columns of a table by equal token ranges
//   raw_side points URL READS_AT_ONCE            all columns of each row of a table, by its id
//   raw_side write URL BYTES COUNT BYTES_UNDER_WAY   COUNT blobs into a new table of that name
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <iostream>
#include <limits>
#include <optional>
#include <random>
#include <ringfeed/dataset.hpp>
#include <ringfeed/error.hpp>
#include <string>
#include <vector>

#include "store/cassandra/tables.hpp"
#include "usage.hpp"

namespace {

using namespace ringfeed;

struct Count {
  std::uint64_t samples = 0;
  std::uint64_t bytes = 0;
};

using Round = std::function<Count()>;

/// Requests under way, by their cost; what is answered is counted.
class UnderWay {
 public:
  explicit UnderWay(std::uint64_t most) : most_(most) {}

  void start(const cql::Session& session, const cql::Statement& statement,
             const cql::Values& values, Consistency consistency, std::uint64_t cost) {
    while (now_ > 0 && now_ + cost > most_) take();
    session.start(statement, values, {.consistency = consistency}, answers_, cost);
    now_ += cost;
  }

  Count finish() {
    while (now_ > 0) take();
    return count_;
  }

 private:
  void take() {
    const auto answer = answers_.next(std::chrono::hours(1));
    if (answer->failure) throw answer->failure->error("raw");
    count_.samples += answer->rows.size();
    for (std::size_t column = 0; answer->rows.size() > 0 && column < answer->rows.columns();
         ++column)
      count_.bytes += answer->rows.cell(0, column).value_or("").size();
    now_ -= answer->tag;
  }

  const std::uint64_t most_;
  std::uint64_t now_ = 0;
  Count count_;
  cql::Queue answers_;
};

std::string table_of(const Url& url) { return fmt::format("{}.{}", url.keyspace, url.name); }

Round chunks(const cassandra::Tables& tables, const Url& url, std::uint64_t bytes_under_way,
             std::uint64_t most) {
  const auto select = tables.session().prepare(
      fmt::format("SELECT data FROM {} WHERE claim = ? AND number = ?", tables.chunks()), "raw");
  return [=, data = Dataset::open(url.text())] {
    UnderWay reads(bytes_under_way);
    std::uint64_t asked = 0;
    std::uint64_t samples = 0;
    for (const auto& part : data->manifest().parts) {
      if (part.split != data->split()) continue;
      const auto keys = cassandra::parse_part_name(part.name, "raw");
      for (std::size_t i = 0; i < part.chunk_bytes.size() && asked < most; ++i, ++asked) {
        const auto key = keys.at(i);
        reads.start(tables.session(), select, cql::Values().bigint(key.claim).bigint(key.number),
                    Consistency::kLocalOne, part.chunk_bytes[i]);
        if (part.group == 0) samples += part.chunk_samples[i];
      }
    }
    return Count{samples, reads.finish().bytes};
  };
}

/// Cells of all rows, as they lie in the answers.
Count count_of(const cql::Rows& rows) {
  Count count{rows.size(), 0};
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (std::size_t column = 0; column < rows.columns(); ++column)
      count.bytes += rows.cell(row, column).value_or("").size();
  }
  return count;
}

Round scan(const cassandra::Tables& tables, const Url& url, std::uint64_t ranges_at_once,
           std::int32_t page_rows) {
  const auto select = tables.session().prepare(
      fmt::format("SELECT * FROM {} WHERE token(id) > ? AND token(id) <= ?", table_of(url)), "raw");
  return [=] {
    constexpr std::int64_t kRanges = 64;
    constexpr std::uint64_t kStep = std::numeric_limits<std::uint64_t>::max() / kRanges;
    constexpr auto kFirst = std::numeric_limits<std::int64_t>::min();
    const auto start_of = [](std::int64_t number) {
      return static_cast<std::int64_t>(static_cast<std::uint64_t>(kFirst) +
                                       kStep * static_cast<std::uint64_t>(number));
    };
    cql::Queue answers;
    std::int64_t next = 0;
    std::uint64_t under_way = 0;
    Count count;
    const auto ask = [&](std::int64_t number, std::optional<std::string_view> state) {
      const std::int64_t end =
          number + 1 == kRanges ? std::numeric_limits<std::int64_t>::max() : start_of(number + 1);
      tables.session().start(
          select, cql::Values().bigint(start_of(number)).bigint(end),
          {.consistency = Consistency::kLocalOne, .page_rows = page_rows, .paging_state = state},
          answers, static_cast<std::uint64_t>(number));
    };
    while (next < kRanges || under_way > 0) {
      for (; next < kRanges && under_way < ranges_at_once; ++under_way) ask(next++, std::nullopt);
      const auto answer = answers.next(std::chrono::hours(1));
      if (answer->failure) throw answer->failure->error("raw");
      const Count page = count_of(answer->rows);
      count.samples += page.samples;
      count.bytes += page.bytes;
      if (const auto state = answer->rows.paging_state())
        ask(static_cast<std::int64_t>(answer->tag), state);
      else
        --under_way;
    }
    return count;
  };
}

Round points(const cassandra::Tables& tables, const Url& url, std::uint64_t reads_at_once) {
  const auto select_ids =
      tables.session().prepare(fmt::format("SELECT id FROM {}", table_of(url)), "raw");
  std::vector<std::string> ids;
  std::optional<std::string> state = "";
  while (state) {  // small pages: the server reads whole rows for them
    cql::Request request{.consistency = Consistency::kLocalOne, .page_rows = 50};
    if (!state->empty()) request.paging_state = *state;
    const auto rows = tables.session().execute(select_ids, {}, request, "raw");
    for (std::size_t row = 0; row < rows.size(); ++row) ids.push_back(rows.text(row, 0));
    state = rows.paging_state();
  }
  const auto select =
      tables.session().prepare(fmt::format("SELECT * FROM {} WHERE id = ?", table_of(url)), "raw");
  return [=, random = std::mt19937(7)]() mutable {
    std::ranges::shuffle(ids, random);
    UnderWay reads(reads_at_once);
    for (const auto& id : ids)
      reads.start(tables.session(), select, cql::Values().view(id), Consistency::kLocalOne, 1);
    return reads.finish();
  };
}

Round write(const cassandra::Tables& tables, const Url& url, std::size_t bytes, std::int64_t count,
            std::uint64_t bytes_under_way) {
  std::string blob(bytes, '\0');
  std::mt19937 random(7);
  for (char& c : blob) c = static_cast<char>(random());
  return [=, number = 0]() mutable {
    const std::string table = fmt::format("{}_{}", table_of(url), ++number);
    const auto& session = tables.session();
    session.execute(fmt::format("CREATE TABLE {} (id bigint PRIMARY KEY, data blob) WITH "
                                "compression = {{'enabled': false}}",
                                table),
                    {}, {}, "raw");
    const auto insert =
        session.prepare(fmt::format("INSERT INTO {} (id, data) VALUES (?, ?)", table), "raw");
    UnderWay writes(bytes_under_way);
    for (std::int64_t id = 0; id < count; ++id)
      writes.start(session, insert, cql::Values().bigint(id).view(blob),
                   session.connection().write_consistency, bytes);
    writes.finish();
    return Count{static_cast<std::uint64_t>(count), static_cast<std::uint64_t>(count) * bytes};
  };
}

Round round_of(const cassandra::Tables& tables, const Url& url,
               const std::vector<std::string>& arguments) {
  const std::string& kind = arguments[0];
  const auto number = [&](std::size_t i) { return std::stoull(arguments.at(i)); };
  if (kind == "chunks")
    return chunks(tables, url, number(2), arguments.size() > 3 ? number(3) : UINT64_MAX);
  if (kind == "scan") return scan(tables, url, number(2), static_cast<std::int32_t>(number(3)));
  if (kind == "points") return points(tables, url, number(2));
  if (kind == "write")
    return write(tables, url, number(2), static_cast<std::int64_t>(number(3)), number(4));
  throw Error(ErrorCode::kInvalidArgument, "chunks, scan, points or write");
}

void run(const std::vector<std::string>& arguments) {
  const Url url = Url::parse(arguments.at(1));
  const cassandra::Tables tables(cql::Session::open(resolve_connection(url), url.keyspace), url);
  const Round round = round_of(tables, url, arguments);
  for (std::string line; std::getline(std::cin, line);) {
    const double cpu_before = cpu_seconds();
    const auto start = std::chrono::steady_clock::now();
    const Count count = round();
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    fmt::print(
        "{{\"samples\": {}, \"bytes\": {}, \"seconds\": {:.6f}, \"cpu_seconds\": {:.3f}, "
        "\"rss_anon_bytes\": {}}}\n",
        count.samples, count.bytes, seconds, cpu_seconds() - cpu_before, rss_anon_bytes());
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    fmt::print(stderr, "raw_side: {}\n", error.what());
    return 1;
  }
  return 0;
}
