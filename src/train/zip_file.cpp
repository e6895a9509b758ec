// Goes along the central directory at the end of the file (APPNOTE.TXT 6.3, with the fields of
// 64 bits that large files have). What is deflated is inflated in pieces: memory does not follow
// what a file claims.
#include "train/zip_file.hpp"

#include <arrow/util/compression.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>

#include "base/crc.hpp"
#include "base/printable.hpp"

namespace ringfeed {
namespace {

constexpr std::uint32_t kEnd = 0x06054b50;
constexpr std::uint32_t kEnd64Place = 0x07064b50;
constexpr std::uint32_t kEnd64 = 0x06064b50;
constexpr std::uint32_t kEntry = 0x02014b50;
constexpr std::uint32_t kMember = 0x04034b50;
constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kEnd64PlaceBytes = 20;
constexpr std::size_t kEntryBytes = 46;
constexpr std::size_t kMemberBytes = 30;
constexpr std::size_t kCommentBytes = 65'535;
constexpr std::uint16_t kStored = 0;
constexpr std::uint16_t kDeflated = 8;
constexpr std::uint16_t kLong = 1;  // the extra field of sizes beyond 32 bits
constexpr std::size_t kPieceBytes = 65'536;

struct Fault {
  std::string what;
};

class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}

  std::string_view part(std::uint64_t at, std::uint64_t size) const {
    if (at > bytes_.size() || size > bytes_.size() - at)
      throw Fault{"its directory leads out of the file"};
    return bytes_.substr(at, size);
  }
  template <typename Number>
  Number number(std::uint64_t at) const {
    Number value = 0;
    std::memcpy(&value, part(at, sizeof value).data(), sizeof value);
    return value;
  }
  std::size_t size() const noexcept { return bytes_.size(); }

 private:
  std::string_view bytes_;
};

/// What the directory says of a member.
struct Entry {
  std::string_view name;
  std::uint16_t method = 0;
  std::uint32_t crc = 0;
  std::uint64_t stored_bytes = 0;
  std::uint64_t bytes = 0;
  std::uint64_t at = 0;          ///< its own header
  std::uint64_t next_entry = 0;  ///< in the directory
};

Entry entry_at(const Bytes& file, std::uint64_t at) {
  if (file.number<std::uint32_t>(at) != kEntry) throw Fault{"its directory is damaged"};
  const auto name_bytes = file.number<std::uint16_t>(at + 28);
  const auto extra_bytes = file.number<std::uint16_t>(at + 30);
  const auto comment_bytes = file.number<std::uint16_t>(at + 32);
  Entry entry{.name = file.part(at + kEntryBytes, name_bytes),
              .method = file.number<std::uint16_t>(at + 10),
              .crc = file.number<std::uint32_t>(at + 16),
              .stored_bytes = file.number<std::uint32_t>(at + 20),
              .bytes = file.number<std::uint32_t>(at + 24),
              .at = file.number<std::uint32_t>(at + 42)};
  const std::uint64_t extra = at + kEntryBytes + name_bytes;
  entry.next_entry = extra + extra_bytes + comment_bytes;
  for (std::uint64_t field = extra; field + 4 <= extra + extra_bytes;
       field += 4U + file.number<std::uint16_t>(field + 2)) {
    if (file.number<std::uint16_t>(field) != kLong) continue;
    std::uint64_t place = field + 4;
    for (auto* const value : {&entry.bytes, &entry.stored_bytes, &entry.at}) {
      if (*value != UINT32_MAX) continue;
      *value = file.number<std::uint64_t>(place);
      place += 8;
    }
  }
  return entry;
}

