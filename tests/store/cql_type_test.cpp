// Names of CQL types.
#include "store/rows/cql_type.hpp"

#include <gtest/gtest.h>

namespace ringfeed::rows {
namespace {

using Form = CqlType::Form;

TEST(CqlType, ReadsWhatASampleCanHold) {
  EXPECT_EQ(CqlType::parse("vector<float, 10>"), (CqlType{Form::kVector, CqlKind::kFloat, 10}));
  EXPECT_EQ(CqlType::parse("frozen<list<int>>"), (CqlType{Form::kList, CqlKind::kInt, 0}));
  EXPECT_EQ(CqlType::parse("list<double>"), (CqlType{Form::kList, CqlKind::kDouble, 0}));
  EXPECT_EQ(CqlType::parse("counter"), (CqlType{Form::kScalar, CqlKind::kBigint, 0}));
  EXPECT_EQ(CqlType::parse("timeuuid"), (CqlType{Form::kScalar, CqlKind::kUuid, 0}));
}

TEST(CqlType, LeavesTheRest) {
  for (const auto* text :
       {"", "decimal", "map<int, int>", "set<int>", "list<text>", "vector<text, 3>",
        "vector<float>", "vector<float, 0>", "vector<float, -1>",
        "vector<float, 99999999999999999999>", "vector<float, 3x>", "list<frozen<list<int>>>",
        "frozen<", "list<int", "tuple<int, int>"}) {
    EXPECT_EQ(CqlType::parse(text).kind, CqlKind::kOther) << text;
  }
}

TEST(CqlType, EveryDTypeHasATypeThatHoldsIt) {
  EXPECT_EQ(cql_name_of(DType::kUInt8), "smallint");
  EXPECT_EQ(cql_name_of(DType::kInt8), "tinyint");
  EXPECT_EQ(cql_name_of(DType::kFloat16), "float");
  EXPECT_EQ(cql_name_of(DType::kBool), "boolean");
}

}  // namespace
}  // namespace ringfeed::rows
