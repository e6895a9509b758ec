#include "cql/identifier.hpp"

#include <gtest/gtest.h>

#include <ringfeed/error.hpp>

namespace ringfeed::cql {
namespace {

TEST(QuoteIdentifier, KeepsEveryNameOneIdentifier) {
  EXPECT_EQ(quote_identifier("label"), R"("label")");
  EXPECT_EQ(quote_identifier("Label"), R"("Label")");
  EXPECT_EQ(quote_identifier("select"), R"("select")");
  EXPECT_EQ(quote_identifier(R"(a"; DROP TABLE x; --)"), R"("a""; DROP TABLE x; --")");
  EXPECT_EQ(quote_identifier(R"(""")"), R"("""""""")");
}

TEST(QuoteIdentifier, RefusesWhatNoIdentifierCanBe) {
  EXPECT_THROW(quote_identifier(""), Error);
  EXPECT_THROW(quote_identifier(std::string_view("a\0b", 3)), Error);
}

}  // namespace
}  // namespace ringfeed::cql
