// Reductions of dense runs: several vector accumulators, so that additions neither wait for each other nor pile up
// one behind the other.
#pragma once
#include <algorithm>

#include "math.h"

namespace ik {

constexpr int kAccumulators = 4;

// The sum over i of term(i, load), `load` being the right one for elements i and on. Lanes beyond n read as `pad`,
// whose term must be 0.
template <class T, class Term>
inline scalar<T> sum_over(int64_t n, Term&& term, scalar<T> pad = 0) {
  using V = compute<T>;
  constexpr int64_t w = kWidth<T>;
  const auto whole = [](const auto* p) { return load(p); };
  V acc[kAccumulators] = {};
  int64_t i = 0;
  for (; i + kAccumulators * w <= n; i += kAccumulators * w)
    for (int k = 0; k < kAccumulators; ++k) acc[k] += term(i + k * w, whole);
  for (; i + w <= n; i += w) acc[0] += term(i, whole);
  if constexpr (w > 1)
    if (const int64_t left = n - i; left > 0)
      acc[1] += term(i, [=](const auto* p) { return load_part(p, left, pad); });
  return sum((acc[0] + acc[1]) + (acc[2] + acc[3]));
}

// The same over any length: pieces of kPiece elements, added in double.
constexpr int64_t kPiece = 2048;
template <class T, class Term>
inline double total_over(int64_t n, Term&& term, scalar<T> pad = 0) {
  double total = 0.0;
  for (int64_t i = 0; i < n; i += kPiece)
    total += sum_over<T>(std::min(kPiece, n - i), [&](int64_t k, auto get) { return term(i + k, get); }, pad);
  return total;
}

// The larger or the smaller of two, a NaN if either is one; for vf, float, double and integers alike.
struct Largest {
  template <class V>
  V operator()(V a, V b) const {
    return select((a > b) | (a != a), a, b);
  }
};
struct LargestNumber {  // passing over NaNs, at less than half the cost
  template <class V>
  V operator()(V a, V b) const {
    return at_least(b, a);
  }
};
struct Smallest {
  template <class V>
  V operator()(V a, V b) const {
    return select((a < b) | (a != a), a, b);
  }
};

// The extreme of n elements, `identity` for none.
template <class T, class Pick>
inline scalar<T> extreme_of(const T* x, int64_t n, scalar<T> identity, Pick pick) {
  using V = compute<T>;
  constexpr int64_t w = kWidth<T>;
  V acc[kAccumulators];
  for (auto& a : acc) a = splat_as<V>(identity);
  int64_t i = 0;
  for (; i + kAccumulators * w <= n; i += kAccumulators * w)
    for (int k = 0; k < kAccumulators; ++k) acc[k] = pick(acc[k], load(x + i + k * w));
  for (; i + w <= n; i += w) acc[0] = pick(acc[0], load(x + i));
  if constexpr (w > 1)
    if (i < n) acc[1] = pick(acc[1], load_part(x + i, n - i, identity));
  const V all = pick(pick(acc[0], acc[1]), pick(acc[2], acc[3]));
  if constexpr (w == 1) {
    return all;
  } else {
    scalar<T> result = all[0];
    for (int k = 1; k < kLanes; ++k) result = pick(result, static_cast<float>(all[k]));
    return result;
  }
}

}  // namespace ik
