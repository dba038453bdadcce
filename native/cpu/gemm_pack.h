// Packing: any strided slice of a matrix to panels in the order the micro kernel reads, converted on the way.
// A panel is `width` rows of A (or columns of B), stored [k][step] with zeros where the matrix ends.
#pragma once
#include <algorithm>

#include "cpu/gemm_kernel.h"
#include "cpu/math.h"

namespace ik {

// ---- one unit, or a vector of units, from memory of type T, through an activation F -----------------------

struct Identity {
  template <class V>
  V operator()(V x) const { return x; }
};
// A functor of floats and doubles on a vector of doubles.
template <class F>
inline vd each_lane(F f, vd x) {
  if constexpr (!std::is_same_v<F, Identity>)
    for (size_t i = 0; i < sizeof x / 8; ++i) x[i] = f(double{x[i]});
  return x;
}
template <class F>
inline float activated(F f, float x) {
  if constexpr (std::is_same_v<F, Identity>) return x;
  else return f(splat(x))[0];
}

// To f32: widening, or when Round is set rounding through bf16.
template <class T, bool Round, class F = Identity>
struct ReaderF32 {
  using Unit = float;
  using Vector = vf;
  template <class G>
  using Through = ReaderF32<T, Round, G>;
  static vf round(vf v) {
    if constexpr (Round) {
      const vu bits = (vu)v;
      const vu even = (bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000u;
      return (v != v) ? v : (vf)even;
    } else {
      return v;
    }
  }
  static float one(const T* p, int64_t, int64_t) {
    float x = activated(F{}, to_float(*p));
    if constexpr (Round) {
      bf16 h;
      from_float(x, h);
      x = to_float(h);
    }
    return x;
  }
  static Vector along_k(const T* p) { return round(F{}(load(p))); }
  static Vector across(const T* p, int64_t) { return round(F{}(load(p))); }
};
template <class F = Identity>
struct ReaderF64 {
  using Unit = double;
  using Vector = vd;
  template <class G>
  using Through = ReaderF64<G>;
  static double one(const double* p, int64_t, int64_t) { return F{}(*p); }
  static Vector along_k(const double* p) { return each_lane(F{}, load_bits<vd>(p)); }
  static Vector across(const double* p, int64_t) { return each_lane(F{}, load_bits<vd>(p)); }
};
#if defined(__AVX512BF16__)
// To pairs of bf16.
template <class T, class F = Identity>
struct ReaderBf16 {
  using Unit = uint32_t;
  using Vector = vu;
  template <class G>
  using Through = ReaderBf16<T, G>;
  static constexpr bool kCopies = sizeof(T) == 2 && std::is_same_v<F, Identity>;
  static uint32_t bits(const T* p) {
    if constexpr (kCopies) {
      return p->bits;
    } else {
      bf16 h;
      from_float(activated(F{}, to_float(*p)), h);
      return h.bits;
    }
  }
  static uint32_t one(const T* p, int64_t k_stride, int64_t valid) {
    return bits(p) | (valid > 1 ? bits(p + k_stride) << 16 : 0);
  }
  static vu low_halves(const T* p) {
    if constexpr (kCopies) return __builtin_convertvector(load_bits<vh>(p), vu);
    else return __builtin_convertvector((vh)_mm512_cvtneps_pbh((__m512)F{}(load(p))), vu);
  }
  static Vector along_k(const T* p) {
    if constexpr (kCopies) return load_bits<vu>(p);
    else return (vu)_mm512_cvtne2ps_pbh((__m512)F{}(load(p + kLanes)), (__m512)F{}(load(p)));
  }
  static Vector across(const T* p, int64_t k_stride) { return low_halves(p) | (low_halves(p + k_stride) << 16); }
  // Units p .. p + 2 kLanes across.
  static void across_two(const T* p, int64_t k_stride, uint32_t* to) {
    __m512i even, odd;
    if constexpr (kCopies) {
      even = load_bits<__m512i>(p), odd = load_bits<__m512i>(p + k_stride);
    } else {
      even = (__m512i)along_k(p), odd = (__m512i)along_k(p + k_stride);
    }
    static constexpr auto kIndex = [] {
      struct { alignas(64) uint16_t first[32], second[32]; } t{};
      for (int i = 0; i < 32; ++i) t.first[i] = static_cast<uint16_t>(i / 2 + i % 2 * 32), t.second[i] = static_cast<uint16_t>(t.first[i] + 16);
      return t;
    }();
    _mm512_storeu_si512(to, _mm512_permutex2var_epi16(even, load_bits<__m512i>(kIndex.first), odd));
    _mm512_storeu_si512(to + kLanes, _mm512_permutex2var_epi16(even, load_bits<__m512i>(kIndex.second), odd));
  }
};
#endif

// ---- a square of vectors transposed in registers ------------------------------------------------------------

// log2(N) rounds; in each, rows i and i + h exchange the halves of their 2h-blocks.
template <class V, int N>
[[gnu::always_inline]] inline void transpose(V (&rows)[N]) {
  using Mask = std::conditional_t<N == kLanes, vi, decltype(V{} == V{})>;
#pragma GCC unroll 4
  for (int h = 1; h < N; h *= 2) {
    Mask low, high;
#pragma GCC unroll 16
    for (int i = 0; i < N; ++i) {
      low[i] = (i & h) ? N + i - h : i;
      high[i] = (i & h) ? N + i : i + h;
    }
#pragma GCC unroll 16
    for (int i = 0; i < N; ++i) {
      if (i & h) continue;
      const V x = rows[i], y = rows[i + h];
      rows[i] = __builtin_shuffle(x, y, low);
      rows[i + h] = __builtin_shuffle(x, y, high);
    }
  }
}

// ---- panels ---------------------------------------------------------------------------------------------------

// Rows of k between the prefetch of a row and its use: short pieces far apart, which the hardware does not follow.
constexpr int64_t kRowsAhead = 32;

// Packs `width` rows x `k` elements (k counted in matrix elements) with element (r, p) at src[r * row_stride +
// p * k_stride] to dst[(p / Per) * Step + r]. `readable` >= width rows lie in the matrix from src on: lanes from
// `width` to Step hold those or zero, and no kernel's result depends on them.
template <class R, int Per, int Step, class T>
void pack_panel(const T* src, int64_t row_stride, int64_t k_stride, int64_t width, int64_t readable, int64_t k,
                typename R::Unit* dst) {
  using Unit = typename R::Unit;
  using V = typename R::Vector;
  constexpr int L = sizeof(V) / sizeof(Unit);
  const int64_t units = (k + Per - 1) / Per, whole = k / Per;
  int64_t u = 0;
  if (k_stride == 1 && width > 0) {
    const int64_t full = std::min<int64_t>(readable, Step);
    for (; u + L <= whole; u += L) {
      for (int64_t r0 = 0; r0 < Step; r0 += L) {
        V rows[L];
        if (r0 + L <= full) {
#pragma GCC unroll 16
          for (int i = 0; i < L; ++i) {
            const T* const from = src + (r0 + i) * row_stride + u * Per;
            rows[i] = R::along_k(from);
            // More streams than the hardware's prefetcher follows.
            __builtin_prefetch(from + 4 * L * Per);
          }
        } else {
          for (int i = 0; i < L; ++i) rows[i] = r0 + i < width ? R::along_k(src + (r0 + i) * row_stride + u * Per) : V{};
        }
        transpose(rows);
#pragma GCC unroll 16
        for (int i = 0; i < L; ++i) std::memcpy(dst + (u + i) * Step + r0, &rows[i], sizeof(V));
      }
    }
  } else if (row_stride == 1) {
    if (readable >= Step) width = Step;
    const int64_t full = width / L * L;
    for (; u < whole; ++u) {
      const T* from = src + u * Per * k_stride;
      Unit* to = dst + u * Step;
      int64_t r = 0;
      if constexpr (requires { R::across_two(from, k_stride, to); })
        for (; r + 2 * L <= full; r += 2 * L) {
          R::across_two(from + r, k_stride, to + r);
          for (int p = 0; p < Per; ++p) __builtin_prefetch(from + r + (kRowsAhead + p) * k_stride);
        }
      for (; r < full; r += L) {
        const V v = R::across(from + r, k_stride);
        for (int p = 0; p < Per; ++p) __builtin_prefetch(from + r + (kRowsAhead + p) * k_stride);
        std::memcpy(to + r, &v, sizeof v);
      }
      for (; r < width; ++r) to[r] = R::one(from + r, k_stride, Per);
      for (; r < Step; ++r) to[r] = 0;
    }
  }
  for (; u < units; ++u) {
    const T* from = src + u * Per * k_stride;
    Unit* to = dst + u * Step;
    for (int64_t r = 0; r < Step; ++r) to[r] = r < width ? R::one(from + r * row_stride, k_stride, k - u * Per) : Unit{};
  }
}

}  // namespace ik