/// Of what inflates to `bytes`. Nothing: it does not.
std::optional<std::uint32_t> crc_of_deflated(std::string_view stored, std::uint64_t bytes) {
  arrow::util::GZipCodecOptions options;
  options.gzip_format = arrow::util::GZipFormat::DEFLATE;
  const auto codec = arrow::util::Codec::Create(arrow::Compression::GZIP, options);
  if (!codec.ok()) throw Fault{codec.status().message()};
  const auto stream = (*codec)->MakeDecompressor();
  if (!stream.ok()) throw Fault{stream.status().message()};
  std::array<std::uint8_t, kPieceBytes> piece;
  std::uint32_t crc = 0;
  std::uint64_t made = 0;
  while (made <= bytes && !(*stream)->IsFinished()) {
    const auto done = (*stream)->Decompress(static_cast<std::int64_t>(stored.size()),
                                            reinterpret_cast<const std::uint8_t*>(stored.data()),
                                            static_cast<std::int64_t>(piece.size()), piece.data());
    if (!done.ok() || (done->bytes_read == 0 && done->bytes_written == 0)) return std::nullopt;
    stored.remove_prefix(static_cast<std::size_t>(done->bytes_read));
    const auto size = static_cast<std::size_t>(done->bytes_written);
    crc = crc32({reinterpret_cast<const char*>(piece.data()), size}, crc);
    made += size;
  }
  return made == bytes ? std::optional(crc) : std::nullopt;
}

void check_member(const Bytes& file, const Entry& entry) {
  const auto damaged = [&](std::string_view what) {
    return Fault{fmt::format("its member '{}' is damaged: {}", printable(entry.name), what)};
  };
  if (file.number<std::uint32_t>(entry.at) != kMember) throw damaged("its header is another's");
  const std::uint64_t data = entry.at + kMemberBytes + file.number<std::uint16_t>(entry.at + 26) +
                             file.number<std::uint16_t>(entry.at + 28);
  const auto stored = file.part(data, entry.stored_bytes);
  std::optional<std::uint32_t> crc;
  if (entry.method == kStored && entry.bytes == entry.stored_bytes)
    crc = crc32(stored);
  else if (entry.method == kDeflated)
    crc = crc_of_deflated(stored, entry.bytes);
  if (crc != entry.crc) throw damaged("its bytes do not match their CRC-32");
}

/// Where the last part of the file begins; nothing: it is no zip file.
std::optional<std::uint64_t> end_of(std::string_view file) {
  if (file.size() < kEndBytes) return std::nullopt;
  const std::size_t last = file.size() - kEndBytes;
  for (std::size_t back = 0; back <= std::min(last, kCommentBytes); ++back) {
    if (Bytes(file).number<std::uint32_t>(last - back) == kEnd) return last - back;
  }
  return std::nullopt;
}

void check_members(const Bytes& file, std::uint64_t end) {
  std::uint64_t entries = file.number<std::uint16_t>(end + 10);
  std::uint64_t at = file.number<std::uint32_t>(end + 16);
  if (end >= kEnd64PlaceBytes &&
      file.number<std::uint32_t>(end - kEnd64PlaceBytes) == kEnd64Place) {
    const auto end_64 = file.number<std::uint64_t>(end - kEnd64PlaceBytes + 8);
    if (file.number<std::uint32_t>(end_64) != kEnd64) throw Fault{"its directory is damaged"};
    entries = file.number<std::uint64_t>(end_64 + 32);
    at = file.number<std::uint64_t>(end_64 + 48);
  }
  std::uint64_t left = file.size();  // members have bytes of their own
  for (; entries > 0; --entries) {
    const Entry entry = entry_at(file, at);
    if (entry.stored_bytes > left) throw Fault{"its members lie in one another"};
    left -= entry.stored_bytes;
    check_member(file, entry);
    at = entry.next_entry;
  }
}

}  // namespace

std::string zip_fault(std::string_view file) {
  const auto end = end_of(file);
  if (!end) return {};
  try {
    check_members(Bytes(file), *end);
  } catch (const Fault& fault) {
    return fault.what;
  }
  return {};
}

}  // namespace ringfeed
