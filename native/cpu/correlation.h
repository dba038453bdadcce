// What conv2d and its gradient with respect to the input both are, and lines of an image with the zeros around them.
#pragma once
#include "cpu/conv.h"

namespace ik {

// out[n, m, t, u] = bias[m] + sum over taps of weight[m, c, i, j] patch[(n, t, u), (c, i, j)], for `groups` groups.
template <class T>
struct Correlation {
  Patches patches;  // of the first group
  int64_t groups;
  const T* image;
  int64_t image_group;  // elements between groups, here and below
  int64_t m;
  const T* weight;
  int64_t weight_group, weight_m, weight_c;
  const int64_t* tap;  // where the weight of tap (i, j) lies
  const T* bias;       // of every m of every group, or null
  T* out;
  int64_t out_group, out_image, out_m, out_line, out_column;

  int64_t place(int64_t q) const {
    const int64_t u = q % patches.width, line = q / patches.width;
    return line / patches.height * out_image + line % patches.height * out_line + u * out_column;
  }
};

// The least and the greatest of n offsets; 0 and 0 where there are none.
struct Extent {
  int64_t first = 0, last = 0;
  Extent(const int64_t* offset, int64_t n) {
    if (n == 0) return;
    first = *std::min_element(offset, offset + n);
    last = *std::max_element(offset, offset + n);
  }
  int64_t size() const { return last - first; }
};

// to[k] = line[first + k], 0 outside [0, width), for k in [0, length), read by R: with units of two elements the second
// is `pair` elements on, or 0 where `valid` is 1. A null line is all zeros.
template <class R, class T>
void pad_line(const T* line, int64_t width, int64_t first, int64_t length, typename R::Unit* to, int64_t pair = 0, int64_t valid = 1) {
  using Unit = typename R::Unit;
  using V = typename R::Vector;
  constexpr int64_t L = sizeof(V) / sizeof(Unit);
  const int64_t begin = std::clamp<int64_t>(-first, 0, length);
  const int64_t end = line ? std::clamp<int64_t>(width - first, begin, length) : begin, n = end - begin;
  for (int64_t k = 0; k < begin; ++k) to[k] = Unit{};
  if (n > 0) {
    const T* const from = line + first + begin;
    Unit* const at = to + begin;
    const auto copy = [&](int64_t k) {
      const V v = R::across(from + k, pair);
      std::memcpy(at + k, &v, sizeof v);
    };
    if (n >= L && (pair == 0 || valid > 1)) {
      for (int64_t k = 0; k + L <= n; k += L) copy(k);
      copy(n - L);
    } else {
      for (int64_t k = 0; k < n; ++k) at[k] = R::one(from + k, pair, valid);
    }
  }
  for (int64_t k = end; k < length; ++k) to[k] = Unit{};
}

// The same for every `step`-th element, beginning with each of the first `step`: `step` lines of `length` each.
template <class R, class T>
void pad_line_apart(const T* line, int64_t width, int64_t first, int64_t step, int64_t length, typename R::Unit* to) {
  if (step == 1) return pad_line<R>(line, width, first, length, to);
  for (int64_t phase = 0; phase < step; ++phase)
    for (int64_t k = 0; k < length; ++k, ++to) {
      const int64_t at = first + k * step + phase;
      *to = line && at >= 0 && at < width ? R::one(line + at, 0, 1) : typename R::Unit{};
    }
}

}  // namespace ik
