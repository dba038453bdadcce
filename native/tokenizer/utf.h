// UTF-16 as JavaScript gives it to UTF-8 as byte-level tokenizers want it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace ik::tok {

// Scanners load blocks of this many bytes, so every text has as many zeros behind it.
constexpr size_t kPadding = 64;

struct Utf8Char {
  uint32_t point;
  uint32_t size;
};

// The character at p of well-formed UTF-8.
inline Utf8Char decode_utf8(const uint8_t* p) {
  const uint32_t a = p[0];
  if (a < 0x80) return {a, 1};
  if (a < 0xe0) return {(a & 31) << 6 | (p[1] & 63u), 2};
  if (a < 0xf0) return {(a & 15) << 12 | (p[1] & 63u) << 6 | (p[2] & 63u), 3};
  return {(a & 7) << 18 | (p[1] & 63u) << 12 | (p[2] & 63u) << 6 | (p[3] & 63u), 4};
}

// As many bytes of UTF-8 as n units can become: exact but for pairs of surrogates, which become four.
inline size_t utf8_bound(const char16_t* s, size_t n) {
  size_t bytes = n;
  for (size_t i = 0; i < n; ++i) bytes += static_cast<size_t>(s[i] >= 0x80) + static_cast<size_t>(s[i] >= 0x800);
  return bytes;
}

// The character at s[i] of n units, a lone surrogate being U+FFFD; i moves behind it.
inline uint32_t next_point(const char16_t* s, size_t n, size_t& i) {
  const uint32_t c = s[i++];
  if (c < 0xd800 || c >= 0xe000) return c;
  if (c < 0xdc00 && i < n && s[i] >= 0xdc00 && s[i] < 0xe000) return 0x10000 + ((c - 0xd800) << 10) + (s[i++] - 0xdc00u);
  return 0xfffd;
}

// Writes a character as UTF-8 and returns the bytes written.
inline size_t put_utf8(uint32_t c, uint8_t* out) {
  if (c < 0x80) {
    out[0] = static_cast<uint8_t>(c);
    return 1;
  }
  if (c < 0x800) {
    out[0] = static_cast<uint8_t>(0xc0 | c >> 6);
    out[1] = static_cast<uint8_t>(0x80 | (c & 63));
    return 2;
  }
  if (c < 0x10000) {
    out[0] = static_cast<uint8_t>(0xe0 | c >> 12);
    out[1] = static_cast<uint8_t>(0x80 | (c >> 6 & 63));
    out[2] = static_cast<uint8_t>(0x80 | (c & 63));
    return 3;
  }
  out[0] = static_cast<uint8_t>(0xf0 | c >> 18);
  out[1] = static_cast<uint8_t>(0x80 | (c >> 12 & 63));
  out[2] = static_cast<uint8_t>(0x80 | (c >> 6 & 63));
  out[3] = static_cast<uint8_t>(0x80 | (c & 63));
  return 4;
}

// Writes n units as UTF-8, a lone surrogate as U+FFFD, and returns the bytes written: at most 3 n.
inline size_t utf16_to_utf8(const char16_t* s, size_t n, uint8_t* out) {
  uint8_t* const begin = out;
  for (size_t i = 0; i < n;) {
#if defined(__SSE2__)
    const __m128i wide = _mm_set1_epi16(static_cast<int16_t>(0xff80));
    while (i + 16 <= n) {
      const __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(s + i));
      const __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(s + i + 8));
      const __m128i high = _mm_and_si128(_mm_or_si128(a, b), wide);
      if (_mm_movemask_epi8(_mm_cmpeq_epi16(high, _mm_setzero_si128())) != 0xffff) break;
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_packus_epi16(a, b));
      out += 16;
      i += 16;
    }
#endif
    for (const size_t stop = i + 16 < n ? i + 16 : n; i < stop;) out += put_utf8(next_point(s, n, i), out);
  }
  return static_cast<size_t>(out - begin);
}

}  // namespace ik::tok
