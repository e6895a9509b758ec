// Arrow opens, reads and decompresses; the checks before and the words of the errors are ours.
#include "source/input.hpp"

#include <arrow/io/compressed.h>
#include <arrow/io/file.h>
#include <arrow/util/compression.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <ringfeed/error.hpp>

#include "base/hash.hpp"
#include "base/system_error.hpp"
#include "dataset/arrow_status.hpp"

namespace ringfeed {
namespace {

constexpr std::size_t kHashBytes = std::size_t{1} << 20;

std::shared_ptr<arrow::io::ReadableFile> open_file(const std::string& path) {
  return value_of(arrow::io::ReadableFile::Open(path), path);
}

}  // namespace

std::uint64_t check_source_file(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) throw_system_error(errno, path);
  if (S_ISDIR(status.st_mode)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: this is a folder; name the files in it (only a folder of .parquet "
                            "files is read as one source)",
                            path));
  }
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: this is not a plain file, and a source is read more than once; "
                            "write it to a file first",
                            path));
  }
  if (status.st_size == 0) {
    throw Error(ErrorCode::kBadData,
                fmt::format("{}: the file is empty; leave it out, or write it again", path));
  }
  return static_cast<std::uint64_t>(status.st_size);
}

std::string name_of_files(const std::vector<std::string>& paths) {
  if (paths.size() == 1) return paths[0];
  return fmt::format("{} and {} more", paths[0], paths.size() - 1);
}

bool is_gzip(const std::string& path) {
  const auto file = open_file(path);
  unsigned char magic[2] = {0, 0};
  value_of(file->Read(2, magic), path);
  const bool gzip = magic[0] == 0x1f && magic[1] == 0x8b;
  if (!gzip && path.ends_with(".gz")) {
    throw Error(
        ErrorCode::kBadData,
        fmt::format("{}: the name ends in .gz, but this is not gzip data; rename the file, or "
                    "fetch it again",
                    path));
  }
  return gzip;
}

ByteStream::ByteStream(const std::string& path)
    : path_(path), file_(open_file(path)), stream_(file_) {
  if (!is_gzip(path)) return;
  const auto codec = value_of(arrow::util::Codec::Create(arrow::Compression::GZIP), path_);
  stream_ = value_of(arrow::io::CompressedInputStream::Make(codec.get(), file_), path_);
}

ByteStream::~ByteStream() = default;

std::size_t ByteStream::read(std::span<std::byte> space) {
  std::size_t filled = 0;
  while (filled < space.size()) {
    const auto got =
        stream_->Read(static_cast<std::int64_t>(space.size() - filled), space.data() + filled);
    if (!got.ok() && stream_ != file_) {
      throw Error(
          ErrorCode::kBadData,
          fmt::format("{}: the gzip data is damaged or cut off before byte {} of the file ({}); "
                      "fetch it again",
                      path_, file_bytes_read(), got.status().message()));
    }
    const auto bytes = value_of(got, path_);
    if (bytes == 0) break;
    filled += static_cast<std::size_t>(bytes);
  }
  return filled;
}

std::uint64_t ByteStream::file_bytes_read() const {
  return static_cast<std::uint64_t>(file_->Tell().ValueOr(0));
}

std::uint64_t hash_files(std::string_view text, const std::vector<std::string>& paths,
                         const std::stop_token& stop) {
  Hasher hasher;
  const auto add_number = [&](std::uint64_t number) {
    for (int i = 0; i < 8; ++i) {
      const auto byte = static_cast<char>(number >> (8 * i));
      hasher.update(&byte, 1);
    }
  };
  add_number(text.size());
  hasher.update(text);
  std::vector<std::byte> buffer(kHashBytes);
  for (const auto& path : paths) {
    add_number(check_source_file(path));
    const auto file = open_file(path);
    while (true) {
      check_stop(stop);
      const auto got =
          value_of(file->Read(static_cast<std::int64_t>(buffer.size()), buffer.data()), path);
      if (got == 0) break;
      hasher.update(buffer.data(), static_cast<std::size_t>(got));
    }
  }
  return hasher.digest();
}

std::string lower_case(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

void check_stop(const std::stop_token& stop) {
  if (!stop.stop_requested()) return;
  throw Error(ErrorCode::kCancelled,
              "stopped while the source was read; the same again starts over");
}

}  // namespace ringfeed
