// The sum of exponentials of a row, in one pass over memory.
#pragma once
#include "inkstone/status.h"
#include "inkstone/view.h"
#include "reduce.h"

namespace ik {

// sum of exp(x - max) over a row; `plain` is the sum of x itself, when asked for.
template <class T>
struct ExpSum {
  scalar<T> max = -std::numeric_limits<scalar<T>>::infinity();
  double sum = 0.0;
  double plain = 0.0;
};

// Online (Milakov and Gimelshein 2018), a piece at a time: the piece's maximum, the old sum rescaled to it if it is
// larger, then the exponentials, the second pass over the piece coming from the first-level cache.
template <class T, bool kPlain = false>
inline ExpSum<T> sum_of_exp(const T* x, int64_t n) {
  using V = compute<T>;
  constexpr scalar<T> infinity = std::numeric_limits<scalar<T>>::infinity();
  ExpSum<T> s;
  for (int64_t i = 0; i < n; i += kPiece) {
    const T* piece = x + i;
    const int64_t length = std::min(kPiece, n - i);
    // A NaN need not be the maximum: it makes the sum one.
    const scalar<T> top = extreme_of(piece, length, -infinity, LargestNumber{});
    if (top > s.max) {
      s.sum *= std::exp(static_cast<double>(s.max) - static_cast<double>(top));
      s.max = top;
    }
    // Nothing but -infinity so far: any finite shift leaves zeros, where max itself would make NaNs.
    const V shift = splat_as<V>(s.max == -infinity ? 0 : s.max);
    s.sum += sum_over<T>(length, [&](int64_t k, auto get) { return exp_below(get(piece + k) - shift); }, -infinity);
    if constexpr (kPlain) s.plain += sum_over<T>(length, [&](int64_t k, auto get) { return get(piece + k); });
  }
  return s;
}

// ---- a view of [n, C] rows ----
template <class T>
struct Rows {
  T* data;
  int64_t stride;
  T* operator[](int64_t row) const { return data + row * stride; }
};
template <class T>
inline Rows<T> rows_of(const ik_view& v) {
  return {static_cast<T*>(v.data), v.stride[0]};
}

// The dtype of per-row statistics: f32, or f64 for f64.
inline int32_t statistics_dtype(int32_t dtype) { return dtype == IK_F64 ? IK_F64 : IK_F32; }

// Calls body(T{}) for the floating dtypes; body returns a status.
template <class Body>
inline int32_t for_float_dtype(int32_t dtype, Body&& body) {
  switch (dtype) {
    case IK_F32: return body(float{});
    case IK_F64: return body(double{});
    case IK_BF16: return body(bf16{});
    case IK_F16: return body(f16{});
  }
  return IK_UNSUPPORTED;
}

}  // namespace ik
