// The register-blocked inner product every matrix kernel is built on: kRows x kCols of C held in registers while k
// runs. After "Anatomy of High-Performance Matrix Multiplication" (Goto, van de Geijn, 2008) and BLIS.
#pragma once
#include <array>
#include <utility>

#include "cpu/simd.h"

#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

namespace ik {

typedef double vd __attribute__((vector_size(kVectorBytes)));

// 32 vector registers hold 14 x 2 accumulators, two columns of B and a broadcast; 16 hold 6 x 2.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kRows = 14;
#else
constexpr int kRows = 6;
#endif
// Packed A keeps kRowStep units per k, so that its transposing packer may store whole vectors.
constexpr int kRowStep = kRows == 14 ? 16 : 8;
// A sum over k is cut into runs of this many units, each summed from zero: the rounding error of a long product
// grows with the run and the number of runs, not with their product.
constexpr int64_t kRun = 512;

constexpr int64_t kAhead = 24;  // k's between the prefetch of A and its use

// x - 0 is x for every x (-0 and NaN too), so the compiler turns this into one broadcast.
inline vf broadcast(float x) { return x - vf{}; }
inline vd broadcast(double x) { return x - vd{}; }

// An element type says what a packed unit is, how it multiplies and what it accumulates in.
struct MulF32 {
  using Unit = float;
  using Acc = float;
  using Vector = vf;  // of accumulators
  static constexpr int kPer = 1;  // k per unit
  static constexpr int kWide = kLanes;
  static Vector operand(const Unit* b) { return load_bits<vf>(b); }
  static Vector spread(const Unit* a) { return broadcast(*a); }
  static Vector add(Vector acc, Vector a, Vector b) { return acc + a * b; }
};
struct MulF64 {
  using Unit = double;
  using Acc = double;
  using Vector = vd;
  static constexpr int kPer = 1;
  static constexpr int kWide = kVectorBytes / 8;
  static Vector operand(const Unit* b) { return load_bits<vd>(b); }
  static Vector spread(const Unit* a) { return broadcast(*a); }
  static Vector add(Vector acc, Vector a, Vector b) { return acc + a * b; }
};
#if defined(__AVX512BF16__)
// A unit is a pair of bf16, k in the low half and k + 1 in the high half.
struct MulBf16 {
  using Unit = uint32_t;
  using Acc = float;
  using Vector = vf;
  static constexpr int kPer = 2;
  static constexpr int kWide = kLanes;
  static vu operand(const Unit* b) { return load_bits<vu>(b); }
  static vu spread(const Unit* a) { return *a | vu{}; }
  static Vector add(Vector acc, vu a, vu b) {
    return (vf)_mm512_dpbf16_ps((__m512)acc, (__m512bh)a, (__m512bh)b);
  }
};
#endif

template <class E>
constexpr int kCols = 2 * E::kWide;

template <class Acc>
struct vector_of;
template <>
struct vector_of<float> {
  using type = vf;
};
template <>
struct vector_of<double> {
  using type = vd;
};

// c[r][0 .. kCols) = add[r][..] + sum over k of a[k * a_step + r * RowStride] * b[k * kCols + ..], for R rows.
// `add` may be null (zero), c itself (accumulate) or a row read for all (add_ld = 0: a bias).
template <class E, int R, int RowStride>
void micro_kernel(int64_t k, const typename E::Unit* a, int64_t a_step, const typename E::Unit* b, typename E::Acc* c,
                  int64_t ldc, const typename E::Acc* add, int64_t add_ld) {
  using V = typename E::Vector;
  constexpr int W = E::kWide;
  V acc[R][2];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) acc[r][0] = acc[r][1] = V{};
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    __builtin_prefetch(c + r * ldc, 1);
    __builtin_prefetch(c + r * ldc + W, 1);
  }
  for (int64_t p = 0; p < k; ++p) {
    // A streams from the outer caches; B comes round from L2, where the hardware follows by itself.
    __builtin_prefetch(a + kAhead * a_step);
    const auto b0 = E::operand(b), b1 = E::operand(b + W);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const auto x = E::spread(a + r * RowStride);
      acc[r][0] = E::add(acc[r][0], x, b0);
      acc[r][1] = E::add(acc[r][1], x, b1);
    }
    a += a_step;
    b += 2 * W;
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    V x = acc[r][0], y = acc[r][1];
    if (add) {
      x += load_bits<V>(add + r * add_ld);
      y += load_bits<V>(add + r * add_ld + W);
    }
    std::memcpy(c + r * ldc, &x, sizeof x);
    std::memcpy(c + r * ldc + W, &y, sizeof y);
  }
}

template <class E>
using MicroKernel = void (*)(int64_t, const typename E::Unit*, int64_t, const typename E::Unit*, typename E::Acc*, int64_t,
                             const typename E::Acc*, int64_t);

// The kernel for each number of rows, 1 .. kRows (entry 0 is unused).
template <class E, int RowStride>
inline constexpr auto kMicroKernels = []<int... R>(std::integer_sequence<int, R...>) {
  return std::array<MicroKernel<E>, kRows + 1>{nullptr, micro_kernel<E, R + 1, RowStride>...};
}(std::make_integer_sequence<int, kRows>{});

}  // namespace ik
