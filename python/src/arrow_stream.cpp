// The struct as the specification gives it (arrow.apache.org/docs/format/CStreamInterface.html):
// the module sees no header of Arrow.
#include "arrow_stream.hpp"

#include <cstring>
#include <memory>
#include <ringfeed/error.hpp>

struct ArrowSchema;
struct ArrowArray;
struct ArrowArrayStream {
  int (*get_schema)(ArrowArrayStream*, ArrowSchema* out);
  int (*get_next)(ArrowArrayStream*, ArrowArray* out);
  const char* (*get_last_error)(ArrowArrayStream*);
  void (*release)(ArrowArrayStream*);
  void* private_data;
};

namespace ringfeed::python {
namespace {

constexpr const char* kCapsuleName = "arrow_array_stream";

}  // namespace

nb::capsule make_stream_capsule(const std::function<void(ArrowArrayStream*)>& fill) {
  auto stream = std::make_unique<ArrowArrayStream>();
  std::memset(stream.get(), 0, sizeof *stream);
  fill(stream.get());
  nb::capsule capsule(stream.get(), kCapsuleName, [](void* pointer) noexcept {
    auto* const made = static_cast<ArrowArrayStream*>(pointer);
    if (made->release != nullptr) {
      const nb::gil_scoped_release release;  // waits for reads that are under way
      made->release(made);
    }
    delete made;
  });
  static_cast<void>(stream.release());
  return capsule;
}

ArrowArrayStream* stream_of(const nb::capsule& capsule) {
  if (std::strcmp(capsule.name() == nullptr ? "" : capsule.name(), kCapsuleName) != 0) {
    throw Error(ErrorCode::kInvalidArgument,
                "__arrow_c_stream__() gave something else than an Arrow stream");
  }
  auto* const stream = static_cast<ArrowArrayStream*>(capsule.data());
  if (stream->release == nullptr)
    throw Error(ErrorCode::kInvalidArgument, "this Arrow stream was read before");
  return stream;
}

}  // namespace ringfeed::python
