// The elementwise formulas, one functor each, named as in ops.def. V is a vector of floats, float, double or, where
// the functor derives from `arithmetic`, int32_t and uint8_t. Include the device's math first (cpu/math.h): it gives
// constant<V>, select and the elementary functions for each V in namespace ik.
#pragma once
#include <cstdint>
#include <type_traits>

#ifndef IK_FN
// Without a call, so that the constants stay in registers and neighbouring vectors overlap.
#define IK_FN [[gnu::always_inline]] inline
#endif

namespace ik::functor {

// For floats alone, or for integers too.
struct real {
  static constexpr bool integers = false;
};
struct arithmetic {
  static constexpr bool integers = true;
};

// Signed integers wrap, which C++ promises only of unsigned ones.
template <class V>
IK_FN auto wrapping(V x) {
  if constexpr (std::is_integral_v<V>) return static_cast<std::make_unsigned_t<V>>(x);
  else return x;
}

// ---- one input ----
struct neg : arithmetic {
  template <class V>
  IK_FN V operator()(V x) const {
    if constexpr (std::is_integral_v<V>) return static_cast<V>(0u - static_cast<uint32_t>(x));
    else return -x;
  }
};
struct abs : arithmetic {
  template <class V>
  IK_FN V operator()(V x) const { return ik::abs(x); }
};
struct sign : real {  // of a zero that zero, of a NaN a NaN
  template <class V>
  IK_FN V operator()(V x) const {
    return select(x > constant<V>(0), constant<V>(1), select(x < constant<V>(0), constant<V>(-1), x));
  }
};
struct exp : real {
  template <class V>
  IK_FN V operator()(V x) const { return ik::exp(x); }
};
struct log : real {
  template <class V>
  IK_FN V operator()(V x) const { return ik::log(x); }
};
struct sqrt : real {
  template <class V>
  IK_FN V operator()(V x) const { return ik::sqrt(x); }
};
struct rsqrt : real {
  template <class V>
  IK_FN V operator()(V x) const { return constant<V>(1) / ik::sqrt(x); }
};
struct reciprocal : real {
  template <class V>
  IK_FN V operator()(V x) const { return constant<V>(1) / x; }
};
struct sin : real {
  template <class V>
  IK_FN V operator()(V x) const { return ik::sin(x); }
};
struct cos : real {
  template <class V>
  IK_FN V operator()(V x) const { return ik::cos(x); }
};
struct tanh : real {
  template <class V>
  IK_FN V operator()(V x) const { return ik::tanh(x); }
};
struct sigmoid : real {
  template <class V>
  IK_FN V operator()(V x) const { return ik::sigmoid(x); }
};
struct relu : real {  // a NaN stays one
  template <class V>
  IK_FN V operator()(V x) const { return select(x < constant<V>(0), constant<V>(0), x); }
};
struct erf : real {
  template <class V>
  IK_FN V operator()(V x) const { return ik::erf(x); }
};
// x Phi(x) (Hendrycks and Gimpel 2016)
struct gelu : real {
  template <class V>
  IK_FN V operator()(V x) const { return x * normal_cdf(x, exp_below(constant<V>(-0.5) * x * x)); }
};
// Its approximation x (1 + tanh u) / 2 = x sigmoid(2 u), u = sqrt(2/pi) (x + 0.044715 x^3).
struct gelu_tanh : real {
  template <class V>
  IK_FN V operator()(V x) const {
    return x * ik::sigmoid(x * (constant<V>(1.5957691216057308) + constant<V>(0.07135481627260025) * x * x));
  }
};
struct silu : real {
  template <class V>
  IK_FN V operator()(V x) const { return x * ik::sigmoid(x); }
};
struct floor : real {
  template <class V>
  IK_FN V operator()(V x) const { return ik::floor(x); }
};
struct ceil : real {
  template <class V>
  IK_FN V operator()(V x) const { return ik::ceil(x); }
};
struct round : real {
  template <class V>
  IK_FN V operator()(V x) const { return ik::round(x); }
};

// ---- two inputs ----
struct add : arithmetic {
  template <class V>
  IK_FN V operator()(V a, V b) const { return static_cast<V>(wrapping(a) + wrapping(b)); }
};
struct sub : arithmetic {
  template <class V>
  IK_FN V operator()(V a, V b) const { return static_cast<V>(wrapping(a) - wrapping(b)); }
};
struct mul : arithmetic {
  template <class V>
  IK_FN V operator()(V a, V b) const { return static_cast<V>(wrapping(a) * wrapping(b)); }
};
struct div : arithmetic {  // integers truncate toward zero, and n / 0 is 0
  template <class V>
  IK_FN V operator()(V a, V b) const {
    if constexpr (std::is_integral_v<V>) return b == 0 ? 0 : b == static_cast<V>(-1) && b < 0 ? neg{}(a) : a / b;
    else return a / b;
  }
};
struct pow : real {
  template <class V>
  IK_FN V operator()(V a, V b) const { return ik::pow(a, b); }
};
struct maximum : arithmetic {  // NaN if either is
  template <class V>
  IK_FN V operator()(V a, V b) const { return select((a > b) | (a != a), a, b); }
};
struct minimum : arithmetic {
  template <class V>
  IK_FN V operator()(V a, V b) const { return select((a < b) | (a != a), a, b); }
};
// dy (Phi(x) + x phi(x))
struct gelu_grad : real {
  template <class V>
  IK_FN V operator()(V x, V dy) const {
    const V e = exp_below(constant<V>(-0.5) * x * x);
    return dy * (normal_cdf(x, e) + constant<V>(0.39894228040143268) * x * e);
  }
};
// dy (s(v) + x s'(v) v'(x)), s = sigmoid, v = 2 u of gelu_tanh
struct gelu_tanh_grad : real {
  template <class V>
  IK_FN V operator()(V x, V dy) const {
    const V square = x * x;
    const auto s = sigmoid_with_slope(x * (constant<V>(1.5957691216057308) + constant<V>(0.07135481627260025) * square));
    return dy * (s.value + x * s.slope * (constant<V>(1.5957691216057308) + constant<V>(0.21406444881780074) * square));
  }
};
// dy (s(x) + x s'(x)), s = sigmoid
struct silu_grad : real {
  template <class V>
  IK_FN V operator()(V x, V dy) const {
    const auto s = sigmoid_with_slope(x);
    return dy * (s.value + x * s.slope);
  }
};

// silu(gate) up (Shazeer 2020)
struct swiglu : real {
  template <class V>
  IK_FN V operator()(V gate, V up) const { return silu{}(gate) * up; }
};

// ---- comparisons: a mask, which is false for a NaN except in ne ----
struct eq {
  template <class V>
  IK_FN auto operator()(V a, V b) const { return a == b; }
};
struct ne {
  template <class V>
  IK_FN auto operator()(V a, V b) const { return a != b; }
};
struct lt {
  template <class V>
  IK_FN auto operator()(V a, V b) const { return a < b; }
};
struct le {
  template <class V>
  IK_FN auto operator()(V a, V b) const { return a <= b; }
};
struct gt {
  template <class V>
  IK_FN auto operator()(V a, V b) const { return a > b; }
};
struct ge {
  template <class V>
  IK_FN auto operator()(V a, V b) const { return a >= b; }
};

}  // namespace ik::functor
