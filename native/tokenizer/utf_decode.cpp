#include "utf_decode.h"

#if defined(__SSE4_1__)
#include <smmintrin.h>
#endif

namespace ik::tok {

bool is_ascii(const uint8_t* p, size_t n) {
  uint64_t any = 0;
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    uint64_t word;
    std::memcpy(&word, p + i, 8);
    any |= word;
  }
  for (; i < n; ++i) any |= p[i];
  return (any & 0x8080808080808080u) == 0;
}

// The character at `i`, which is moved behind it; the bytes behind the text are below 0x80.
static uint32_t decode_any(const uint8_t* p, size_t& i) {
  constexpr uint32_t kWrong = 0xfffd;
  const uint8_t a = p[i++];
  if (a < 0x80) return a;
  if (a < 0xc2 || a > 0xf4) return kWrong;
  // The second byte has limits of its own behind some first ones: no surrogates, nothing longer than need be.
  const uint8_t low = a == 0xe0 ? 0xa0 : a == 0xf0 ? 0x90 : 0x80;
  const uint8_t high = a == 0xed ? 0x9f : a == 0xf4 ? 0x8f : 0xbf;
  if (p[i] < low || p[i] > high) return kWrong;
  uint32_t point = p[i++] & 63u;
  if (a < 0xe0) return (a & 31u) << 6 | point;
  if ((p[i] & 0xc0) != 0x80) return kWrong;
  point = point << 6 | (p[i++] & 63u);
  if (a < 0xf0) return (a & 15u) << 12 | point;
  if ((p[i] & 0xc0) != 0x80) return kWrong;
  return (a & 7u) << 18 | point << 6 | (p[i++] & 63u);
}

size_t utf8_to_utf16(const uint8_t* p, size_t n, char16_t* out) {
  char16_t* const begin = out;
  for (size_t i = 0; i < n;) {
#if defined(__SSE4_1__)
    if (p[i] < 0x80) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + i));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_cvtepu8_epi16(bytes));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 8), _mm_cvtepu8_epi16(_mm_srli_si128(bytes, 8)));
      size_t run = static_cast<size_t>(__builtin_ctz(static_cast<uint32_t>(_mm_movemask_epi8(bytes)) | 0x10000));
      if (run > n - i) run = n - i;
      i += run;
      out += run;
      continue;
    }
    if ((p[i] & 0xf0) == 0xe0) {
      // Four characters of three bytes at once: each to the low bytes of a lane, its first byte highest.
      const __m128i order = _mm_setr_epi8(2, 1, 0, -1, 5, 4, 3, -1, 8, 7, 6, -1, 11, 10, 9, -1);
      const __m128i bytes = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + i)), order);
      const __m128i formed =
          _mm_cmpeq_epi32(_mm_and_si128(bytes, _mm_set1_epi32(0x00f0c0c0)), _mm_set1_epi32(0x00e08080));
      const __m128i points =
          _mm_or_si128(_mm_or_si128(_mm_and_si128(bytes, _mm_set1_epi32(0x3f)),
                                    _mm_and_si128(_mm_srli_epi32(bytes, 2), _mm_set1_epi32(0xfc0))),
                       _mm_and_si128(_mm_srli_epi32(bytes, 4), _mm_set1_epi32(0xf000)));
      const __m128i surrogate =
          _mm_cmpeq_epi32(_mm_and_si128(points, _mm_set1_epi32(0xf800)), _mm_set1_epi32(0xd800));
      const __m128i good =
          _mm_and_si128(_mm_andnot_si128(surrogate, formed), _mm_cmpgt_epi32(points, _mm_set1_epi32(0x7ff)));
      const auto mask = static_cast<uint32_t>(_mm_movemask_ps(_mm_castsi128_ps(good)));
      const auto run = static_cast<size_t>(__builtin_ctz(~mask));
      if (run > 0) {
        _mm_storel_epi64(reinterpret_cast<__m128i*>(out), _mm_packus_epi32(points, points));
        i += 3 * run;
        out += run;
        continue;
      }
    }
#endif
    const uint32_t point = decode_any(p, i);
    if (point < 0x10000) {
      *out++ = static_cast<char16_t>(point);
    } else {
      *out++ = static_cast<char16_t>(0xd7c0 + (point >> 10));
      *out++ = static_cast<char16_t>(0xdc00 | (point & 0x3ff));
    }
  }
  return static_cast<size_t>(out - begin);
}

}  // namespace ik::tok
