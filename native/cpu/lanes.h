// Vectors of elements that lie a step apart, some of them outside memory that may be read: what a row of a
// convolution, cut at the borders of the image, looks like.
#pragma once
#include "cpu/gemm_kernel.h"

namespace ik {

// The lanes [first, last) as bits.
inline uint32_t lane_bits(int64_t first, int64_t last) {
  if (first >= last) return 0;
  return static_cast<uint32_t>(((uint64_t{1} << last) - 1) & ~((uint64_t{1} << first) - 1));
}
template <class V>
constexpr uint32_t kAllLanes = static_cast<uint32_t>((uint64_t{1} << (sizeof(V) / sizeof(V{}[0]))) - 1);

#if defined(__AVX512F__)
inline vi steps(int64_t step) {
  return vi{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15} * static_cast<int32_t>(step);
}
#elif defined(__AVX2__)
inline vi steps(int64_t step) { return vi{0, 1, 2, 3, 4, 5, 6, 7} * static_cast<int32_t>(step); }
inline vi lane_mask(uint32_t bits) {
  const vi each = {1, 2, 4, 8, 16, 32, 64, 128};
  return (each & static_cast<int32_t>(bits)) != 0;
}
#endif

// Lane l is p[l * step] where its bit is set and 0 elsewhere, where memory is not touched.
template <class V, class T>
inline V load_lanes(const T* p, uint32_t bits, int64_t step) {
  if (step == 1 && bits == kAllLanes<V>) {
    if constexpr (std::is_same_v<T, double>) return load_bits<V>(p);
    else return load(p);
  }
#if defined(__AVX512F__)
  if constexpr (std::is_same_v<T, float>) {
    if (step == 1) return (vf)_mm512_maskz_loadu_ps(static_cast<__mmask16>(bits), p);
    return (vf)_mm512_mask_i32gather_ps((__m512)vf{}, static_cast<__mmask16>(bits), (__m512i)steps(step), p, 4);
  }
#elif defined(__AVX2__)
  if constexpr (std::is_same_v<T, float>) {
    const vi mask = lane_mask(bits);
    if (step == 1) return (vf)_mm256_maskload_ps(p, (__m256i)mask);
    return (vf)_mm256_mask_i32gather_ps((__m256)vf{}, p, (__m256i)steps(step), (__m256)mask, 4);
  }
#endif
  V v{};
  for (uint32_t left = bits; left != 0; left &= left - 1) {
    const int l = __builtin_ctz(left);
    if constexpr (std::is_same_v<T, double>) v[l] = p[l * step];
    else v[l] = to_float(p[l * step]);
  }
  return v;
}

// Writes the first n lanes, a step apart.
template <class V, class T>
inline void store_lanes(T* p, V v, int64_t n, int64_t step) {
  if constexpr (!std::is_same_v<T, double>) {
    if (step == 1 && n == kLanes) return store(p, v);
#if defined(__AVX512F__)
    if constexpr (std::is_same_v<T, float>)
      if (step == 1) return _mm512_mask_storeu_ps(p, static_cast<__mmask16>(lane_bits(0, n)), (__m512)v);
#elif defined(__AVX2__)
    if constexpr (std::is_same_v<T, float>)
      if (step == 1) return _mm256_maskstore_ps(p, (__m256i)lane_mask(lane_bits(0, n)), (__m256)v);
#endif
    if (step == 1) {
      T lanes[kLanes];
      store(lanes, v);
      std::memcpy(p, lanes, static_cast<size_t>(n) * sizeof(T));
      return;
    }
  }
  for (int64_t l = 0; l < n; ++l) {
    if constexpr (std::is_same_v<T, double>) p[l * step] = v[l];
    else from_float(v[l], p[l * step]);
  }
}

}  // namespace ik
