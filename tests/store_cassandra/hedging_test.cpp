// Ranks and lateness from answers of given times; no server is asked.
#include "store/cassandra/hedging.hpp"

#include <gtest/gtest.h>

namespace ringfeed::testing {
namespace {

using namespace std::chrono_literals;
using cassandra::Hedging;

constexpr auto kLeast = 20ms;
const Hedging::Clock::time_point kNow = Hedging::Clock::now();

cql::Host host(std::uint8_t number, bool connected = true, bool local = true) {
  cql::Host result;
  result.id[0] = number;
  result.connected = connected;
  result.local = local;
  return result;
}

std::string order_of(Hedging& hedging, std::vector<cql::Host> hosts, std::uint64_t number,
                     Hedging::Clock::time_point now = kNow) {
  hedging.order(hosts, number, now);
  std::string text;
  for (const auto& each : hosts) text += std::to_string(each.id[0]);
  return text;
}

TEST(HedgingTest, EachReplicaIsFirstForItsShare) {
  Hedging hedging(kLeast);
  EXPECT_FALSE(hedging.has_choice());
  EXPECT_EQ(order_of(hedging, {host(1)}, 5), "1");
  EXPECT_EQ(order_of(hedging, {}, 5), "");
  EXPECT_FALSE(hedging.has_choice());
  EXPECT_EQ(order_of(hedging, {host(1), host(2), host(3)}, 3), "123");
  EXPECT_EQ(order_of(hedging, {host(1), host(2), host(3)}, 4), "231");
  EXPECT_EQ(order_of(hedging, {host(1), host(2), host(3)}, 5), "312");
  EXPECT_TRUE(hedging.has_choice());
}

TEST(HedgingTest, RemoteSlowAndDisconnectedOnesComeLast) {
  Hedging hedging(kLeast);
  const auto slow = host(4);
  for (int i = 0; i < 3; ++i) hedging.note_overtaken(slow.id, kNow);
  const std::vector<cql::Host> hosts = {host(1, false), slow, host(2, true, false), host(3)};
  EXPECT_EQ(order_of(hedging, hosts, 0), "3241");
  EXPECT_EQ(order_of(hedging, hosts, 0, kNow + 11s), "4321");  // 4 is given another try
}

TEST(HedgingTest, AnAnswerInBetweenClearsANode) {
  Hedging hedging(kLeast);
  const auto node = host(1);
  hedging.note_overtaken(node.id, kNow);
  hedging.note_overtaken(node.id, kNow);
  hedging.note_answer(node.id, 1ms);
  hedging.note_overtaken(node.id, kNow);
  EXPECT_EQ(order_of(hedging, {node, host(2)}, 0), "12");
}

TEST(HedgingTest, LateIsTwiceTheSlowestHundredthAndNotBeforeTheLeast) {
  Hedging hedging(kLeast);
  EXPECT_EQ(hedging.late(), 500ms);  // nothing is known yet
  for (int i = 0; i < 1000; ++i) hedging.note_answer(std::nullopt, 1ms);
  EXPECT_EQ(hedging.late(), kLeast);
  for (int i = 0; i < 1000; ++i) hedging.note_answer(std::nullopt, 100ms);
  EXPECT_GE(hedging.late(), 200ms);
  EXPECT_LE(hedging.late(), 240ms);  // four counts per power of two
  for (int i = 0; i < 100'000; ++i) hedging.note_answer(std::nullopt, 1ms);
  EXPECT_EQ(hedging.late(), kLeast);  // what is long ago counts less and less
}

TEST(HedgingTest, SecondRequestsAreFewUnlessTheNodeIsSlow) {
  Hedging hedging(kLeast);
  const auto node = host(1);
  const auto turns = [&](int tries) {
    int count = 0;
    for (int i = 0; i < tries; ++i) count += hedging.take_turn(node.id, kNow);
    return count;
  };
  EXPECT_EQ(turns(100), 9);
  for (int i = 0; i < 1000; ++i) hedging.note_request();
  EXPECT_EQ(turns(1000), 50);
  for (int i = 0; i < 3; ++i) hedging.note_overtaken(node.id, kNow);
  EXPECT_EQ(turns(1000), 1000);
}

}  // namespace
}  // namespace ringfeed::testing
