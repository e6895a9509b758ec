// Arrow's own file writer is given the messages as they are; what passes through its sink is hashed
// on the way.
#include "store/arrow_file.hpp"

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/ipc/dictionary.h>
#include <arrow/ipc/options.h>
#include <arrow/ipc/writer.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include <cstring>
#include <ringfeed/error.hpp>
#include <utility>

#include "base/file.hpp"
#include "base/hash.hpp"
#include "dataset/arrow_status.hpp"

namespace ringfeed {
namespace {

/// Arrow asks for Status where we throw: the error of a write is kept and thrown when Arrow has
/// returned.
class HashingSink final : public arrow::io::OutputStream {
 public:
  explicit HashingSink(const std::string& path) : file_(File::create(path)) {}

  arrow::Status Write(const void* data, std::int64_t bytes) override {
    const std::string_view view(static_cast<const char*>(data), static_cast<std::size_t>(bytes));
    try {
      file_.write(view);
    } catch (...) {
      failure_ = std::current_exception();
      return arrow::Status::IOError("write failed");
    }
    hasher_.update(view);
    written_ += view.size();
    return arrow::Status::OK();
  }
  using arrow::io::Writable::Write;
  arrow::Result<std::int64_t> Tell() const override { return static_cast<std::int64_t>(written_); }
  arrow::Status Close() override { return arrow::Status::OK(); }
  bool closed() const override { return false; }

  void check(const arrow::Status& status) const {
    if (failure_ != nullptr) std::rethrow_exception(failure_);
    ringfeed::check(status, file_.path());
  }

  /// Bytes and checksum since the last call.
  Frame take() {
    const Frame frame{written_ - std::exchange(taken_, written_), hasher_.digest()};
    hasher_ = Hasher();
    return frame;
  }

  File& file() noexcept { return file_; }

 private:
  File file_;
  Hasher hasher_;
  std::uint64_t written_ = 0;
  std::uint64_t taken_ = 0;
  std::exception_ptr failure_;
};

/// Throws Error{kBadData} for bytes that are not a message: a copy has not decoded them.
arrow::ipc::IpcPayload payload_of(std::string_view chunk, const std::string& path) {
  constexpr std::size_t kPrefixBytes = 8;
  std::uint32_t metadata_bytes = 0;
  if (chunk.size() >= kPrefixBytes)
    std::memcpy(&metadata_bytes, chunk.data() + 4, sizeof(metadata_bytes));
  if (metadata_bytes == 0 || metadata_bytes > chunk.size() - kPrefixBytes) {
    throw Error(ErrorCode::kBadData,
                fmt::format("{}: what is to be written is not an encoded chunk; verify the data "
                            "set that it is copied from",
                            path));
  }
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(chunk.data());
  arrow::ipc::IpcPayload payload;
  payload.type = arrow::ipc::MessageType::RECORD_BATCH;
  payload.metadata = std::make_shared<arrow::Buffer>(bytes + kPrefixBytes, metadata_bytes);
  payload.body_length = static_cast<std::int64_t>(chunk.size() - kPrefixBytes - metadata_bytes);
  payload.raw_body_length = payload.body_length;
  payload.body_buffers = {
      std::make_shared<arrow::Buffer>(bytes + kPrefixBytes + metadata_bytes, payload.body_length)};
  return payload;
}

}  // namespace

struct ArrowFileWriter::Impl {
  HashingSink sink;
  std::unique_ptr<arrow::ipc::internal::IpcPayloadWriter> writer;
  Frame head;
};

ArrowFileWriter::ArrowFileWriter(const std::string& path,
                                 const std::shared_ptr<arrow::Schema>& schema)
    : impl_(new Impl{HashingSink(path), nullptr, {}}) {
  const auto options = arrow::ipc::IpcWriteOptions::Defaults();
  auto& sink = impl_->sink;
  auto made = arrow::ipc::internal::MakePayloadFileWriter(&sink, schema, options);
  sink.check(made.status());
  impl_->writer = std::move(made).ValueUnsafe();
  sink.check(impl_->writer->Start());
  arrow::ipc::IpcPayload payload;
  sink.check(arrow::ipc::GetSchemaPayload(*schema, options,
                                          arrow::ipc::DictionaryFieldMapper(*schema), &payload));
  sink.check(impl_->writer->WritePayload(payload));
  impl_->head = sink.take();
}

ArrowFileWriter::~ArrowFileWriter() = default;

const Frame& ArrowFileWriter::head() const noexcept { return impl_->head; }

void ArrowFileWriter::add(const Chunk& chunk) {
  const std::string_view bytes(*chunk.encoded());
  const std::string& path = impl_->sink.file().path();
  impl_->sink.check(impl_->writer->WritePayload(payload_of(bytes, path)));
  const Frame frame = impl_->sink.take();
  if (frame.bytes != bytes.size() || frame.hash != chunk.hash())
    throw Error(ErrorCode::kInternal, fmt::format("{}: Arrow changed the bytes of a chunk", path));
}

Frame ArrowFileWriter::finish() {
  impl_->sink.check(impl_->writer->Close());
  return impl_->sink.take();
}

void ArrowFileWriter::sync() { impl_->sink.file().sync(); }

}  // namespace ringfeed
