// Heads of pictures, byte by byte: what they say, and what is refused before memory is taken.
#include <gtest/gtest.h>

#include <ringfeed/error.hpp>
#include <ringfeed/image.hpp>
#include <string>

namespace ringfeed {
namespace {

using namespace std::string_literals;

ImageInfo probe(const std::string& file) { return probe_image(std::as_bytes(std::span(file))); }

std::string complaint_about(const std::string& file) {
  try {
    probe(file);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadData);
    return error.what();
  }
  return "";
}

/// SOI, a segment of EXIF whose orientation is `orientation`, a frame header.
std::string jpeg(char orientation, const std::string& frame) {
  const std::string exif =
      "Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0"s + orientation + "\0\0"s;
  return "\xFF\xD8\xFF\xE1\0"s + static_cast<char>(exif.size() + 2) + exif + frame;
}

TEST(Probe, AJpegHasItsOrientationBeforeItsFrame) {
  const auto info = probe(jpeg(6, "\xFF\xFF\xC2\0\x11\x08\0\x21\x01\x02\x03"s));
  EXPECT_EQ(info.format, ImageFormat::kJpeg);
  EXPECT_EQ(info.height, 33U);
  EXPECT_EQ(info.width, 258U);
  EXPECT_EQ(info.channels, 3U);
  EXPECT_EQ(info.orientation, 6U);
  EXPECT_EQ(probe(jpeg(9, "\xFF\xC0\0\x11\x08\0\x21\x01\x02\x01"s)).orientation, 1U);
}

TEST(Probe, WhatIsWrongWithAJpegIsTold) {
  EXPECT_EQ(complaint_about(jpeg(1, "\xFF\xC1\0\x11\x0C\0\x21\x01\x02\x03"s)),
            "a JPEG of 12 bits where 8 are due");
  EXPECT_EQ(complaint_about(jpeg(1, "\xFF\xC0\0\x11\x08\0\0\x01\x02\x03"s)),
            "a picture of 258 x 0 pixels");
  EXPECT_EQ(complaint_about(jpeg(1, "\xFF\xC0\0\x11\x08\xFF\xFF\xFF\xFF\x03"s)),
            "a picture of 65535 x 65535 pixels, over the limit of 134217728: make it smaller");
  EXPECT_EQ(complaint_about(jpeg(1, "\xFF\xDA\0\x02"s)), "the head of this JPEG is damaged");
  EXPECT_EQ(complaint_about(jpeg(1, "\xFF\xE0\xFF\xFF"s)), "the picture is cut off in its head");
}

TEST(Probe, EveryBeginningOfAHeadIsAnError) {
  const std::string whole = jpeg(3, "\xFF\xC0\0\x11\x08\0\x21\x01\x02\x03"s);
  for (std::size_t bytes = 0; bytes + 1 < whole.size(); ++bytes)
    EXPECT_NE(complaint_about(whole.substr(0, bytes)), "") << bytes;
  EXPECT_EQ(complaint_about(whole), "");
}

TEST(Probe, APngHasItsOrientationBeforeItsPixels) {
  const std::string head = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x05\0\0\0\x07"s;
  const std::string exif =
      "\0\0\0\x1a"
      "eXIfII*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x08\0\0\0....CRC."s;
  const auto info = probe(head + "\x08\x06\0\0\0CRC."s + exif);
  EXPECT_EQ(info.format, ImageFormat::kPng);
  EXPECT_EQ(info.width, 5U);
  EXPECT_EQ(info.height, 7U);
  EXPECT_EQ(info.channels, 4U);
  EXPECT_EQ(info.orientation, 8U);
  EXPECT_EQ(complaint_about(head + "\x10\x02\0\0\0CRC."s),
            "a PNG of 16 bits where 8 are due: convert it");
  EXPECT_EQ(complaint_about(head), "the head of this PNG is damaged");
}

TEST(Probe, AWebpIsOfThreeKinds) {
  const auto simple = probe("RIFF\x20\0\0\0WEBPVP8 \x10\0\0\0\x30\x01\0\x9d\x01*\x40\0\x21\0"s);
  EXPECT_EQ(simple.format, ImageFormat::kWebp);
  EXPECT_EQ(simple.width, 64U);
  EXPECT_EQ(simple.height, 33U);
  const auto lossless = probe("RIFF\x20\0\0\0WEBPVP8L\x10\0\0\0\x2f\x3f\x40\x08\x10"s);
  EXPECT_EQ(lossless.width, 64U);
  EXPECT_EQ(lossless.height, 34U);
  EXPECT_EQ(lossless.channels, 4U);
  const auto extended = probe("RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0\x04\0\0\x06\0\0"s);
  EXPECT_EQ(extended.width, 5U);
  EXPECT_EQ(extended.height, 7U);
  EXPECT_EQ(extended.channels, 4U);
  EXPECT_EQ(complaint_about("RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\x04\0\0\x06\0\0"s),
            "an animated WebP: store its frames as pictures of their own");
  EXPECT_EQ(
      complaint_about("RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0\xff\xff\xff\xff\xff\xff"s),
      "a picture of 16777216 x 16777216 pixels, over the limit of 134217728: make it smaller");
}

TEST(Probe, WhatIsNoPictureIsTold) {
  EXPECT_EQ(complaint_about(""), "no bytes where a picture is due");
  EXPECT_EQ(complaint_about("GIF89a"), "not a picture that can be read: JPEG, PNG and WebP can");
}

}  // namespace
}  // namespace ringfeed
