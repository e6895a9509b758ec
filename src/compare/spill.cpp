// The spill's file is read by place, so that its runs are read side by side.
#include "compare/spill.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <ringfeed/error.hpp>

#include "base/system_error.hpp"

namespace ringfeed {

void Spill::append(std::span<const std::byte> bytes) {
  file_.write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  size_ += bytes.size();
}

void Spill::read(std::uint64_t at, std::span<std::byte> to) const {
  while (!to.empty()) {
    const auto got = ::pread(file_.descriptor(), to.data(), to.size(), static_cast<::off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_system_error(errno, file_.path());
    if (got == 0)
      throw Error(ErrorCode::kInternal,
                  fmt::format("{}: a temporary file is shorter than it was written", file_.path()));
    at += static_cast<std::uint64_t>(got);
    to = to.subspan(static_cast<std::size_t>(got));
  }
}

}  // namespace ringfeed
