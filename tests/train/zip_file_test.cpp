// A zip file by hand; those that torch writes are in tests/python/test_own_models.py.
#include "train/zip_file.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <string>

#include "base/crc.hpp"

namespace ringfeed {
namespace {

template <typename Number>
std::string bytes_of(Number number) {
  std::string bytes(sizeof number, '\0');
  std::memcpy(bytes.data(), &number, sizeof number);
  return bytes;
}

/// What both headers of a member say.
std::string described(const std::string& name, const std::string& data, std::uint16_t method) {
  const auto size = static_cast<std::uint32_t>(data.size());
  return bytes_of(std::uint16_t{20}) + bytes_of(std::uint16_t{0}) + bytes_of(method) +
         bytes_of(std::uint32_t{0}) + bytes_of(crc32(data)) + bytes_of(size) + bytes_of(size) +
         bytes_of(static_cast<std::uint16_t>(name.size())) + bytes_of(std::uint16_t{0});
}

std::string zip_of(const std::string& name, const std::string& data, std::uint16_t method = 0,
                   std::uint16_t entries = 1) {
  const std::string member = "PK\3\4" + described(name, data, method) + name + data;
  const std::string entry = "PK\1\2" + bytes_of(std::uint16_t{20}) + described(name, data, method) +
                            std::string(10, '\0') + bytes_of(std::uint32_t{0}) + name;
  std::string directory;
  for (int i = 0; i < entries; ++i) directory += entry;
  return member + directory + "PK\5\6" + bytes_of(std::uint32_t{0}) + bytes_of(entries) +
         bytes_of(entries) + bytes_of(static_cast<std::uint32_t>(directory.size())) +
         bytes_of(static_cast<std::uint32_t>(member.size())) + bytes_of(std::uint16_t{0});
}

TEST(ZipFile, EachFlipOfAMembersBytesIsNamed) {
  const std::string data = "weights of a model";
  const std::string file = zip_of("net/data/0", data);
  EXPECT_EQ(zip_fault(file), "");
  const auto at = file.find(data);
  for (std::size_t bit = 0; bit < 8 * data.size(); ++bit) {
    std::string flipped = file;
    flipped[at + bit / 8] = static_cast<char>(flipped[at + bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(zip_fault(flipped),
              "its member 'net/data/0' is damaged: its bytes do not match their CRC-32");
  }
}

TEST(ZipFile, WhatIsNoneIsLeftToOthersAndWhatLeadsOutIsTold) {
  EXPECT_EQ(zip_fault(""), "");
  EXPECT_EQ(zip_fault(std::string(100, 'x')), "");
  const std::string file = zip_of("a", "data");
  for (std::size_t cut = 1; cut < file.size() - 22; ++cut)
    EXPECT_NE(zip_fault(file.substr(cut)), "") << cut;
  EXPECT_EQ(zip_fault(zip_of("a", std::string(1000, 'a'), 0, 2)), "its members lie in one another");
  EXPECT_NE(zip_fault(zip_of("a", "data", 8)), "");   // no deflated bytes
  EXPECT_NE(zip_fault(zip_of("a", "data", 99)), "");  // a method that torch does not write
}

}  // namespace
}  // namespace ringfeed
