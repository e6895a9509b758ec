#include <gtest/gtest.h>

#include "source_files.hpp"

namespace ringfeed {
namespace {

using testing::Content;
using testing::expect_error;
using testing::gzip;
using testing::idx;
using testing::OneFile;
using testing::TempFolder;
using testing::with_tensors;
using testing::write_all;
using Bytes = std::vector<std::uint8_t>;

const std::string kImages = idx(8, {3, 2, 2}, "abcdefghijkl");
const std::string kLabels = idx(8, {3}, std::string("\x05\x00\x09", 3));

TEST(Idx, ImagesAndLabelsInPlace) {
  const TempFolder folder;
  write_all(folder / "t-images-idx3-ubyte", kImages);
  write_all(folder / "t-labels.idx", kLabels);
  Content content({folder / "t-images-idx3-ubyte", folder / "t-labels.idx"});
  EXPECT_TRUE(content.source().in_place());
  EXPECT_EQ(content.types(), "image: uint8 [2, 2]; label: uint8");
  EXPECT_EQ(content.values<std::uint8_t>("image"),
            (Bytes{'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l'}));
  EXPECT_EQ(content.values<std::uint8_t>("label"), (Bytes{5, 0, 9}));
}

TEST(Idx, GzipIsTheSame) {
  const TempFolder folder;
  write_all(folder / "t-images-idx3-ubyte.gz", gzip(kImages));
  write_all(folder / "t-labels-idx1-ubyte.gz", gzip(kLabels));
  SourceOptions options;
  options.batch_rows = 2;
  Content content({folder / "t-images-idx3-ubyte.gz", folder / "t-labels-idx1-ubyte.gz"}, options);
  EXPECT_FALSE(content.source().in_place());
  EXPECT_EQ(content.types(), "image: uint8 [2, 2]; label: uint8");
  EXPECT_EQ(content.values<std::uint8_t>("image"),
            (Bytes{'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l'}));
  EXPECT_EQ(content.values<std::uint8_t>("label"), (Bytes{5, 0, 9}));
}

TEST(Idx, OtherShapesAreNamedAfterTheFile) {
  const OneFile vectors("v.idx.gz", gzip(idx(8, {1, 2}, "ab")));
  EXPECT_EQ(Content({vectors.path}).types(), "v: uint8 [2]");
  const OneFile colours("c.idx", idx(9, {1, 2, 1, 2}, "abcd"));
  EXPECT_EQ(Content({colours.path}).types(), "c: int8 [2, 1, 2]");
}

TEST(Idx, BigEndianTypes) {
  using testing::big_endian;
  const OneFile shorts("l.idx", idx(0x0B, {2}, std::string("\x01\x02\xff\xfe", 4)));
  EXPECT_EQ(Content({shorts.path}).values<std::int16_t>("label"),
            (std::vector<std::int16_t>{258, -2}));
  const OneFile ints("l.idx", idx(0x0C, {1}, big_endian(0xFFFFFFFD)));
  EXPECT_EQ(Content({ints.path}).values<std::int32_t>("label"), std::vector<std::int32_t>{-3});
  const OneFile floats("l.idx.gz", gzip(idx(0x0D, {1}, big_endian(0x3FC00000))));
  EXPECT_EQ(Content({floats.path}).values<float>("label"), std::vector<float>{1.5F});
  const OneFile doubles("l.idx", idx(0x0E, {1}, big_endian(0x3FF80000) + big_endian(0)));
  EXPECT_EQ(Content({doubles.path}).values<double>("label"), std::vector<double>{1.5});
  const OneFile nan("l.idx", idx(0x0D, {2}, big_endian(0) + big_endian(0x7FC00000)));
  expect_error(ErrorCode::kBadData,
               "l.idx:2: column 'label': nan is not a finite number (allow_nan admits it)",
               [&] { Content({nan.path}); });
}

TEST(Idx, GzipThatIsWrong) {
  struct Case {
    std::string bytes;
    std::string what;
  };
  for (const auto& [bytes, what] : std::vector<Case>{
           {gzip(kLabels).substr(0, gzip(kLabels).size() - 1),
            "the gzip data is damaged or cut off"},
           {gzip(idx(8, {4}, "abc")),
            "the header claims 4 samples, but the data ends after 3: the file is cut off"},
           {gzip(idx(8, {0xFFFFFFFF, 2, 2}, "abcde")),
            "the header claims 4294967295 samples, but the data ends after 1"},
           {gzip(idx(8, {3}, "abcd")),
            "the file goes on after the 3 samples that the header claims"},
           {gzip(idx(8, {0}, "a")), "the file goes on after the 0 samples"},
           {gzip(idx(8, {1, 65535, 65535}, "a")), "more than 8388608 bytes"},
           {gzip("ab"), "this is not an IDX file"},
           {gzip(std::string("\0\0\x08\x03\0\0\0", 7)), "the IDX header is cut off"},
           {gzip(std::string("\0\0\x08\xff\0\0\0", 7)), "claims 255 dimensions"},
       }) {
    const OneFile file("l.idx.gz", bytes);
    expect_error(ErrorCode::kBadData, file.path + ": ", [&] { Content({file.path}); });
    expect_error(ErrorCode::kBadData, what, [&] { Content({file.path}); });
  }
}

TEST(Idx, PlainThatIsWrong) {
  const OneFile file("l.idx", idx(8, {4}, "abc"));
  expect_error(ErrorCode::kBadData,
               file.path + ": the header claims 4 samples of 1 bytes, but only 3 bytes follow",
               [&] { open_source({file.path}, {}); });
}

TEST(Idx, FilesThatDoNotBelongTogether) {
  const TempFolder folder;
  write_all(folder / "a.idx", kImages);
  write_all(folder / "b.idx", idx(8, {2}, "ab"));
  write_all(folder / "c.idx.gz", gzip(kImages));
  expect_error(ErrorCode::kBadData,
               (folder / "a.idx") + " has 3 samples, but " + (folder / "b.idx") + " has 2",
               [&] { open_source({folder / "a.idx", folder / "b.idx"}, {}); });
  expect_error(ErrorCode::kInvalidArgument, "both would be the column 'image'",
               [&] { open_source({folder / "a.idx", folder / "c.idx.gz"}, {}); });
}

TEST(Idx, CastToWhatAModelTakes) {
  const TempFolder folder;
  write_all(folder / "a.idx", kImages);
  write_all(folder / "b.idx", kLabels);
  write_all(folder / "x.npy", testing::npy("<f4", "(3,)", testing::raw<float>({1, 2, 3})));
  Content content(
      {folder / "a.idx", folder / "b.idx", folder / "x.npy"},
      with_tensors({"image=image:1x2x2:float32", "label=label::int64", "both=x,label:2:float16"}));
  EXPECT_EQ(content.types(), "image: float32 [1, 2, 2]; label: int64; both: float16 [2]");
  EXPECT_EQ(content.values<std::int64_t>("label"), (std::vector<std::int64_t>{5, 0, 9}));
  EXPECT_EQ(content.values<float>("image")[11], 108.0F);
  EXPECT_EQ(content.values<std::uint16_t>("both"),
            (std::vector<std::uint16_t>{0x3C00, 0x4500, 0x4000, 0, 0x4200, 0x4880}));
}

}  // namespace
}  // namespace ringfeed
