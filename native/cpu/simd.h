// The vector of this build's width, over GCC/Clang vector extensions, so one source serves SSE, AVX2, AVX-512 and
// NEON. Arithmetic is the built-in operators; a * b + c contracts to a fused multiply-add (-ffp-contract=fast).
#pragma once
#include <cstdint>
#include <cstring>
#include <utility>

#include "inkstone/view.h"
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace ik {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif
constexpr int kLanes = kVectorBytes / 4;

typedef float vf __attribute__((vector_size(kVectorBytes)));     // kLanes floats
typedef int32_t vi __attribute__((vector_size(kVectorBytes)));   // kLanes int32, also the result of comparing vf
typedef uint32_t vu __attribute__((vector_size(kVectorBytes)));
typedef uint16_t vh __attribute__((vector_size(kVectorBytes / 2)));  // kLanes halves

// The compiler's half-precision type, for conversions alone: GCC knows _Float16 in C++ on ARM only from version 13.
#if defined(__aarch64__)
typedef __fp16 half;
#else
typedef _Float16 half;
#endif

// Storage-only types: what lies in memory, never what is computed in.
struct bf16 {
  uint16_t bits;
};
struct f16 {
  uint16_t bits;
};

inline float bits_to_float(uint32_t bits) {
  float f;
  std::memcpy(&f, &bits, 4);
  return f;
}
inline uint32_t float_to_bits(float f) {
  uint32_t bits;
  std::memcpy(&bits, &f, 4);
  return bits;
}

inline float to_float(float x) { return x; }
inline float to_float(bf16 x) { return bits_to_float(static_cast<uint32_t>(x.bits) << 16); }
inline float to_float(f16 x) {
  half h;
  std::memcpy(&h, &x.bits, 2);
  return static_cast<float>(h);
}

// Rounds to nearest even; a NaN stays a (quiet) NaN.
inline void from_float(float x, float& out) { out = x; }
inline void from_float(float x, bf16& out) {
  const uint32_t bits = float_to_bits(x);
  out.bits = x != x ? static_cast<uint16_t>((bits >> 16) | 0x40)
                    : static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}
inline void from_float(float x, f16& out) {
  const half h = static_cast<half>(x);
  std::memcpy(&out.bits, &h, 2);
}

template <class V>
inline V load_bits(const void* p) {
  V v;
  std::memcpy(&v, p, sizeof(V));
  return v;
}

inline vf splat(float x) { return vf{} + x; }
// Lane-wise mask ? a : b, for a mask made by comparing two vf.
inline vf select(vi mask, vf a, vf b) { return mask ? a : b; }
inline vf max(vf a, vf b) { return a > b ? a : b; }
inline vf min(vf a, vf b) { return a < b ? a : b; }

// ---- loads and stores of kLanes elements at any alignment ----
inline vf load(const float* p) { return load_bits<vf>(p); }
inline vf load(const bf16* p) {
  const vh h = load_bits<vh>(p);
  return (vf)(__builtin_convertvector(h, vu) << 16);
}
// Conversions of halves by instruction where there is one: GCC 12 makes sixteen scalar ones of a vector conversion.
inline vf load(const f16* p) {
#if defined(__AVX512F__)
  return (vf)_mm512_maskz_cvtph_ps(0xffff, load_bits<__m256i>(p));
#elif defined(__F16C__)
  return (vf)_mm256_cvtph_ps(load_bits<__m128i>(p));
#elif defined(__aarch64__)
  return (vf)vcvt_f32_f16(load_bits<float16x4_t>(p));
#else
  typedef half v16 __attribute__((vector_size(kVectorBytes / 2)));
  return __builtin_convertvector(load_bits<v16>(p), vf);
#endif
}
inline void store(float* p, vf v) { std::memcpy(p, &v, sizeof v); }
inline void store(bf16* p, vf v) {
  const vu bits = (vu)v;
  const vu rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  const vu quiet = (bits >> 16) | 0x40;
  const vh h = __builtin_convertvector((vu)((v != v) ? (vi)quiet : (vi)rounded), vh);
  std::memcpy(p, &h, sizeof h);
}
inline void store(f16* p, vf v) {
#if defined(__AVX512F__)
  const __m256i h = _mm512_maskz_cvtps_ph(0xffff, (__m512)v, _MM_FROUND_TO_NEAREST_INT);
#elif defined(__F16C__)
  const __m128i h = _mm256_cvtps_ph((__m256)v, _MM_FROUND_TO_NEAREST_INT);
#elif defined(__aarch64__)
  const float16x4_t h = vcvt_f16_f32((float32x4_t)v);
#else
  typedef half v16 __attribute__((vector_size(kVectorBytes / 2)));
  const v16 h = __builtin_convertvector(v, v16);
#endif
  std::memcpy(p, &h, sizeof h);
}

// ---- the first n < kLanes elements; the other lanes read as `pad` and are not written ----
template <class T>
inline vf load_n(const T* p, int64_t n, float pad = 0.0f) {
  vf v = splat(pad);
  for (int64_t i = 0; i < n; ++i) v[i] = to_float(p[i]);
  return v;
}
template <class T>
inline void store_n(T* p, vf v, int64_t n) {
  for (int64_t i = 0; i < n; ++i) from_float(v[i], p[i]);
}

// Lane i becomes lane i ^ kFlip: halves, quarters ... swapped, without leaving the registers.
template <int kFlip, int... kLane>
inline vf swap_lanes(vf v, std::integer_sequence<int, kLane...>) {
  return __builtin_shufflevector(v, v, (kLane ^ kFlip)...);
}
template <int kFlip>
inline vf swap_lanes(vf v) {
  return swap_lanes<kFlip>(v, std::make_integer_sequence<int, kLanes>{});
}
inline float sum(vf v) {
  // Halves are added pairwise: fewer roundings than left to right, and the same order on every run.
  if constexpr (kLanes >= 16) v += swap_lanes<8>(v);
  if constexpr (kLanes >= 8) v += swap_lanes<4>(v);
  v += swap_lanes<2>(v);
  v += swap_lanes<1>(v);
  return v[0];
}

}  // namespace ik
