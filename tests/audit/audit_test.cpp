// Ledgers of real feeds, over resumes and other numbers of ranks: exact as they are, and with each
// damage found and named.
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <ringfeed/audit.hpp>
#include <ringfeed/feed.hpp>
#include <ringfeed/ingest.hpp>
#include <ringfeed/ledger.hpp>
#include <sstream>

#include "audit/ledger_line.hpp"
#include "base/hash.hpp"
#include "errors.hpp"
#include "ingest/memory_source.hpp"
#include "process.hpp"
#include "temp_folder.hpp"

namespace ringfeed {
namespace {

using testing::expect_error;
using testing::MemorySource;
using testing::read_all;
using testing::run_forked;
using testing::TempFolder;
using testing::write_all;

constexpr std::uint64_t kSamples = 127;

class Audit : public ::testing::Test {
 protected:
  Audit() {
    MemorySource source({.samples = kSamples});
    IngestOptions options;
    options.chunk_bytes = 4096;
    ingest(source, *open_store(Url::parse(url())), options);
    dataset_ = Dataset::open(url());
  }

  std::string url() const { return folder_ / "data.ring"; }
  std::string ledger() const { return folder_ / "ledger"; }
  std::string file(int rank, int start) const {
    return fmt::format("{}/rank-{:04}-{:03}.jsonl", ledger(), rank, start);
  }

  static OrderOptions order() {
    OrderOptions order;
    order.seed = 7;
    order.lanes = 8;
    order.global_batch = 16;
    return order;
  }

  /// One start on so many ranks; each hands out `steps` steps, or all of `epochs`.
  void run(int world_size, Position start, std::uint64_t epochs, std::uint64_t steps = UINT64_MAX,
           bool closes = true) {
    const std::uint64_t number = Ledger::next_start(ledger());
    for (int rank = 0; rank < world_size; ++rank) {
      FeedOptions options;
      options.order = order();
      options.rank = rank;
      options.world_size = world_size;
      options.start = start;
      options.epochs = epochs - start.epoch;
      options.track_samples = true;
      Feed feed(dataset_, options);
      Ledger log({.folder = ledger(),
                  .start = number,
                  .rank = rank,
                  .world_size = world_size,
                  .position = encode_position(start, *dataset_, options.order)});
      std::uint64_t step = 0;
      for (std::uint64_t epoch = start.epoch; epoch < epochs; ++epoch) {
        while (step < steps) {
          const auto batch = feed.next();
          if (!batch) break;
          log.write(*batch);
          ++step;
        }
      }
      if (closes) log.close();
    }
  }

  AuditResult result() const { return audit(ledger(), url()); }

  void expect_exact(std::uint64_t epochs, std::uint64_t samples) const {
    const auto found = result();
    EXPECT_TRUE(found.exact()) << fmt::format("{}", fmt::join(found.offenders, "\n"));
    EXPECT_EQ(found.epochs, epochs);
    EXPECT_EQ(found.samples, samples);
    EXPECT_EQ(found.lost + found.repeated + found.wrong, 0u);
  }

  static std::vector<std::string> lines_of(const std::string& path) {
    std::istringstream in(read_all(path));
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }
  using Change = std::function<void(std::vector<std::string>&)>;
  /// As a bug of the writer would, which gives each line its right checksum.
  static void change(const std::string& path, const Change& change_lines) {
    auto lines = lines_of(path);
    change_lines(lines);
    std::string text;
    LedgerChain chain;
    for (const auto& line : lines) {
      const auto begin = text.size();
      text += line.substr(0, line.rfind(",\"sum\""));
      chain.end_line(begin, text);
    }
    write_all(path, text);
  }
  /// As damage does.
  static void damage(const std::string& path, const Change& change_lines) {
    auto lines = lines_of(path);
    change_lines(lines);
    std::string text;
    for (const auto& line : lines) text += line + "\n";
    write_all(path, text);
  }
  template <typename Value>
  static void set_in_header(const std::string& path, const std::string& pointer, Value value) {
    change(path, [&](auto& lines) {
      auto header = nlohmann::ordered_json::parse(lines[0]);
      header[nlohmann::ordered_json::json_pointer(pointer)] = value;
      lines[0] = header.dump();
    });
  }

