// Writing past the caches. A result larger than they are is gone when it is next read, so fetching its lines before
// they are overwritten, a third of the traffic of y = f(x), buys nothing.
#pragma once
#include <algorithm>

#include "inkstone/view.h"
#include "simd.h"

namespace ik {

constexpr int64_t kStreamBytes = int64_t{16} << 20;
constexpr int64_t kStreamBlock = 1024;  // elements computed into a first-level buffer before they are streamed

inline bool worth_streaming(const ik_view& out) {
  return ik_numel(out) * static_cast<int64_t>(ik_dtype_bytes(out.dtype)) >= kStreamBytes;
}

// Copies `bytes` bytes past the caches. Call stream_end() on the same thread before others may read them.
inline void stream(void* to, const void* from, size_t bytes) {
#if defined(__x86_64__)
  auto* y = static_cast<char*>(to);
  const auto* x = static_cast<const char*>(from);
  const size_t head = std::min(bytes, static_cast<size_t>(-reinterpret_cast<uintptr_t>(y)) % kVectorBytes);
  std::memcpy(y, x, head);
  size_t i = head;
  for (; i + kVectorBytes <= bytes; i += kVectorBytes) {
#if defined(__AVX512F__)
    _mm512_stream_si512(reinterpret_cast<__m512i*>(y + i), load_bits<__m512i>(x + i));
#elif defined(__AVX2__)
    _mm256_stream_si256(reinterpret_cast<__m256i*>(y + i), load_bits<__m256i>(x + i));
#else
    _mm_stream_si128(reinterpret_cast<__m128i*>(y + i), load_bits<__m128i>(x + i));
#endif
  }
  std::memcpy(y + i, x + i, bytes - i);
#else
  std::memcpy(to, from, bytes);
#endif
}

inline void stream_end() {
#if defined(__x86_64__)
  _mm_sfence();
#endif
}

}  // namespace ik
