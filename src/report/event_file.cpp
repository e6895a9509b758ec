// The few fields of the protocol buffers `Event`, `Summary` and `Summary.Value` that scalars need,
// and the framing of TFRecord: length, its checksum, the message, its checksum.
#include "report/event_file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <chrono>
#include <climits>

#include "base/crc.hpp"

namespace ringfeed {
namespace {

constexpr std::size_t kFlushBytes = std::size_t{64} << 10;

/// As TFRecord stores it.
std::uint32_t masked_crc(std::string_view bytes) {
  return std::rotr(crc32c(bytes), 15) + 0xa282ead8U;
}

template <typename T>
void append_fixed(std::string& to, T value) {
  const auto bytes = std::bit_cast<std::array<char, sizeof(T)>>(value);
  to.append(bytes.data(), bytes.size());  // x86 and ARM have the order of the format
}

void append_varint(std::string& to, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) to.push_back(static_cast<char>((value & 0x7f) | 0x80));
  to.push_back(static_cast<char>(value));
}

enum class Wire : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

void append_key(std::string& to, std::uint64_t field, Wire wire) {
  append_varint(to, field << 3 | static_cast<std::uint64_t>(wire));
}

void append_bytes(std::string& to, std::uint64_t field, std::string_view bytes) {
  append_key(to, field, Wire::kBytes);
  append_varint(to, bytes.size());
  to += bytes;
}

std::string event_now() {
  std::string event;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  append_key(event, 1, Wire::kFixed64);  // wall_time
  append_fixed(event, std::chrono::duration<double>(now).count());
  return event;
}

std::string new_name() {
  std::array<char, HOST_NAME_MAX + 1> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '-';
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return fmt::format("events.out.tfevents.{:010}.{}.{}.0",
                     std::chrono::duration_cast<std::chrono::seconds>(now).count(), host.data(),
                     ::getpid());
}

}  // namespace

EventFile::EventFile(const std::string& folder)
    : file_([&] {
        make_folders(folder);
        return File::open_to_append(folder + "/" + new_name());
      }()) {
  static_assert(std::endian::native == std::endian::little);
  std::string event = event_now();
  append_bytes(event, 3, "brain.Event:2");  // file_version
  add_record(event);
  flush();
}

void EventFile::write(std::uint64_t step, const Scalars& scalars) {
  std::string event = event_now();
  append_key(event, 2, Wire::kVarint);  // step
  append_varint(event, step);
  std::string summary;
  for (const auto& [tag, value] : scalars) {
    std::string one;
    append_bytes(one, 1, tag);
    append_key(one, 2, Wire::kFixed32);  // simple_value
    append_fixed(one, static_cast<float>(value));
    append_bytes(summary, 1, one);
  }
  append_bytes(event, 5, summary);
  add_record(event);
  if (buffer_.size() >= kFlushBytes) flush();
}

void EventFile::add_record(std::string_view event) {
  std::string length;
  append_fixed(length, static_cast<std::uint64_t>(event.size()));
  buffer_ += length;
  append_fixed(buffer_, masked_crc(length));
  buffer_ += event;
  append_fixed(buffer_, masked_crc(event));
}

void EventFile::flush() {
  file_.write(buffer_);
  buffer_.clear();
}

}  // namespace ringfeed
