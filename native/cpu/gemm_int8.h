// Products of 8-bit integers, summed in 32 bits without rounding: four k a unit where the machine multiplies bytes
// (VNNI), two k a unit, widened to 16 bits, elsewhere.
#pragma once
#include "cpu/gemm.h"

namespace ik {

typedef int8_t vb __attribute__((vector_size(kLanes)));     // kLanes bytes
typedef uint8_t vub __attribute__((vector_size(kLanes)));

#if defined(__AVX512VNNI__)
// VPDPBUSD multiplies unsigned by signed bytes: B is stored plus 128, which adds 128 times A's row sum to C.
constexpr int32_t kInt8Offset = 128;

struct MulInt8 {
  using Unit = uint32_t;
  using Acc = int32_t;
  using Vector = vi;
  static constexpr int kPer = 4;
  static constexpr int kWide = kLanes;
  static vu operand(const Unit* b) { return load_bits<vu>(b); }
  static vu spread(const Unit* a) { return *a | vu{}; }
  static Vector add(Vector acc, vu a, vu b) { return (vi)_mm512_dpbusd_epi32((__m512i)acc, (__m512i)b, (__m512i)a); }
};

template <uint32_t Flip>
struct ReaderInt8 {
  using Unit = uint32_t;
  using Vector = vu;
  static uint32_t one(const int8_t* p, int64_t k_stride, int64_t valid) {
    uint32_t unit = 0;
    for (int i = 0; i < 4 && i < valid; ++i) unit |= static_cast<uint32_t>(static_cast<uint8_t>(p[i * k_stride])) << (8 * i);
    return unit ^ Flip;
  }
  static Vector along_k(const int8_t* p) { return load_bits<vu>(p) ^ Flip; }
  static Vector across(const int8_t* p, int64_t k_stride) {
    const auto bytes = [&](int i) { return __builtin_convertvector(load_bits<vub>(p + i * k_stride), vu); };
    return (bytes(0) | bytes(1) << 8 | bytes(2) << 16 | bytes(3) << 24) ^ Flip;
  }
  // Units p .. p + 2 kLanes across.
  static void across_two(const int8_t* p, int64_t k_stride, uint32_t* to) {
    // Pairs of bytes of columns 0 .. 7, 16 .. 23, 8 .. 15, 24 .. 31.
    const auto pairs = [&](int i) {
      const __m256i x = load_bits<__m256i>(p + i * k_stride), y = load_bits<__m256i>(p + (i + 1) * k_stride);
      return _mm512_maskz_inserti64x4(0xff, _mm512_castsi256_si512(_mm256_unpacklo_epi8(x, y)), _mm256_unpackhi_epi8(x, y), 1);
    };
    static constexpr auto kIndex = [] {
      struct { alignas(64) uint16_t first[32], second[32]; } t{};
      for (int i = 0; i < 32; ++i) {
        const int column = i / 2, at = column % 8 + column / 8 * 16;
        t.first[i] = static_cast<uint16_t>(at + i % 2 * 32), t.second[i] = static_cast<uint16_t>(at + 8 + i % 2 * 32);
      }
      return t;
    }();
    const __m512i low = pairs(0), high = pairs(2);
    const vu first = (vu)_mm512_permutex2var_epi16(low, load_bits<__m512i>(kIndex.first), high) ^ Flip;
    const vu second = (vu)_mm512_permutex2var_epi16(low, load_bits<__m512i>(kIndex.second), high) ^ Flip;
    std::memcpy(to, &first, sizeof first);
    std::memcpy(to + kLanes, &second, sizeof second);
  }
};
using ReaderInt8A = ReaderInt8<0>;
using ReaderInt8B = ReaderInt8<0x80808080u>;
#else
constexpr int32_t kInt8Offset = 0;

struct MulInt8 {
  using Unit = uint32_t;
  using Acc = int32_t;
  using Vector = vi;
  static constexpr int kPer = 2;
  static constexpr int kWide = kLanes;
  static vi operand(const Unit* b) { return load_bits<vi>(b); }
  static vi spread(const Unit* a) { return static_cast<int32_t>(*a) | vi{}; }
  static Vector add(Vector acc, vi a, vi b) {
#if defined(__AVX2__)
    return acc + (vi)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
    return acc + (vi)_mm_madd_epi16((__m128i)a, (__m128i)b);
#else
    return acc + ((a << 16) >> 16) * ((b << 16) >> 16) + (a >> 16) * (b >> 16);
#endif
  }
};

struct ReaderInt8A {
  using Unit = uint32_t;
  using Vector = vu;
  static uint32_t half(int8_t x) { return static_cast<uint16_t>(static_cast<int16_t>(x)); }
  static uint32_t one(const int8_t* p, int64_t k_stride, int64_t valid) {
    return half(p[0]) | (valid > 1 ? half(p[k_stride]) << 16 : 0);
  }
  static Vector along_k(const int8_t* p) {
    typedef int8_t bytes __attribute__((vector_size(2 * kLanes)));
    typedef int16_t halves __attribute__((vector_size(4 * kLanes)));
    return (vu)__builtin_convertvector(load_bits<bytes>(p), halves);
  }
  static Vector across(const int8_t* p, int64_t k_stride) {
    const auto wide = [&](int i) { return (vu)__builtin_convertvector(load_bits<vb>(p + i * k_stride), vi); };
    return (wide(0) & 0xffffu) | wide(1) << 16;
  }
};
using ReaderInt8B = ReaderInt8A;
#endif

// C = (sums - offset of the row) * row scale * column scale, or the sums themselves.
template <class O>
struct ScaleRows {
  static constexpr bool kBuffered = true;
  static constexpr const int32_t* bias = nullptr;
  const int32_t* offset;
  const float *row_scale, *column_scale;
  int64_t n;

  void prefetch(int64_t, int64_t) const {}
  void finish(const int32_t* from, O* to, int64_t at, int64_t count, int64_t row) const {
    // Wraps as the sums did: only the true value must fit.
    const uint32_t minus = offset ? static_cast<uint32_t>(offset[row]) : 0;
    const float* const columns = column_scale + (at - row * n);
    int64_t j = 0;
    for (; j + kLanes <= count; j += kLanes) {
      const vi sums = (vi)(load_bits<vu>(from + j) - minus);
      if constexpr (std::is_same_v<O, float>) store(to + j, __builtin_convertvector(sums, vf) * row_scale[row] * load(columns + j));
      else std::memcpy(to + j, &sums, sizeof sums);
    }
    for (; j < count; ++j) {
      const int32_t sum = static_cast<int32_t>(static_cast<uint32_t>(from[j]) - minus);
      if constexpr (std::is_same_v<O, float>) to[j] = static_cast<float>(sum) * row_scale[row] * columns[j];
      else to[j] = sum;
    }
  }
};

}  // namespace ik
