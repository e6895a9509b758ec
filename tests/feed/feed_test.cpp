// The feed over a store that answers late and out of order, against the order itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <map>
#include <mutex>
#include <new>
#include <ringfeed/feed.hpp>
#include <set>
#include <thread>

#include "feed/check_batch.hpp"
#include "feed/expected_ids.hpp"
#include "feed/memory_store.hpp"
#include "order/cases.hpp"
#include "order/rank_order.hpp"

namespace ringfeed {
namespace {

std::shared_ptr<const Dataset> dataset_of(const MemoryPlan& plan) {
  return dataset_of(std::make_shared<MemoryStore>(plan));
}

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr std::uint64_t kCases = 80;  // what holds in all cases is for builds without them
#else
constexpr std::uint64_t kCases = 250;
#endif

FeedOptions options_of(const OrderCase& order_case, int rank) {
  FeedOptions options;
  options.order = order_case.options;
  options.start.epoch = order_case.epoch;
  options.rank = rank;
  options.world_size = order_case.world_size;
  options.assemble_threads = 1 + static_cast<int>(order_case.options.seed % 4);
  return options;
}

TEST(Feed, HandsOutTheOrderOnEveryRankOverTwoEpochsAtTheSmallestBudget) {
  for (std::uint64_t number = 0; number < kCases; ++number) {
    const OrderCase order_case = order_case_at(number);
    SCOPED_TRACE(fmt::format("case {}: {}", number, order_case.text()));
    const auto dataset = dataset_of(MemoryPlan{order_case.block_samples, 3, {}, number});
    for (int rank = 0; rank < order_case.world_size; ++rank) {
      FeedOptions options = options_of(order_case, rank);
      options.epochs = 2;
      options.prefetch_bytes = 1;
      try {
        const Feed too_little(dataset, options);
        FAIL() << "a budget of one byte was taken";
      } catch (const Error& error) {
        ASSERT_EQ(error.code(), ErrorCode::kInvalidArgument) << error.what();
        const std::string text = error.what();  // "... needs at least 12.0 KiB (12288 bytes); ..."
        options.prefetch_bytes =
            std::stoull(text.substr(text.find('(', text.find("at least")) + 1));
      }
      Feed feed(dataset, options);
      for (std::uint64_t epoch = 0; epoch < 2; ++epoch) {
        std::vector<std::int64_t> ids;
        std::uint64_t steps = 0;
        while (auto batch = feed.next()) {
          ASSERT_EQ(batch->step, static_cast<std::int64_t>(steps));
          ASSERT_EQ(batch->epoch, static_cast<std::int64_t>(order_case.epoch + epoch));
          ASSERT_EQ(batch->first, feed.steps().begin(steps));
          ++steps;
          ASSERT_EQ(feed.position(),
                    (Position{order_case.epoch + epoch, feed.steps().begin(steps)}));
          check_batch(*batch, 3, ids);
        }
        ASSERT_EQ(steps, feed.steps().count());
        ASSERT_EQ(ids, expected_ids(order_case, order_case.epoch + epoch, rank));
      }
      ASSERT_FALSE(feed.next());
      ASSERT_LE(feed.stats().held_bytes_max, options.prefetch_bytes);
    }
  }
}

/// Of the seconds of waiting for the store, how many are put down to the budget.
double budget_share(const MemoryPlan& plan, std::uint64_t prefetch_bytes) {
  FeedOptions options;
  options.order = {.lanes = 1, .window = 1, .global_batch = 10};
  options.prefetch_bytes = prefetch_bytes;
  Feed feed(dataset_of(plan), options);
  while (feed.next()) continue;
  const FeedStats stats = feed.stats();
  EXPECT_GT(stats.store_seconds, 0.02);
  return stats.budget_seconds / stats.store_seconds;
}

TEST(Feed, WaitsOfAnIdleStoreAreTheBudgets) {
  MemoryPlan plan;
  plan.answer_time = std::chrono::milliseconds(1);
  plan.has_room = true;
  plan.block_samples.assign(300, 100);
  const std::uint64_t few_blocks = 200'000, all_blocks = 64 << 20;
  EXPECT_GT(budget_share(plan, few_blocks), 0.8);
  EXPECT_EQ(budget_share(plan, all_blocks), 0);
  plan.has_room = false;
  EXPECT_EQ(budget_share(plan, few_blocks), 0);
}

TEST(Feed, ResumesInsideAnEpoch) {
  for (std::uint64_t number = 0; number < 100; ++number) {
    const OrderCase order_case = order_case_at(number);
    if (order_case.samples() == 0) continue;
    SCOPED_TRACE(fmt::format("case {}: {}", number, order_case.text()));
    const Steps steps(order_case.samples(), order_case.options);
    FeedOptions options = options_of(order_case, order_case.world_size - 1);
    options.start.samples = steps.begin(steps.count() / 2);
    Feed feed(dataset_of(MemoryPlan{order_case.block_samples, 3, {}, number}), options);
    std::vector<std::int64_t> ids;
    while (auto batch = feed.next()) check_batch(*batch, 3, ids);
    ASSERT_EQ(ids, expected_ids(order_case, order_case.epoch, options.rank, options.start.samples));
  }
}

/// The samples of each step from `start` to the end of the epoch, over all ranks together.
std::vector<std::set<std::uint64_t>> global_steps(const std::shared_ptr<const Dataset>& dataset,
                                                  const OrderOptions& order, Position start,
                                                  int world_size, std::uint64_t steps_max) {
  std::vector<std::set<std::uint64_t>> steps;
  for (int rank = 0; rank < world_size; ++rank) {
    FeedOptions options;
    options.order = order;
    options.start = start;
    options.rank = rank;
    options.world_size = world_size;
    options.track_samples = true;
    Feed feed(dataset, options);
    for (std::uint64_t step = 0; step < steps_max; ++step) {
      const auto batch = feed.next();
      if (!batch) break;
      if (steps.size() <= step) steps.emplace_back();
      for (const auto sample : batch->samples) {
        EXPECT_TRUE(steps[step].insert(sample).second);
      }
      std::vector<std::int64_t> ids;
      check_batch(*batch, 3, ids);
      EXPECT_TRUE(std::equal(ids.begin(), ids.end(), batch->samples.begin(), batch->samples.end()));
    }
  }
  return steps;
}

TEST(Feed, ResumedOnAnyNumberOfRanksTheGlobalStepsAreThoseOfTheUnbrokenRun) {
  MemoryPlan plan;
  for (std::uint32_t block = 0; block < 30; ++block)
    plan.block_samples.push_back(5 + block * 7 % 31);
  for (const Shuffle shuffle : {Shuffle::kBlock, Shuffle::kFull, Shuffle::kNone}) {
    const auto dataset = dataset_of(plan);
    OrderOptions order;
    order.seed = 3;
    order.shuffle = shuffle;
    order.lanes = 16;
    order.global_batch = 24;
    const auto whole = global_steps(dataset, order, {2, 0}, 1, UINT64_MAX);
    const Steps steps(dataset->size(), order);
    ASSERT_EQ(whole.size(), steps.count());
    // Several resumes in one epoch, each on other ranks: at step 0, inside, and at the last step.
    std::uint64_t step = 0;
    for (const auto& [world_size, steps_done] : std::vector<std::pair<int, std::uint64_t>>{
             {2, 3}, {3, 1}, {5, 4}, {8, 2}, {1, 3}, {3, steps.count() - 14}, {2, 9}}) {
      const auto got = global_steps(dataset, order, {2, steps.begin(step)}, world_size, steps_done);
      for (const auto& samples : got) ASSERT_EQ(samples, whole.at(step++)) << world_size;
    }
    ASSERT_EQ(step, steps.count());
  }
}

TEST(Feed, ReadsEachBlockOncePerRankAndEpoch) {
  MemoryPlan plan;
  plan.block_samples.assign(100, 37);
  const auto reads_of = [&](std::uint64_t global_batch) {
    const auto store = std::make_shared<MemoryStore>(plan);
    FeedOptions options;
    options.order.global_batch = global_batch;
    options.world_size = 4;
    for (options.rank = 0; options.rank < 4; ++options.rank) {
      Feed feed(dataset_of(store), options);
      while (feed.next()) {
      }
    }
    return store->reads();
  };
  EXPECT_GE(reads_of(74), 100U);  // no tail
  EXPECT_LE(reads_of(74), 103U);
  EXPECT_LE(reads_of(60), 103U + 60 + 40);  // ranks share the last two steps by slices
}

TEST(Feed, WeightsMakeTheMeanOverRanksTheMeanOverTheStep) {
  MemoryPlan plan;
  plan.block_samples.assign(10, 17);
  FeedOptions options;
  options.order.global_batch = 50;
  options.order.lanes = 7;
  options.world_size = 3;
  std::vector<double> weights;
  std::vector<std::int64_t> sizes;
  for (options.rank = 0; options.rank < 3; ++options.rank) {
    Feed feed(dataset_of(plan), options);
    std::size_t step = 0;
    while (auto batch = feed.next()) {
      if (weights.size() <= step) {
        weights.push_back(0);
        sizes.push_back(0);
      }
      weights[step] += batch->weight / 3;
      sizes[step] += batch->size;
      EXPECT_EQ(batch->global_size, static_cast<std::int64_t>(feed.steps().size(step)));
      ++step;
    }
  }
  ASSERT_EQ(sizes, (std::vector<std::int64_t>{50, 50, 50, 20}));
  for (const double weight : weights) EXPECT_NEAR(weight, 1.0, 1e-12);
}

TEST(Feed, BatchesStayValidAfterTheFeedIsGone) {
  MemoryPlan plan;
  plan.block_samples.assign(10, 100);
  FeedOptions options;
  options.order.global_batch = 100;
  std::vector<Batch> kept;
  {
    Feed feed(dataset_of(plan), options);
    while (auto batch = feed.next()) kept.push_back(std::move(*batch));
  }
  std::vector<std::int64_t> ids;
  for (const auto& batch : kept) check_batch(batch, 3, ids);
  EXPECT_EQ(std::set<std::int64_t>(ids.begin(), ids.end()).size(), 1000U);
}

TEST(Feed, AnErrorOfTheStoreIsGivenAfterTheBatchesBeforeIt) {
  MemoryPlan plan;
  plan.block_samples.assign(40, 50);
  plan.error_at_read = 30;
  FeedOptions options;
  options.order.global_batch = 50;
  options.order.lanes = 4;
  options.assemble_threads = 3;
  Feed feed(dataset_of(plan), options);
  std::vector<std::int64_t> ids;
  try {
    while (auto batch = feed.next()) check_batch(*batch, 3, ids);
    FAIL() << "the error was swallowed";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnavailable);
  }
  OrderCase order_case;
  order_case.block_samples = plan.block_samples;
  order_case.options = options.order;
  auto expected = expected_ids(order_case, 0, 0);
  ASSERT_LT(ids.size(), expected.size());
  ASSERT_GT(ids.size(), 0U);
  expected.resize(ids.size());
  EXPECT_EQ(ids, expected);
  EXPECT_THROW(feed.next(), Error) << "after an error there is no next batch";
}

TEST(Feed, WaitForTellsWhetherNextReturnsAtOnce) {
  using namespace std::chrono_literals;
  FeedOptions options;
  options.order.global_batch = 10;
  Feed feed(dataset_of(MemoryPlan{{100, 100, 100}, 3, {}, 1}), options);
  std::int64_t samples = 0;
  while (true) {
    while (!feed.wait_for(1ms)) {
    }
    ASSERT_TRUE(feed.wait_for(0ms));
    const auto batch = feed.next();
    if (!batch) break;
    samples += batch->size;
  }
  EXPECT_EQ(samples, 300);
  EXPECT_TRUE(feed.wait_for(1h));  // the end is an answer, too
  EXPECT_FALSE(feed.next());
}

TEST(Feed, DestroyedAtAnyMomentItEnds) {
  MemoryPlan plan;
  plan.block_samples.assign(50, 40);
  for (int taken = 0; taken < 20; ++taken) {
    FeedOptions options;
    options.order.global_batch = 100;
    options.epochs = 0;
    options.assemble_threads = 1 + taken % 3;
    Feed feed(dataset_of(plan), options);
    for (int i = 0; i < taken; ++i) feed.next();
  }
}

TEST(Feed, BatchesLieInTheMemoryThatIsGivenForThem) {
  struct Given {
    std::mutex mutex;
    std::set<const void*> out;
    int made = 0;
  };
  const auto given = std::make_shared<Given>();
  MemoryPlan plan;
  plan.block_samples.assign(10, 100);
  FeedOptions options;
  options.order.global_batch = 100;
  options.assemble_threads = 2;
  options.allocate = [given](std::size_t bytes) -> std::shared_ptr<void> {
    const std::lock_guard lock(given->mutex);
    void* const made = ::operator new(bytes, std::align_val_t{64});
    given->out.insert(made);
    ++given->made;
    return {made, [given](void* gone) {
              const std::lock_guard lock_out(given->mutex);
              given->out.erase(gone);
              ::operator delete(gone, std::align_val_t{64});
            }};
  };
  {
    Feed feed(dataset_of(plan), options);
    std::vector<std::int64_t> ids;
    while (const auto batch = feed.next()) {
      check_batch(*batch, 3, ids);
      const std::lock_guard lock(given->mutex);
      EXPECT_TRUE(given->out.contains(batch->columns.front().data));
    }
    EXPECT_EQ(ids.size(), 1000U);
  }
  EXPECT_EQ(given->made, 10);
  EXPECT_TRUE(given->out.empty());

  options.allocate = [](std::size_t) -> std::shared_ptr<void> { throw std::bad_alloc(); };
  Feed feed(dataset_of(plan), options);
  EXPECT_THROW(feed.next(), std::bad_alloc);
}

TEST(Feed, TheThreadThatWouldWaitForABatchAssemblesSome) {
  MemoryPlan plan;
  plan.block_samples = {100'000};  // nothing to wait for once it is there
  FeedOptions options;
  options.order.global_batch = 1000;
  options.epochs = 0;
  std::atomic<int> here = 0;
  std::atomic<int> elsewhere = 0;
  options.allocate = [&, taking = std::this_thread::get_id()](std::size_t bytes) {
    ++(std::this_thread::get_id() == taking ? here : elsewhere);
    return std::shared_ptr<void>(std::aligned_alloc(64, bytes), std::free);
  };
  Feed feed(dataset_of(plan), options);
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (std::chrono::steady_clock::now() < end && (here == 0 || elsewhere == 0)) {
    std::vector<std::int64_t> ids;
    while (const auto batch = feed.next()) check_batch(*batch, 3, ids);
    std::ranges::sort(ids);
    ASSERT_EQ(std::ranges::adjacent_find(ids), ids.end());
    ASSERT_EQ(ids.size(), 100'000U);
  }
  EXPECT_GT(here, 0);
  EXPECT_GT(elsewhere, 0);
}

TEST(Feed, ChosenColumnsComeInTheOrderAskedFor) {
  MemoryPlan plan;
  plan.block_samples = {20};
  FeedOptions options;
  options.columns = {"x", "id"};
  Feed feed(dataset_of(plan), options);
  const auto batch = feed.next();
  ASSERT_TRUE(batch);
  ASSERT_EQ(batch->columns.size(), 2U);
  EXPECT_EQ(batch->columns[0].name, "x");
  EXPECT_EQ(batch->columns[1].name, "id");
  EXPECT_EQ(batch->columns[0].as<float>()[0],
            static_cast<float>(batch->columns[1].as<std::int64_t>()[0]));
}

TEST(Feed, WrongOptionsAreNamed) {
  MemoryPlan plan;
  plan.block_samples = {20};
  const auto message_of = [&](FeedOptions options) -> std::string {
    try {
      const Feed feed(dataset_of(plan), options);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      return error.what();
    }
    return "nothing was thrown";
  };
  FeedOptions options;
  options.order.global_batch = 0;
  EXPECT_NE(message_of(options).find("global_batch 0"), std::string::npos);
  options = {};
  options.order.global_batch = 2;
  options.world_size = 3;
  EXPECT_NE(message_of(options).find("3 ranks, but batch size 2"), std::string::npos)
      << message_of(options);
  options = {};
  options.rank = 1;
  EXPECT_NE(message_of(options).find("rank 1 of 1"), std::string::npos);
  options = {};
  options.columns = {"y"};
  EXPECT_NE(message_of(options).find("unknown column 'y'"), std::string::npos);
  options = {};
  options.start.samples = 5;
  EXPECT_NE(message_of(options).find("position 5"), std::string::npos);
  options = {};
  options.read_threads = 0;
  EXPECT_NE(message_of(options).find("read_threads 0"), std::string::npos);
  options = {};
  options.assemble_threads = 257;
  EXPECT_NE(message_of(options).find("assemble_threads 257"), std::string::npos);
}

TEST(Feed, FullShuffleAboveTheBudgetIsRefusedWithTheSizes) {
  MemoryPlan plan;
  plan.block_samples.assign(10, 1000);
  FeedOptions options;
  options.order.shuffle = Shuffle::kFull;
  options.prefetch_bytes = 100'000;
  try {
    const Feed feed(dataset_of(plan), options);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(std::string(error.what()).find("97.7 KiB"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace ringfeed
