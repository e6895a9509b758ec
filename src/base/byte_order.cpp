// One loop, compiled twice: wide registers turn eight numbers at once.
#include "base/byte_order.hpp"

#include <cstdint>
#include <cstring>

namespace ringfeed {
namespace {

[[gnu::always_inline]] inline void swap_loop_4(const char* from, std::size_t count, char* to) {
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t bits;
    std::memcpy(&bits, from + 4 * i, 4);
    bits = __builtin_bswap32(bits);
    std::memcpy(to + 4 * i, &bits, 4);
  }
}

#ifdef __x86_64__
__attribute__((target("avx2"))) void swap_4_avx2(const char* from, std::size_t count, char* to) {
  swap_loop_4(from, count, to);
}
#endif

}  // namespace

void swap_4(const void* from, std::size_t count, void* to) noexcept {
  const auto* const source = static_cast<const char*>(from);
  auto* const target = static_cast<char*>(to);
#ifdef __x86_64__
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  if (has_avx2) return swap_4_avx2(source, count, target);
#endif
  swap_loop_4(source, count, target);
}

}  // namespace ringfeed