  TempFolder folder_;
  std::shared_ptr<const Dataset> dataset_;
};

bool names(const AuditResult& result, const std::string& part) {
  return std::ranges::any_of(result.offenders, [&](const std::string& offender) {
    return offender.find(part) != std::string::npos;
  });
}

TEST_F(Audit, WholeRunsAreExact) {
  for (const int world_size : {1, 2, 3, 5, 8}) {
    std::filesystem::remove_all(ledger());
    run(world_size, {0, 0}, 3);
    expect_exact(3, 3 * kSamples);
  }
}

TEST_F(Audit, TheHashIsOfTheDeliveredBytesColumnByColumn) {
  run(1, {0, 0}, 1, 1);
  const auto lines = lines_of(file(0, 0));
  const auto header = nlohmann::json::parse(lines[0]);
  EXPECT_EQ(header.at("columns").size(), 6u);
  EXPECT_EQ(header.at("position").at("order").at("seed"), 7);
  const auto line = nlohmann::json::parse(lines[1]);
  FeedOptions options;
  options.order = order();
  options.track_samples = true;
  Feed feed(dataset_, options);
  const auto batch = feed.next();
  ASSERT_EQ(line.at("samples").size(), static_cast<std::size_t>(batch->size));
  for (std::int64_t i = 0; i < batch->size; ++i) {
    std::uint64_t hash = 0;
    const auto add = [&](const void* data, std::size_t size) { hash_each(data, size, {&hash, 1}); };
    const auto add_list = [&](const Column& column, std::size_t element) {
      const auto begin = static_cast<std::size_t>(column.offsets[i]);
      const auto end = static_cast<std::size_t>(column.offsets[i + 1]);
      add(column.as<char>() + begin * element, (end - begin) * element);
    };
    add(batch->column("image").as<float>() + 6 * i, 24);
    add(batch->column("label").as<std::int64_t>() + i, 8);
    add_list(batch->column("text"), 1);
    add_list(batch->column("tags"), 2);
    add(batch->column("flag").as<char>() + i, 1);
    add(batch->column("bits").as<char>() + 3 * i, 3);
    EXPECT_EQ(line.at("hashes")[static_cast<std::size_t>(i)], fmt::format("{:016x}", hash));
    EXPECT_EQ(line.at("samples")[static_cast<std::size_t>(i)],
              batch->samples[static_cast<std::size_t>(i)]);
  }
}

TEST_F(Audit, WhatCountsIsUpToWhereTheNextStartWentOn) {
  run(2, {0, 0}, 3, 6, false);   // killed after step 6 of epoch 0
  run(3, {0, 64}, 3, 2, false);  // twice in one epoch
  run(5, {0, 64}, 3, 9, false);  // from the same checkpoint, into epoch 1
  run(1, {1, 0}, 3, 8, false);   // at an epoch's first step; killed after its last
  run(8, {1, 112}, 3);           // before its last step
  expect_exact(3, 3 * kSamples);
}

TEST_F(Audit, ACutOffRunIsExactAsFarAsAllRanksWrote) {
  run(2, {0, 0}, 2, 10, false);
  change(file(1, 0), [](auto& lines) { lines.resize(lines.size() - 2); });
  write_all(file(1, 0), read_all(file(1, 0)) + "{\"epoch\":1,\"st");  // torn
  const auto found = result();
  EXPECT_TRUE(found.exact()) << fmt::format("{}", fmt::join(found.offenders, "\n"));
  EXPECT_EQ(found.epochs, 1u);
  EXPECT_EQ(found.samples, kSamples);
  EXPECT_TRUE(found.notes.empty());

  std::filesystem::remove_all(ledger());
  run(2, {0, 0}, 2, 10, false);
  EXPECT_EQ(result().notes, std::vector<std::string>{"epoch 1 is not finished: 32 of 127 samples"});
}

/// As a run that is finished, and is started once more.
TEST_F(Audit, AStartThatWasGivenNothingLeavesNoFile) {
  run(2, {0, 0}, 1);
  run(2, {1, 0}, 2, 0);
  EXPECT_FALSE(std::filesystem::exists(file(0, 1)));
  expect_exact(1, kSamples);
}

TEST_F(Audit, AStartThatHandedOutNothingIsPassedOver) {
  run(2, {0, 0}, 2, 3, false);
  write_all(file(0, 1), "");
  run(2, {0, 32}, 2);
  expect_exact(2, 2 * kSamples);
}

/// Damages are done to whole runs of two ranks over two epochs of 8 steps; a line of step s of
/// epoch e is line 8e + s + 2 of its file.
class Damaged : public Audit {
 protected:
  Damaged() { run(2, {0, 0}, 2); }
};

TEST_F(Damaged, ADroppedLine) {
  // The first, one in the middle, the last of an epoch, the last of all; on either rank.
  for (const int rank : {0, 1}) {
    for (const int step : {0, 3, 7, 15}) {
      std::filesystem::remove_all(ledger());
      run(2, {0, 0}, 2);
      change(file(rank, 0), [&](auto& lines) { lines.erase(lines.begin() + 1 + step); });
      const auto found = result();
      EXPECT_GT(found.lost, 0u) << step;
      EXPECT_EQ(found.repeated + found.wrong, 0u);
      EXPECT_TRUE(names(found, fmt::format("rank-000{}-000.jsonl: there is no line of epoch {}, "
                                           "step {}",
                                           rank, step / 8, step % 8)))
          << fmt::format("{}", fmt::join(found.offenders, "\n"));
    }
  }
}

TEST_F(Damaged, ADroppedEnd) {
  change(file(1, 0), [](auto& lines) { lines.pop_back(); });
  const auto found = result();
  EXPECT_EQ(found.offences, 1u);
  EXPECT_TRUE(names(found, "rank-0001-000.jsonl: its last line is missing"));
}

TEST_F(Damaged, ADoubledLine) {
  change(file(1, 0), [](auto& lines) { lines.insert(lines.begin() + 5, lines[5]); });
  const auto found = result();
  EXPECT_EQ(found.lost + found.wrong, 0u);
  EXPECT_GT(found.repeated, 0u);
  EXPECT_TRUE(names(found, "rank-0001-000.jsonl:7: epoch 0, step 4, stands twice"));
  EXPECT_TRUE(names(found, "was handed out in epoch 0 before"));
}

TEST_F(Damaged, ALineMovedToAnotherStep) {
  change(file(1, 0), [](auto& lines) {  // another number
    auto line = nlohmann::ordered_json::parse(lines[5]);
    line["step"] = 6;
    lines[5] = line.dump();
  });
  auto found = result();
  EXPECT_EQ(found.offences, 1u);
  EXPECT_TRUE(names(found, "rank-0001-000.jsonl:6: says step 6, where step 4 of epoch 0 is"));

  std::filesystem::remove_all(ledger());
  run(2, {0, 0}, 2);
  change(file(0, 0), [](auto& lines) {  // another place
    std::rotate(lines.begin() + 5, lines.begin() + 6, lines.begin() + 8);
  });
  found = result();
  EXPECT_EQ(found.lost + found.repeated + found.wrong, 0u);
  EXPECT_TRUE(names(found, "rank-0000-000.jsonl: there is no line of epoch 0, step 4"));
  EXPECT_TRUE(names(found, "rank-0000-000.jsonl:8: epoch 0, step 4, stands twice or out of place"));
}

TEST_F(Damaged, AnAlteredHash) {
  change(file(0, 0), [](auto& lines) {
    auto line = nlohmann::ordered_json::parse(lines[12]);
    line["hashes"][2] = "0123456789abcdef";
    lines[12] = line.dump();
  });
  const auto found = result();
  EXPECT_EQ(found.offences, 1u);
  EXPECT_EQ(found.wrong, 1u);
  EXPECT_TRUE(names(found, "rank-0000-000.jsonl:13: sample "));
  EXPECT_TRUE(names(found, "was delivered as 0123456789abcdef, and is stored as "));
}

TEST_F(Damaged, AnAlteredSample) {
  change(file(0, 0), [](auto& lines) {
    auto line = nlohmann::ordered_json::parse(lines[2]);
    line["samples"][0] = line["samples"][1];
    lines[2] = line.dump();
  });
  const auto found = result();
  EXPECT_EQ(found.lost, 1u);
  EXPECT_EQ(found.repeated, 1u);
  EXPECT_EQ(found.wrong, 1u);
}

TEST_F(Damaged, AMissingFile) {
  std::filesystem::remove(file(1, 0));
  const auto found = result();
  EXPECT_GT(found.lost, 100u);
  EXPECT_TRUE(
      names(found, "start 000: rank-0001-000.jsonl is missing, or empty; there were 2 ranks"));
}

TEST_F(Damaged, ACutFile) {
  change(file(1, 0), [](auto& lines) { lines.resize(9); });
  const auto found = result();
  EXPECT_GT(found.lost, 0u);
  EXPECT_TRUE(names(found, "rank-0001-000.jsonl: its last line is missing"));
}

TEST_F(Audit, AGapBetweenStarts) {
  run(2, {0, 0}, 2, 3, false);
  run(2, {0, 64}, 2);
  const auto found = result();
  EXPECT_EQ(found.lost, 16u);
  EXPECT_TRUE(names(found,
                    "start 000 ends at epoch 0, sample 48, but the next one goes on at "
                    "epoch 0, sample 64"));
}

TEST_F(Audit, RanksOfAnotherOrderOrDataSet) {
  run(2, {0, 0}, 1);
  change(file(1, 0), [](auto& lines) {
    auto header = nlohmann::ordered_json::parse(lines[0]);
    header["position"]["order"]["seed"] = 8;
    lines[0] = header.dump();
  });
  expect_error(ErrorCode::kBadData,
               {"rank-0001-000.jsonl", "order/seed is 8, not 7", "rank-0000-000"},
               [&] { result(); });
  change(file(1, 0), [](auto& lines) {
    auto header = nlohmann::ordered_json::parse(lines[0]);
    header["position"]["order"]["seed"] = 7;
    header["world_size"] = 3;
    lines[0] = header.dump();
  });
  expect_error(ErrorCode::kBadData, {"3 ranks from epoch 0", "has 2 ranks"}, [&] { result(); });
}

TEST_F(Audit, WhatIsNoLedger) {
  expect_error(ErrorCode::kNotFound, {"ledger"}, [&] { result(); });
  std::filesystem::create_directory(ledger());
  expect_error(ErrorCode::kNotFound, {"there is no ledger here"}, [&] { result(); });
  write_all(file(0, 0), "hello\n");
  expect_error(ErrorCode::kBadData, {"rank-0000-000.jsonl:1: not a line of a ledger"},
               [&] { result(); });
  std::filesystem::remove_all(ledger());
  run(1, {0, 0}, 1);
  std::filesystem::rename(file(0, 0), file(1, 0));
  expect_error(ErrorCode::kBadData, {"was it renamed?"}, [&] { result(); });
  std::filesystem::rename(file(1, 0), file(0, 0));
  change(file(0, 0), [](auto& lines) { lines[3] = lines[3].substr(0, 30); });
  expect_error(ErrorCode::kBadData, {"rank-0000-000.jsonl:4: not a line"}, [&] { result(); });
}

TEST_F(Damaged, ALineThatIsNotAsItWasWrittenProvesNothing) {
  const std::string path = file(0, 0);
  const std::string whole = read_all(path);
  const auto refused = [&](const std::string& where) {
    expect_error(ErrorCode::kBadData, {"rank-0000-000.jsonl:" + where}, [&] { result(); });
  };
  const auto count = lines_of(path).size();
  for (std::size_t i = 0; i < count; ++i) {
    damage(path, [&](auto& lines) { lines[i][lines[i].size() / 2] ^= 1; });
    refused(std::to_string(i + 1));
    write_all(path, whole);
    if (i == 0 || i + 1 == count) continue;
    damage(path, [&](auto& lines) { lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(i)); });
    refused(std::to_string(i + 1));
    write_all(path, whole);
    damage(path, [&](auto& lines) { std::swap(lines[i], lines[i + 1]); });
    refused(std::to_string(i + 1));
    write_all(path, whole);
  }
  damage(path, [](auto& lines) { lines.erase(lines.begin()); });
  refused("1: not a line of a ledger");
}

TEST_F(Damaged, EachFlipIsFound) {
  const std::string path = file(1, 0);
  const std::string whole = read_all(path);
  for (std::size_t at = 0; at < whole.size(); at += 13) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << (at % 8)));
    write_all(path, bytes);
    bool found = false;
    try {
      found = !result().exact();
    } catch (const Error& error) {
      found = error.exit_code() == 3;
    }
    EXPECT_TRUE(found) << at;
  }
}

