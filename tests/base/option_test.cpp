// What options are called on each side.
#include "base/option.hpp"

#include <gtest/gtest.h>

namespace ringfeed {
namespace {

class Names : public ::testing::Test {
 protected:
  void TearDown() override { set_face(Face::kCpp); }
};

TEST_F(Names, AreThoseOfTheSideThatIsUsed) {
  EXPECT_EQ(option_name("chunk-bytes"), "IngestOptions::chunk_bytes");
  EXPECT_EQ(option_name("lanes", "12"), "lanes = 12") << "a field of several structs";
  EXPECT_EQ(option_call("repair"), "VerifyOptions::repair");
  set_face(Face::kProgram);
  EXPECT_EQ(option_name("chunk-bytes"), "--chunk-bytes");
  EXPECT_EQ(option_name("on-bad", "skip"), "--on-bad skip");
  EXPECT_EQ(option_call("repair"), "'ringfeed verify --repair'");
  EXPECT_EQ(option_call("create-keyspace"), "'ringfeed ingest --create-keyspace'");
  set_face(Face::kPython);
  EXPECT_EQ(option_name("chunk-bytes"), "chunk_bytes");
  EXPECT_EQ(option_name("append"), "append=True");
  EXPECT_EQ(option_name("no-permute"), "permute=False");
  EXPECT_EQ(option_name("on-bad", "skip"), "on_bad='skip'");
  EXPECT_EQ(option_call("repair"), "verify(repair=True)");
  EXPECT_EQ(option_call("create-keyspace"), "write(create_keyspace=)");
  EXPECT_EQ(option_call("ledger"), "Loader(ledger=)");
}

TEST_F(Names, AreTheProgramsWhereASideHasNone) {
  EXPECT_EQ(option_name("create-keyspace"), "--create-keyspace");
  set_face(Face::kPython);
  EXPECT_EQ(option_name("nproc"), "--nproc");
}

TEST_F(Names, OfWaysToGiveAPassword) {
  set_face(Face::kPython);
  EXPECT_NE(ways_to_give_password().find("give password,"), std::string::npos);
}

}  // namespace
}  // namespace ringfeed
