// Weights of 8 or 4 bits in blocks of 32 along k: what a block's values are, for every format.
#pragma once
#include "cpu/simd.h"

namespace ik {

constexpr int kBlock = 32;                         // weights
constexpr int kBlockVectors = kBlock / kLanes;

enum QuantFormat : int64_t { kQ8_0, kQ4_0, kInt8, kInt4 };

struct Quantized {
  const uint8_t* data;
  int64_t row_bytes;
  const float* scales;      // [N, groups], or null
  const uint8_t* zeros;     // [N, groups], or null
  int64_t groups, group_blocks;
};

// The values of a block, kLanes a vector.
struct Values {
  vf v[kBlockVectors];
  vf& operator[](int i) { return v[i]; }
  const vf& operator[](int i) const { return v[i]; }
};

inline float scale_of_block(const uint8_t* block) {
  f16 d;
  std::memcpy(&d, block, 2);
  return to_float(d);
}

// kLanes bytes as floats.
inline vf from_bytes(const uint8_t* p, bool is_signed) {
#if defined(__AVX512F__)
  const __m128i bytes = load_bits<__m128i>(p);
  return (vf)_mm512_maskz_cvtepi32_ps(0xffff, is_signed ? _mm512_maskz_cvtepi8_epi32(0xffff, bytes) : _mm512_maskz_cvtepu8_epi32(0xffff, bytes));
#elif defined(__AVX2__)
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  return (vf)_mm256_cvtepi32_ps(is_signed ? _mm256_cvtepi8_epi32(bytes) : _mm256_cvtepu8_epi32(bytes));
#else
  vf v;
  for (int i = 0; i < kLanes; ++i) v[i] = is_signed ? static_cast<float>(static_cast<int8_t>(p[i])) : static_cast<float>(p[i]);
  return v;
#endif
}

// The values of 16 bytes: low nibbles first, then high ones. `values` maps a nibble to its weight.
struct Nibbles {
#if defined(__AVX512F__)
  vf table;
  Nibbles() = default;
  Nibbles(float scale, float zero) {
    const vf numbers = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    table = (numbers - zero) * scale;
  }
  void read(const uint8_t* p, Values& w) const {
    // VPERMPS looks at the low four bits of an index alone.
    const __m512i index = _mm512_maskz_cvtepu8_epi32(0xffff, load_bits<__m128i>(p));
    w[0] = (vf)_mm512_maskz_permutexvar_ps(0xffff, index, (__m512)table);
    w[1] = (vf)_mm512_maskz_permutexvar_ps(0xffff, _mm512_maskz_srli_epi32(0xffff, index, 4), (__m512)table);
  }
#else
  float scale, zero;
  Nibbles() = default;
  Nibbles(float scale, float zero) : scale(scale), zero(zero) {}
  void read(const uint8_t* p, Values& w) const {
    uint8_t nibbles[kBlock];
    for (int i = 0; i < kBlock / 2; ++i) nibbles[i] = p[i] & 15, nibbles[kBlock / 2 + i] = p[i] >> 4;
    for (int v = 0; v < kBlockVectors; ++v) w[v] = (from_bytes(nibbles + v * kLanes, false) - zero) * scale;
  }
#endif
};

// A format reads what a group of blocks shares once, then block after block. Slot i of a block holds weight order(i).
struct FormatQ8_0 {
  struct Group {};
  static constexpr int kBytes = 34;  // of a block
  static constexpr int order(int i) { return i; }
  static Group group(const Quantized&, int64_t, int64_t) { return {}; }
  static void block(const uint8_t* row, int64_t b, const Group&, Values& w) {
    const uint8_t* const p = row + b * kBytes;
    const vf scale = splat(scale_of_block(p));
#pragma GCC unroll 8
    for (int v = 0; v < kBlockVectors; ++v) w[v] = from_bytes(p + 2 + v * kLanes, true) * scale;
  }
};
struct FormatQ4_0 {
  struct Group {};
  static constexpr int kBytes = 18;
  static constexpr int order(int i) { return i; }
  static Group group(const Quantized&, int64_t, int64_t) { return {}; }
  static void block(const uint8_t* row, int64_t b, const Group&, Values& w) {
    const uint8_t* const p = row + b * kBytes;
    Nibbles(scale_of_block(p), 8).read(p + 2, w);
  }
};
struct FormatInt8 {
  static constexpr int kBytes = 32;
  struct Group {
    float scale, zero;
  };
  static constexpr int order(int i) { return i; }
  static Group group(const Quantized& q, int64_t j, int64_t g) {
    const int64_t at = j * q.groups + g;
    return {q.scales[at], q.zeros ? static_cast<float>(q.zeros[at]) : 128.0f};
  }
  static void block(const uint8_t* row, int64_t b, const Group& g, Values& w) {
#pragma GCC unroll 8
    for (int v = 0; v < kBlockVectors; ++v) w[v] = (from_bytes(row + b * kBytes + v * kLanes, false) - g.zero) * g.scale;
  }
};
struct FormatInt4 {
  static constexpr int kBytes = 16;
  using Group = Nibbles;
  // A byte holds neighbours, and low nibbles are read first.
  static constexpr int order(int i) { return i < kBlock / 2 ? 2 * i : 2 * (i - kBlock / 2) + 1; }
  static Group group(const Quantized& q, int64_t j, int64_t g) {
    const int64_t at = j * q.groups + g;
    return Nibbles(q.scales[at], q.zeros ? static_cast<float>(q.zeros[at]) : 8.0f);
  }
  static void block(const uint8_t* row, int64_t b, const Group& g, Values& w) {
    g.read(row + b * kBytes, w);
  }
};

template <class Body>
inline auto with_format(int64_t format, Body&& body) {
  switch (format) {
    case kQ8_0: return body(FormatQ8_0{});
    case kQ4_0: return body(FormatQ4_0{});
    case kInt8: return body(FormatInt8{});
    default: return body(FormatInt4{});
  }
}

inline int64_t bytes_of_row(int64_t format, int64_t k) {
  return with_format(format, [&]<class F>(F) { return k / kBlock * F::kBytes; });
}

// body(block number, its values) over blocks [b0, b1) of row j.
template <class F, class Body>
inline void for_blocks(const Quantized& q, int64_t j, int64_t b0, int64_t b1, Body&& body) {
  const uint8_t* const row = q.data + j * q.row_bytes;
  for (int64_t g = b0 / q.group_blocks; g * q.group_blocks < b1; ++g) {
    const auto shared = F::group(q, j, g);
    const int64_t first = g * q.group_blocks > b0 ? g * q.group_blocks : b0;
    const int64_t last = (g + 1) * q.group_blocks < b1 ? (g + 1) * q.group_blocks : b1;
    for (int64_t b = first; b < last; ++b) {
      Values w;
      F::block(row, b, shared, w);
      body(b, w);
    }
  }
}

// Blocks [b0, b1) of row j as floats in their natural order.
template <class F>
inline void dequantize_row(const Quantized& q, int64_t j, int64_t b0, int64_t b1, float* to) {
  for_blocks<F>(q, j, b0, b1, [&](int64_t b, const Values& w) {
    float* const out = to + (b - b0) * kBlock;
    if constexpr (F::order(1) == 1) {
      std::memcpy(out, w.v, sizeof w);
    } else {
      float slots[kBlock];
      std::memcpy(slots, w.v, sizeof w);
      for (int i = 0; i < kBlock; ++i) out[F::order(i)] = slots[i];
    }
  });
}

}  // namespace ik