TEST_F(Audit, NothingHandedOutIsNotExact) {
  run(1, {0, 0}, 1);
  const std::string whole = read_all(file(0, 0));
  change(file(0, 0), [](auto& lines) { lines.resize(1); });
  const auto found = result();
  EXPECT_FALSE(found.exact());
  EXPECT_EQ(found.samples, 0u);
  EXPECT_TRUE(names(found, "no sample was handed out"));
  write_all(file(0, 0), whole);
  expect_exact(1, kSamples);
}

TEST_F(Audit, ImpossibleValuesAreDamage) {
  run(1, {0, 0}, 1);
  const std::string whole = read_all(file(0, 0));
  const auto refused = [&](const std::string& pointer, const nlohmann::ordered_json& value) {
    set_in_header(file(0, 0), pointer, value);
    expect_error(ErrorCode::kBadData, {"rank-0000-000.jsonl"}, [&] { result(); });
    write_all(file(0, 0), whole);
  };
  for (const auto* value : {"0", "-1", "1.5", "2147483647", "18446744073709551615", "null", "[]"})
    refused("/world_size", nlohmann::ordered_json::parse(value));
  for (const auto* value : {"1", "-1", "null"})
    refused("/rank", nlohmann::ordered_json::parse(value));
  for (const auto* value : {"-1", "0.5", "18446744073709551615"})
    refused("/position/epoch", nlohmann::ordered_json::parse(value));
  for (const auto* value : {"-1", "128", "1e30"})
    refused("/position/samples", nlohmann::ordered_json::parse(value));
  for (const auto* name : {"global_batch", "lanes", "window"}) {
    for (const auto* value : {"0", "-1", "0.5", "9223372036854775808", "\"8\""})
      refused(fmt::format("/position/order/{}", name), nlohmann::ordered_json::parse(value));
  }
  refused("/position/order/seed", -1);
  refused("/position/order/shuffle", "some");
  refused("/position/order/tail", "any");
  for (const auto* value : {"-1", "128", "1e30"}) {
    change(file(0, 0), [&](auto& lines) {
      auto line = nlohmann::ordered_json::parse(lines[2]);
      line["first"] = nlohmann::ordered_json::parse(value);
      lines[2] = line.dump();
    });
    expect_error(ErrorCode::kBadData, {"rank-0000-000.jsonl:3"}, [&] { result(); });
    write_all(file(0, 0), whole);
  }
}

