// Which columns a sample is made of.
#include "store/rows/mapping.hpp"

#include <gtest/gtest.h>

#include "errors.hpp"

namespace ringfeed::rows {
namespace {

using testing::expect_error;

const std::vector<TableColumn> kTable = {{"id", "uuid", true},
                                         {"data", "vector<float, 6>", false},
                                         {"label", "int", false},
                                         {"price", "decimal", false},
                                         {"raw", "blob", false}};

std::vector<std::string> text_of(const std::vector<RowColumn>& columns) {
  std::vector<std::string> text;
  for (const auto& column : columns)
    text.push_back(column.spec.name + ": " + column.spec.type_name() + " of " + column.name);
  return text;
}

TEST(MapColumns, AllButTheKey) {
  const std::vector<TableColumn> table = {kTable[0], kTable[1], kTable[2]};
  EXPECT_EQ(text_of(map_columns(table, "", {})),
            (std::vector<std::string>{"data: float32 [6] of data", "label: int32 of label"}));
  EXPECT_EQ(text_of(map_columns(table, "", {.columns = {"label", "id"}})),
            (std::vector<std::string>{"label: int32 of label", "id: string of id"}));
}

TEST(MapColumns, SomeAreLeftOut) {
  EXPECT_EQ(text_of(map_columns(kTable, "", {.drop = {"price", "data"}})),
            (std::vector<std::string>{"label: int32 of label", "raw: binary of raw"}));
  AttachOptions options{.drop = {"price", "raw"},
                        .tensors = {TensorSpec::parse("x=data:6:float32")}};
  EXPECT_EQ(text_of(map_columns(kTable, "", options)),
            (std::vector<std::string>{"x: float32 [6] of data", "label: int32 of label"}));
  options.drop.emplace_back("data");
  expect_error(ErrorCode::kInvalidArgument, {"tensors x: its column data is left out by drop"},
               [&] { map_columns(kTable, "", options); });
  expect_error(ErrorCode::kInvalidArgument, {"drop: the table has no column prize", "id, data"},
               [] { map_columns(kTable, "", {.drop = {"prize"}}); });
  expect_error(ErrorCode::kInvalidArgument, {"columns and drop", "give one of the two"},
               [] { map_columns(kTable, "", {.columns = {"label"}, .drop = {"price"}}); });
}

TEST(MapColumns, TensorsTakeTheirColumnsPlace) {
  AttachOptions options;
  options.columns = {"raw", "label"};
  options.tensors = {TensorSpec::parse("image=raw:2x2:int16"),
                     TensorSpec::parse("x=data:2x3:float32")};
  EXPECT_EQ(text_of(map_columns(kTable, "", options)),
            (std::vector<std::string>{"image: int16 [2, 2] of raw", "label: int32 of label",
                                      "x: float32 [2, 3] of data"}));
}

TEST(MapColumns, ListsOfTextAreRefusedByName) {
  for (const char* type : {"list<text>", "frozen<list<ascii>>"}) {
    const std::vector<TableColumn> table = {kTable[0], {"tags", type, false}, kTable[2]};
    expect_error(ErrorCode::kInvalidArgument,
                 {"column tags: a list of text cannot be held; make it one text, as JSON does, or "
                  "numbers, as a tokenizer does, or leave it out with drop"},
                 [&] { map_columns(table, "", {}); });
    EXPECT_EQ(map_columns(table, "", {.columns = {"label"}}).size(), 1U);
    EXPECT_EQ(map_columns(table, "", {.drop = {"tags"}}).size(), 1U);
  }
  expect_error(ErrorCode::kInvalidArgument, {"column tags is of type set<text>"},
               [] { map_columns({{"tags", "set<text>", false}}, "", {}); });
}

TEST(MapColumns, Refuses) {
  expect_error(ErrorCode::kInvalidArgument, {"price", "decimal", "leave it out with drop"},
               [] { map_columns(kTable, "", {}); });
  expect_error(ErrorCode::kInvalidArgument, {"no column lable", "id, data, label"},
               [] { map_columns(kTable, "", {.columns = {"lable"}}); });
  expect_error(ErrorCode::kInvalidArgument, {"'label' stands twice"},
               [] { map_columns(kTable, "", {.columns = {"label", "label"}}); });
  expect_error(ErrorCode::kInvalidArgument, {"beside its key"},
               [] { map_columns({kTable[0]}, "", {}); });
  const auto refuse = [](const char* tensor, const std::vector<std::string>& parts) {
    expect_error(ErrorCode::kInvalidArgument, parts, [&] {
      map_columns(kTable, "", {.columns = {"label"}, .tensors = {TensorSpec::parse(tensor)}});
    });
  };
  refuse("x=data:5:float32", {"tensors x", "6 elements", "[5] takes 5"});
  refuse("x=data:6:int32", {"tensors x", "float32, not int32"});
  refuse("x=data,raw:6:int32", {"tensors x", "one column"});
  refuse("x=price:6:int32", {"tensors x", "decimal"});
}

TEST(TableNote, KeepsWhatCqlCannotSay) {
  TableNote note;
  note.columns = {
      {{"data", ColumnKind::kTensor, DType::kFloat32, {2, 3}}, "data", "vector<float, 6>"},
      {{"raw", ColumnKind::kTensor, DType::kBool, {7}}, "raw", "blob"}};
  note.split_column = "split";
  note.fingerprint = 77;
  const auto read = TableNote::parse(note.text());
  EXPECT_EQ(read.columns, note.columns);
  EXPECT_EQ(read.split_column, "split");
  EXPECT_EQ(read.fingerprint, 77U);
  EXPECT_EQ(text_of(map_columns({kTable[0], kTable[1], kTable[4]}, note.text(), {})),
            (std::vector<std::string>{"data: float32 [2, 3] of data", "raw: bool [7] of raw"}));
  // The column has another type now: what was noted of it does not count.
  EXPECT_EQ(text_of(map_columns({{"data", "text", false}}, note.text(), {})),
            std::vector<std::string>{"data: string of data"});
}

TEST(TableNote, OtherCommentsSayNothing) {
  for (const auto* comment :
       {"", "my table", "{}", "{\"ringfeed\":2}", "{\"ringfeed\":1}",
        "{\"ringfeed\":1,\"fingerprint\":\"x\",\"split_column\":\"\",\"columns\":[]}", "[1]",
        "\"ringfeed\""}) {
    const auto note = TableNote::parse(comment);
    EXPECT_TRUE(note.columns.empty() && note.fingerprint == 0) << comment;
  }
}

}  // namespace
}  // namespace ringfeed::rows
