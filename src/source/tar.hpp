// The plain files of a tar archive, one after the other, from bytes alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ringfeed {

/// Reads ustar, GNU and pax archives. What would be lost otherwise is an error: links, sparse
/// files, an archive without its end, data behind the end.
class TarReader {
 public:
  /// Fills the space, less of it only at the end; the count of bytes.
  using Read = std::function<std::size_t(std::span<std::byte>)>;

  /// `path` is for errors, all of which are Error{kBadData}.
  TarReader(std::string path, Read read);

  /// Goes on to the next plain file; false at the end of the archive.
  bool next();

  const std::string& name() const noexcept { return name_; }
  std::uint64_t size() const noexcept { return size_; }
  /// The bytes of the file, once.
  std::string take();

 private:
  struct Header;
  [[noreturn]] void refuse(const std::string& what, const std::string& remedy) const;
  bool read_header(Header& header);
  void check_rest();
  std::string take_text(std::uint64_t size);
  void take_pax(std::string_view text, std::string& name, std::optional<std::uint64_t>& size) const;
  void begin_file(std::string name, std::uint64_t size);
  void fill(std::span<std::byte> space);
  void skip();

  const std::string path_;
  const Read read_;
  std::string name_;
  std::uint64_t size_ = 0;
  std::uint64_t left_ = 0;     ///< of the file, not yet read
  std::uint64_t padding_ = 0;  ///< behind it
  std::uint64_t at_ = 0;       ///< in the archive, in bytes
};

}  // namespace ringfeed