TEST_F(Audit, TheWorkIsBoundedByWhatTheFilesHold) {
  run(1, {0, 0}, 2);
  const std::string whole = read_all(file(0, 0));
  change(file(0, 0), [](auto& lines) {
    auto line = nlohmann::ordered_json::parse(lines[9]);  // the first of epoch 1
    line["epoch"] = 200'000'000'000'000;
    lines[9] = line.dump();
  });
  const auto far = audit(ledger(), url(), {.offenders_max = 200});
  EXPECT_TRUE(names(far, "epochs 2 to 199999999999999 were not handed out"))
      << fmt::format("{}", fmt::join(far.offenders, "\n"));
  EXPECT_GE(far.lost, 199'999'999'999'998 * kSamples);
  write_all(file(0, 0), whole);
  set_in_header(file(0, 0), "/world_size", 1'000'000);
  const auto ranks = result();
  EXPECT_TRUE(names(ranks, "rank-0001-000.jsonl is missing, or empty; there were 1000000 ranks"));
  EXPECT_GE(ranks.offences, 999'999u);
  EXPECT_EQ(ranks.offenders.size(), 10u);
}

TEST_F(Audit, WhatIsNestedTooDeepOrOfAnotherFormat) {
  run(1, {0, 0}, 1);
  const std::string whole = read_all(file(0, 0));
  damage(file(0, 0), [](auto& lines) {
    lines[0] =
        "{\"ledger\":2,\"position\":" + std::string(200'000, '[') + std::string(200'000, ']') + "}";
  });
  expect_error(ErrorCode::kBadData, {"rank-0000-000.jsonl:1", "nested more than 64 deep"},
               [&] { result(); });
  for (const auto& [format, word] : {std::pair(1, "an older ringfeed"), {3, "a newer ringfeed"}}) {
    write_all(file(0, 0), whole);
    set_in_header(file(0, 0), "/ledger", format);
    expect_error(ErrorCode::kBadData, {"rank-0000-000.jsonl:1", word}, [&] { result(); });
  }
}

TEST_F(Audit, AFifoOrALinkIsNoLedger) {
  run(1, {0, 0}, 1);
  std::filesystem::rename(file(0, 0), folder_ / "moved");
  std::filesystem::create_symlink(folder_ / "moved", file(0, 0));
  expect_error(ErrorCode::kBadData, {file(0, 0), "a link"}, [&] { result(); });
  std::filesystem::remove(file(0, 0));
  ASSERT_EQ(::mkfifo(file(0, 0).c_str(), 0600), 0);
  expect_error(ErrorCode::kBadData, {file(0, 0), "a FIFO"}, [&] { result(); });
}

TEST_F(Audit, AStartOfARankHasOneFile) {
  run(1, {0, 0}, 1);
  expect_error(ErrorCode::kConflict, {"has a ledger already"}, [&] {
    Ledger({.folder = ledger(), .position = encode_position({}, *dataset_, order())});
  });
  EXPECT_EQ(Ledger::next_start(ledger()), 1u);
}

TEST_F(Audit, ASecondRunIsNotWrittenOverOneThatEnded) {
  run(2, {0, 0}, 1);
  const auto begin_anew = [&](int rank) {
    Ledger({.folder = ledger(),
            .start = 1,
            .rank = rank,
            .world_size = 2,
            .position = encode_position({}, *dataset_, order())});
  };
  for (int rank = 0; rank < 2; ++rank) {
    expect_error(ErrorCode::kConflict,
                 {ledger(), "the run of this ledger has ended", "choose another folder"},
                 [&] { begin_anew(rank); });
    EXPECT_FALSE(std::filesystem::exists(file(rank, 1)));
  }
  run(2, {1, 0}, 2);  // what goes on is the same run
  expect_exact(2, 2 * kSamples);
}

TEST_F(Audit, WhatARunThatBeganAnewHidesIsNoted) {
  run(1, {0, 0}, 1, 3, false);
  run(1, {0, 0}, 1, 5, false);
  run(1, {0, 0}, 1);
  expect_exact(1, kSamples);
  EXPECT_EQ(result().notes, (std::vector<std::string>{
                                "start 000 does not count: start 002 began anew",
                                "start 001 does not count: start 002 began anew",
                            }));
}

#ifndef __SANITIZE_THREAD__  // which follows no child of a process with threads
TEST_F(Audit, NothingIsWrittenBehindWhatAFullDiskCutOff) {
  const auto child = run_forked([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    FeedOptions options;
    options.order = order();
    options.track_samples = true;
    options.epochs = 1;
    Feed feed(Dataset::open(url()), options);
    Ledger log({.folder = ledger(), .position = encode_position({}, *dataset_, options.order)});
    log.write(*feed.next());
    log.flush();
    const rlimit little{std::filesystem::file_size(file(0, 0)) + 100, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &little);
    log.write(*feed.next());
    expect_error(ErrorCode::kNoSpace, {file(0, 0)}, [&] { log.flush(); });
    const rlimit enough{RLIM_INFINITY, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &enough);
    log.write(*feed.next());
    expect_error(ErrorCode::kNoSpace, {file(0, 0)}, [&] { log.flush(); });
    expect_error(ErrorCode::kNoSpace, {file(0, 0)}, [&] { log.close(); });
    return ::testing::Test::HasFailure() ? 1 : 0;
  });
  EXPECT_EQ(child.exit_code, 0) << child.output;
  const auto text = read_all(file(0, 0));
  EXPECT_EQ(std::ranges::count(text, '\n'), 2) << text;  // the header and the first batch
  EXPECT_FALSE(text.ends_with('\n'));
}
#endif

TEST_F(Audit, ABatchWithoutNumbersIsRefused) {
  Feed feed(dataset_, {});
  Ledger log({.folder = ledger(), .position = encode_position({}, *dataset_, {})});
  const auto batch = feed.next();
  expect_error(ErrorCode::kInvalidArgument, {"FeedOptions::track_samples"},
               [&] { log.write(*batch); });
}

}  // namespace
}  // namespace ringfeed
