// What happens to a row of C while it is in the cache: kept as it is, activated, added to, multiplied with another
// matrix or with the slope of an activation.
#pragma once
#include <algorithm>
#include <type_traits>

#include "cpu/math.h"
#include "elementwise/functors.h"

namespace ik {

enum Activation : int64_t { kNoActivation, kRelu, kGelu, kGeluTanh, kSilu };

// What another matrix, laid out like C, does to a product.
enum Other : int64_t { kNoOther, kAdded, kSlopeAt, kFactor };

struct relu_grad {
  template <class V>
  V operator()(V x, V dy) const { return select(x > constant<V>(0), dy, constant<V>(0)); }
};

// body(functor, its gradient) for an activation; false where there is none.
template <class Body>
inline bool with_activation(int64_t activation, Body&& body) {
  switch (activation) {
    case kRelu: body(functor::relu{}, relu_grad{}); return true;
    case kGelu: body(functor::gelu{}, functor::gelu_grad{}); return true;
    case kGeluTanh: body(functor::gelu_tanh{}, functor::gelu_tanh_grad{}); return true;
    case kSilu: body(functor::silu{}, functor::silu_grad{}); return true;
    default: return false;
  }
}

// to[i] = from[i], rounded.
template <class Acc, class O>
inline void copy_row(const Acc* from, O* to, int64_t n) {
  if constexpr (std::is_same_v<O, Acc>) {
    std::copy_n(from, n, to);
  } else {
#if defined(__AVX512BF16__)
    if constexpr (std::is_same_v<O, bf16>) {
      for (; n >= 2 * kLanes; n -= 2 * kLanes, from += 2 * kLanes, to += 2 * kLanes) {
        const __m512 low = _mm512_loadu_ps(from), high = _mm512_loadu_ps(from + kLanes);
        // The instruction would make denormal numbers zero.
        constexpr int kDenormal = 0x20;
        if (_mm512_fpclass_ps_mask(low, kDenormal) | _mm512_fpclass_ps_mask(high, kDenormal)) [[unlikely]] {
          store(to, (vf)low);
          store(to + kLanes, (vf)high);
        } else {
          const __m512bh both = _mm512_cvtne2ps_pbh(high, low);
          std::memcpy(to, &both, sizeof both);
        }
      }
    }
#endif
    for_vectors<O>(n, [&](int64_t i, auto load, auto store) { store(to + i, load(from + i)); });
  }
}

template <class Acc, class O>
struct Epilogue {
  static constexpr bool kBuffered = false;  // see Gemm
  // n rounded up to whole panels, or null; added before anything else.
  const Acc* bias = nullptr;
  // Matrices laid out like C, or null: what a row is combined with, and where it is kept before its activation.
  const O* other = nullptr;
  O* before = nullptr;
  // to[i] from from[i] and other[i]; null leaves the rows as they are. from and to may be one.
  void (*row)(const Acc* from, const O* other, O* before, O* to, int64_t n) = nullptr;

  // What finish will read, asked for while the product is still being made: its rows lie too far apart for the hardware
  // to see them coming.
  void prefetch(int64_t at, int64_t n) const {
    if (!other) return;
    for (int64_t i = 0; i < n; i += kWidth<O>) __builtin_prefetch(other + at + i);
  }
  void finish(const Acc* from, O* to, int64_t at, int64_t n, int64_t = 0) const {
    if (row) row(from, other ? other + at : nullptr, before ? before + at : nullptr, to, n);
    else if (static_cast<const void*>(from) != to) copy_row(from, to, n);
  }
};

// to = f(from) + other
template <class Acc, class O, class F>
void activate_row(const Acc* from, const O* other, O* before, O* to, int64_t n) {
  for_vectors<O>(n, [&](int64_t i, auto load, auto store) {
    const auto x = load(from + i);
    if (before) store(before + i, x);
    const auto y = F{}(x);
    store(to + i, other ? y + load(other + i) : y);
  });
}

// to = f(from) * other
template <class Acc, class O, class F>
void gate_row(const Acc* from, const O* other, O* before, O* to, int64_t n) {
  for_vectors<O>(n, [&](int64_t i, auto load, auto store) {
    const auto x = load(from + i);
    if (before) store(before + i, x);
    store(to + i, F{}(x) * load(other + i));
  });
}

// to = g(other, from), g(x, dy) being the gradient of an activation
template <class Acc, class O, class G>
void slope_row(const Acc* from, const O* other, O*, O* to, int64_t n) {
  for_vectors<O>(n, [&](int64_t i, auto load, auto store) { store(to + i, G{}(load(other + i), load(from + i))); });
}

}  // namespace ik
