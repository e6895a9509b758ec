// The text of steps, and what they do with pixels whose values are known.
#include <gtest/gtest.h>

#include <ringfeed/error.hpp>
#include <ringfeed/image.hpp>

namespace ringfeed {
namespace {

std::string refusal_of(std::string_view steps) {
  try {
    ImageSteps::parse(steps);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.what();
  }
  return "";
}

TEST(ImageSteps, TextHasAllValues) {
  const auto steps = ImageSteps::parse("random_resized_crop:224,flip,normalize:imagenet");
  EXPECT_EQ(steps.text(),
            "random_resized_crop:224x224:scale=0.08-1:ratio=0.75-1.3333333333333333,"
            "flip:horizontal:p=0.5,normalize:mean=0.485/0.456/0.406:std=0.229/0.224/0.225");
  EXPECT_EQ(ImageSteps::parse(steps.text()).text(), steps.text());
  EXPECT_EQ(steps.dtype(), DType::kFloat32);
  EXPECT_EQ(steps.shape(), (std::vector<std::int64_t>{3, 224, 224}));
}

TEST(ImageSteps, BytesStayBytes) {
  const auto steps = ImageSteps::parse("resize:8x12,color_jitter:hue=0.1,grayscale:p=0.5");
  EXPECT_EQ(steps.dtype(), DType::kUInt8);
  EXPECT_EQ(steps.shape(), (std::vector<std::int64_t>{3, 8, 12}));
}

TEST(ImageSteps, ValidationHasNothingRandom) {
  const auto steps = ImageSteps::parse(
      "random_resized_crop:224,flip,color_jitter:hue=0.1,normalize,random_erasing");
  EXPECT_EQ(steps.for_validation().text(),
            "resize:256,center_crop:224x224,normalize:mean=0/0/0:std=1/1/1");
  EXPECT_EQ(ImageSteps::parse("random_crop:32:padding=4").for_validation().text(),
            "center_crop:32x32");
}

TEST(ImageSteps, WhatDoesNotFitIsNamed) {
  EXPECT_EQ(
      refusal_of("crop:3"),
      "step 'crop:3': there is none of this name; there are center_crop, color_jitter, flip, "
      "float, grayscale, normalize, random_crop, random_erasing, random_resized_crop, resize");
  EXPECT_EQ(refusal_of("center_crop"), "step 'center_crop': it needs a size, e.g. center_crop:224");
  EXPECT_EQ(refusal_of("center_crop:0"),
            "step 'center_crop:0': a size is 1 to 4096 pixels, or HEIGHTxWIDTH");
  EXPECT_EQ(refusal_of("center_crop:4:blue=1"),
            "step 'center_crop:4:blue=1': center_crop has no 'blue'");
  EXPECT_EQ(refusal_of("center_crop:4:5"), "step 'center_crop:4:5': '5' is a value too many");
  EXPECT_EQ(refusal_of("resize:256"),
            "steps 'resize:256': they leave the size open, and a batch needs one; end with "
            "center_crop:224, random_resized_crop:224 or resize:224x224");
  EXPECT_EQ(refusal_of("resize:9x9,normalize,flip"),
            "step 'flip:horizontal:p=0.5': it takes pixels of bytes: put it before normalize or "
            "float");
  EXPECT_EQ(refusal_of("resize:9x9,float,normalize"),
            "step 'normalize:mean=0/0/0:std=1/1/1': the pixels are float32 already; leave one of "
            "the two out");
  EXPECT_EQ(refusal_of("resize:9x9,normalize:std=1/0/1"),
            "step 'normalize:std=1/0/1': std is three numbers, e.g. std=0.5/0.5/0.5");
  EXPECT_EQ(refusal_of("random_resized_crop:9:scale=0-1"),
            "step 'random_resized_crop:9:scale=0-1': scale is LOW-HIGH, above 0 to 1");
  EXPECT_EQ(refusal_of("flip:diagonal"), "step 'flip:diagonal': a flip is horizontal or vertical");
}

}  // namespace
}  // namespace ringfeed
