// Memory of a mapped file as a buffer of Arrow.
#pragma once

#include <arrow/buffer.h>

#include <cstdint>
#include <memory>
#include <utility>

#include "base/file.hpp"

namespace ringfeed {

/// Keeps the file mapped.
class MappedBuffer final : public arrow::Buffer {
 public:
  MappedBuffer(std::shared_ptr<const MappedFile> file, std::uint64_t offset, std::uint64_t bytes)
      : arrow::Buffer(reinterpret_cast<const std::uint8_t*>(file->data()) + offset,
                      static_cast<std::int64_t>(bytes)),
        file_(std::move(file)) {}

 private:
  std::shared_ptr<const MappedFile> file_;
};

}  // namespace ringfeed
