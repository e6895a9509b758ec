// All numbers of IDX are big-endian.
#include "source/idx_header.hpp"

#include <fmt/format.h>

#include <ringfeed/error.hpp>
#include <string_view>

#include "dataset/chunk.hpp"

namespace ringfeed {
namespace {

[[noreturn]] void throw_bad_idx(std::string_view what, std::string_view remedy) {
  throw Error(ErrorCode::kBadData, fmt::format("{}; {}", what, remedy));
}

RawFormat format_of(unsigned type) {
  switch (type) {
    case 0x08:
      return {DType::kUInt8, 1};
    case 0x09:
      return {DType::kInt8, 1};
    case 0x0B:
      return {DType::kInt16, 2, true};
    case 0x0C:
      return {DType::kInt32, 4, true};
    case 0x0D:
      return {DType::kFloat32, 4, true};
    case 0x0E:
      return {DType::kFloat64, 8, true};
    default:
      throw_bad_idx(
          fmt::format("the IDX type 0x{:02x} is not known", type),
          "it is one of 0x08, 0x09, 0x0b, 0x0c, 0x0d, 0x0e: fetch or write the file again");
  }
}

void check_size(const RawArray& header, std::uint64_t file_bytes) {
  const std::uint64_t there = file_bytes - header.data_offset;
  const auto samples = static_cast<std::uint64_t>(header.samples);
  if (samples > there / header.sample_bytes) {
    throw_bad_idx(
        fmt::format("the header claims {} samples of {} bytes, but only {} bytes follow: the "
                    "file is cut off",
                    samples, header.sample_bytes, there),
        "fetch it again");
  }
  if (samples * header.sample_bytes != there) {
    throw_bad_idx(fmt::format("{} bytes follow the data that the header claims",
                              there - samples * header.sample_bytes),
                  "fetch it again");
  }
}

}  // namespace

RawArray parse_idx_header(std::span<const std::byte> start,
                          std::optional<std::uint64_t> file_bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(start[i]); };
  if (start.size() < kIdxMagicBytes || byte(0) != 0 || byte(1) != 0) {
    throw_bad_idx("this is not an IDX file (its first two bytes are not 0)",
                  "check the name, or fetch it again");
  }
  RawArray header;
  header.format = format_of(byte(2));
  const std::size_t dimensions = byte(3);
  if (dimensions < 1 || dimensions > kIdxDimensionsMax) {
    throw_bad_idx(fmt::format("the IDX header claims {} dimensions, 1 to {} are due", dimensions,
                              kIdxDimensionsMax),
                  "fetch or write the file again");
  }
  header.data_offset = kIdxMagicBytes + 4 * dimensions;
  if (start.size() < header.data_offset)
    throw_bad_idx("the IDX header is cut off", "fetch the file again");
  header.sample_bytes = header.format.item_bytes;
  for (std::size_t i = 0; i < dimensions; ++i) {
    const auto at = kIdxMagicBytes + 4 * i;
    const std::uint32_t dimension =
        byte(at) << 24 | byte(at + 1) << 16 | byte(at + 2) << 8 | byte(at + 3);
    if (i == 0) {
      header.samples = dimension;
      continue;
    }
    if (dimension == 0)
      throw_bad_idx("the samples have no elements (a dimension is 0)",
                    "write samples with elements");
    if (dimension > kSampleBytesMax / header.sample_bytes) {
      throw_bad_idx(fmt::format("a sample would have more than {} bytes, which is the limit",
                                kSampleBytesMax),
                    "make samples smaller; the first dimension of an IDX file counts the samples");
    }
    header.sample_bytes *= dimension;
    header.shape.push_back(dimension);
  }
  if (file_bytes) check_size(header, *file_bytes);
  return header;
}

}  // namespace ringfeed
