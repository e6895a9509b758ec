#include <gtest/gtest.h>

#include "store/cassandra/tables.hpp"

namespace ringfeed::cassandra {
namespace {

TEST(ReplicationTest, FewerCopiesWhereTheyAreAskedFor) {
  const Replication simple{{{"class", "SimpleStrategy"}, {"replication_factor", "3"}}};
  EXPECT_EQ(simple.text(), "{'class': 'SimpleStrategy', 'replication_factor': '3'}");
  EXPECT_EQ(simple.copies(), 3);
  EXPECT_EQ(simple.with_copies(1, std::nullopt),
            "{'class': 'SimpleStrategy', 'replication_factor': '1'}");
  EXPECT_EQ(simple.with_copies(1, "dc1"), simple.with_copies(1, std::nullopt));

  const Replication two{{{"class", "NetworkTopologyStrategy"}, {"dc1", "3"}, {"dc2", "2"}}};
  EXPECT_EQ(two.copies(), 5);
  EXPECT_EQ(two.with_copies(1, "dc2"),
            "{'class': 'NetworkTopologyStrategy', 'dc1': '3', 'dc2': '1'}");
  EXPECT_EQ(two.with_copies(1, std::nullopt), "");
  EXPECT_EQ(two.with_copies(1, "elsewhere"), "");
}

}  // namespace
}  // namespace ringfeed::cassandra
