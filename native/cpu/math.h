// Elementary functions of a vector of floats, and the same names for double, so a formula is written once.
// Polynomials: tools/golden/fit_polynomials.py. Errors, in units in the last place over the whole float range, are
// measured by lab/elementwise.cpp: at most 2 for every function here.
#pragma once
#include <cmath>
#include <limits>
#include <type_traits>

#include "simd.h"
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace ik {

// What a stored type is computed in, and how many elements one such value holds.
template <class T>
using compute = std::conditional_t<std::is_same_v<T, float> || std::is_same_v<T, bf16> || std::is_same_v<T, f16>, vf, T>;
template <class T>
constexpr int64_t kWidth = std::is_same_v<compute<T>, vf> ? kLanes : 1;
// One element of that: float, or T itself.
template <class T>
using scalar = std::conditional_t<std::is_same_v<compute<T>, vf>, float, T>;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// ---- the vocabulary shared by vf, double and the integers ----
template <class V>
inline V constant(double x) {
  if constexpr (std::is_same_v<V, vf>) return splat(static_cast<float>(x));
  else return static_cast<V>(x);
}
template <class V>
inline V splat_as(scalar<V> x) {
  if constexpr (std::is_same_v<V, vf>) return splat(x);
  else return x;
}
template <class V>
  requires std::is_arithmetic_v<V>
inline V select(bool mask, V a, V b) {
  return mask ? a : b;
}
inline double max(double a, double b) { return a > b ? a : b; }
inline double min(double a, double b) { return a < b ? a : b; }
inline double sum(double x) { return x; }
// One stored element as its scalar<T>, and back, rounding once.
template <class T>
inline scalar<T> value_of(T x) {
  if constexpr (std::is_arithmetic_v<T>) return x;
  else return to_float(x);
}
template <class T>
inline void set_value(double value, T& out) {
  if constexpr (std::is_arithmetic_v<T>) out = static_cast<T>(value);
  else from_float(static_cast<float>(value), out);
}

// Loads and stores of one compute<T>; the float kinds are in simd.h.
template <class T>
  requires std::is_arithmetic_v<T>
inline T load(const T* p) {
  return *p;
}
template <class T>
  requires std::is_arithmetic_v<T>
inline void store(T* p, T v) {
  *p = v;
}
inline vi lane_numbers() {
  vi v;
  for (int i = 0; i < kLanes; ++i) v[i] = i;
  return v;
}
// The first n < kLanes elements through a small buffer, which is faster than lane by lane. The pad is not rounded to T.
template <class T>
inline vf load_part(const T* p, int64_t n, float pad = 0.0f) {
  T lanes[kLanes] = {};
  std::memcpy(lanes, p, static_cast<size_t>(n) * sizeof(T));
  return select(lane_numbers() < static_cast<int32_t>(n), load(lanes), splat(pad));
}
template <class T>
inline void store_part(T* p, vf v, int64_t n) {
  T lanes[kLanes];
  store(lanes, v);
  std::memcpy(p, lanes, static_cast<size_t>(n) * sizeof(T));
}
// Calls body(i, load, store) for whole vectors of [0, n), then once for the rest, whose other lanes read as `pad`.
// `load(p)` and `store(p, v)` are the right ones for that place.
template <class T, class Body>
inline void for_vectors(int64_t n, Body&& body, scalar<T> pad = 0) {
  int64_t i = 0;
  for (; i + kWidth<T> <= n; i += kWidth<T>)
    body(i, [](const auto* p) { return ik::load(p); }, [](auto* p, auto v) { ik::store(p, v); });
  if constexpr (kWidth<T> > 1)
    if (const int64_t left = n - i; left > 0)
      body(i, [=](const auto* p) { return load_part(p, left, pad); }, [=](auto* p, vf v) { store_part(p, v, left); });
}

// ---- exact functions ----
inline vf bits_and(vf a, uint32_t mask) { return (vf)((vu)a & mask); }
inline vf copy_sign(vf magnitude, vf sign) { return (vf)(((vu)magnitude & 0x7fffffffu) | ((vu)sign & 0x80000000u)); }
inline vf abs(vf x) { return bits_and(x, 0x7fffffffu); }
inline double abs(double x) { return std::fabs(x); }
inline int32_t abs(int32_t x) { return x < 0 ? static_cast<int32_t>(0u - static_cast<uint32_t>(x)) : x; }
inline uint8_t abs(uint8_t x) { return x; }

// The masked AVX-512 forms, with a full mask, because GCC 12 warns inside its header of the plain ones.
inline vf sqrt(vf x) {
#if defined(__AVX512F__)
  return (vf)_mm512_maskz_sqrt_ps(0xffff, (__m512)x);
#elif defined(__AVX2__)
  return (vf)_mm256_sqrt_ps((__m256)x);
#elif defined(__x86_64__)
  return (vf)_mm_sqrt_ps((__m128)x);
#elif defined(__aarch64__)
  return (vf)vsqrtq_f32((float32x4_t)x);
#else
  for (int i = 0; i < kLanes; ++i) x[i] = std::sqrt(x[i]);
  return x;
#endif
}
inline double sqrt(double x) { return std::sqrt(x); }

// Half to even: adding 2^23 leaves no bits for the fraction. Larger numbers are whole already.
inline vf round(vf x) {
  const vf magic = copy_sign(splat(8388608.0f), x);
  return select(abs(x) < 8388608.0f, copy_sign((x + magic) - magic, x), x);
}
inline vf floor(vf x) {
  const vf r = round(x);
  return select(r > x, copy_sign(r - 1.0f, x), r);
}
inline vf ceil(vf x) {
  const vf r = round(x);
  return select(r < x, copy_sign(r + 1.0f, x), r);
}
inline double round(double x) { return std::nearbyint(x); }
inline double floor(double x) { return std::floor(x); }
inline double ceil(double x) { return std::ceil(x); }

// The bound, or x where it lies within it: one instruction, and a NaN stays one.
inline vf at_most(vf bound, vf x) {
#if defined(__AVX512F__)
  return (vf)_mm512_maskz_min_ps(0xffff, (__m512)bound, (__m512)x);
#elif defined(__AVX2__)
  return (vf)_mm256_min_ps((__m256)bound, (__m256)x);
#elif defined(__x86_64__)
  return (vf)_mm_min_ps((__m128)bound, (__m128)x);
#else
  return bound < x ? bound : x;
#endif
}
inline vf at_least(vf bound, vf x) {
#if defined(__AVX512F__)
  return (vf)_mm512_maskz_max_ps(0xffff, (__m512)bound, (__m512)x);
#elif defined(__AVX2__)
  return (vf)_mm256_max_ps((__m256)bound, (__m256)x);
#elif defined(__x86_64__)
  return (vf)_mm_max_ps((__m128)bound, (__m128)x);
#else
  return bound > x ? bound : x;
#endif
}
inline double at_least(double bound, double x) { return bound > x ? bound : x; }

// ---- exp ----
// x * 2^n for n in [-252, 254], rounding once when the result is denormal.
inline vf scale_by_power(vf x, vf n) {
#if defined(__AVX512F__)
  return (vf)_mm512_maskz_scalef_ps(0xffff, (__m512)x, (__m512)n);
#else
  const vi whole = __builtin_convertvector(n, vi);
  const vi half = whole >> 1;
  return x * (vf)((half + 127) << 23) * (vf)((whole - half + 127) << 23);
#endif
}
// exp of what is at most 89 or a NaN: all that a softmax needs.
[[gnu::always_inline]] inline vf exp_below(vf x) {
  x = at_least(splat(-104.0f), x);  // below that all is 0
  const vf magic = splat(12582912.0f);  // 1.5 * 2^23: adding it rounds to a whole number
  const vf n = (x * 1.44269504f + magic) - magic;
  // ln 2 in two parts; the first has 9 trailing zero bits, so n times it is exact without a fused multiply-add.
  const vf r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  vf q = splat(0.00138143206f);
  q = q * r + 0.00836885069f;
  q = q * r + 0.0416684002f;
  q = q * r + 0.166665196f;
  q = q * r + 0.49999994f;
  return scale_by_power((q * r) * r + r + 1.0f, n);
}
inline vf exp(vf x) { return exp_below(at_most(splat(89.0f), x)); }  // above that all is infinite
inline double exp_below(double x) { return std::exp(x); }
inline double exp(double x) { return std::exp(x); }

// ---- log ----
inline vf log(vf x) {
  // A denormal is brought into the normal range first.
  const vi tiny = x < 1.17549435e-38f;
  const vf scaled = select(tiny, x * 8388608.0f, x);
  // x = 2^e m with m in [sqrt(1/2), sqrt(2)).
  const vu offset = (vu)scaled - 0x3f3504f3u;
  const vi e = ((vi)offset >> 23) - (tiny & 23);
  const vf m = (vf)((offset & 0x007fffffu) + 0x3f3504f3u);
  const vf f = m - 1.0f;
  vf p = splat(0.0691362172f);
  p = p * f + -0.117892757f;
  p = p * f + 0.118734151f;
  p = p * f + -0.123844564f;
  p = p * f + 0.14218618f;
  p = p * f + -0.166692436f;
  p = p * f + 0.20002228f;
  p = p * f + -0.249999866f;
  p = p * f + 0.333333105f;
  const vf n = __builtin_convertvector(e, vf);
  const vf square = f * f;
  vf y = square * f * p + n * -2.12194440e-4f;
  y = y - 0.5f * square;
  y = (f + y) + n * 0.693359375f;
  y = select(x < kInfinity, y, x);  // infinity and NaN
  y = select(x == 0.0f, splat(-kInfinity), y);
  return select(x < 0.0f, splat(std::numeric_limits<float>::quiet_NaN()), y);
}
inline double log(double x) { return std::log(x); }

// ---- tanh, sigmoid ----
inline vf tanh(vf x) {
  const vf a = abs(x);
  const vf z = x * x;
  vf p = splat(-0.0057170447f);
  p = p * z + 0.0206505861f;
  p = p * z + -0.0537434965f;
  p = p * z + 0.133314908f;
  p = p * z + -0.333332837f;
  const vf far = 1.0f - 2.0f / (exp(a + a) + 1.0f);
  return select(a < 0.625f, x + x * z * p, copy_sign(far, x));
}
inline double tanh(double x) { return std::tanh(x); }

// 1 / (1 + exp(-x)) and its derivative, both from exp(-|x|): nothing overflows, and 1 - sigmoid keeps its precision.
template <class V>
struct Sigmoid {
  V value, slope;
};
template <class V>
[[gnu::always_inline]] inline Sigmoid<V> sigmoid_with_slope(V x) {
  const V a = exp_below(-abs(x)), r = constant<V>(1) / (constant<V>(1) + a);
  return {select(x > constant<V>(0), r, a * r), a * r * r};
}
template <class V>
[[gnu::always_inline]] inline V sigmoid(V x) {
  return sigmoid_with_slope(x).value;
}

// ---- the normal distribution, erf ----
// Phi(-a) for a >= 0 given e = exp(-a^2 / 2), with a small relative error however small it is.
[[gnu::always_inline]] inline vf normal_tail(vf a, vf e) {
  const vf t = 1.0f / (1.0f + 0.35f * a);
  vf p = splat(-0.0291539319f);
  p = p * t + 0.144011348f;
  p = p * t + -0.255797774f;
  p = p * t + 0.159271598f;
  p = p * t + -0.0231784843f;
  p = p * t + 0.105537809f;
  p = p * t + 0.11982511f;
  p = p * t + 0.13986297f;
  p = p * t + 0.139621332f;
  return p * t * e;
}
// Phi(x), the standard normal distribution function, given e = exp(-x^2 / 2).
[[gnu::always_inline]] inline vf normal_cdf(vf x, vf e) {
  const vf tail = normal_tail(abs(x), e);
  return select(x > 0.0f, 1.0f - tail, tail);
}
inline double normal_cdf(double x, double) { return 0.5 * std::erfc(-x * 0.70710678118654752440); }

inline vf erf(vf x) {
  const vf z = x * x;
  vf p = splat(7.88912294e-05f);
  p = p * z + -0.000802084222f;
  p = p * z + 0.00518953567f;
  p = p * z + -0.0268544443f;
  p = p * z + 0.112836003f;
  p = p * z + -0.37612626f;
  p = p * z + 0.128379166f;
  const vf a = abs(x);
  const vf bounded = select(a > 6.0f, splat(6.0f), a);
  const vf far = 1.0f - 2.0f * normal_tail(bounded * 1.41421356f, exp_below(-bounded * bounded));
  return select(a < 1.0f, x + x * p, copy_sign(far, x));
}
inline double erf(double x) { return std::erf(x); }

// ---- sin, cos ----
constexpr float kLargestReduced = 1e6f;

// x = quadrant * pi/2 + r with |r| <= pi/4, for |x| <= kLargestReduced. In double, where the first part of pi/2 has
// 20 trailing zero bits: r keeps its relative precision even beside a multiple of pi/2.
inline vf reduce_quadrant(vf x, vi& quadrant) {
  float in[kLanes], out[kLanes];
  int32_t whole[kLanes];
  store(in, x);
  for (int i = 0; i < kLanes; ++i) {
    const double wide = static_cast<double>(in[i]);
    const double n = (wide * 0.63661977236758134308 + 6755399441055744.0) - 6755399441055744.0;
    out[i] = static_cast<float>((wide - n * 1.57079632673412561417) - n * 6.07710050650619224932e-11);
    whole[i] = static_cast<int32_t>(n);
  }
  quadrant = load_bits<vi>(whole);
  return load(out);
}
inline vf sin_reduced(vf r) {
  const vf z = r * r;
  vf p = splat(2.71823728e-06f);
  p = p * z + -0.000198393274f;
  p = p * z + 0.00833332911f;
  p = p * z + -0.166666672f;
  return r + r * z * p;
}
inline vf cos_reduced(vf r) {
  const vf z = r * r;
  vf p = splat(-2.72095463e-07f);
  p = p * z + 2.47995122e-05f;
  p = p * z + -0.00138888834f;
  p = p * z + 0.0416666679f;
  return 1.0f - (0.5f * z - z * z * p);
}
inline bool any(vi mask) {
  int32_t all = 0;
  for (int i = 0; i < kLanes; ++i) all |= mask[i];
  return all != 0;
}
inline vf sin(vf x) {
  const vi inside = abs(x) <= kLargestReduced;
  vi q;
  const vf r = reduce_quadrant(select(inside, x, splat(0.0f)), q);
  vf y = (q & 1) != 0 ? cos_reduced(r) : sin_reduced(r);
  y = (vf)((vu)y ^ ((vu)(q & 2) << 30));
  if (any(~inside))
    for (int i = 0; i < kLanes; ++i)
      if (!inside[i]) y[i] = static_cast<float>(std::sin(static_cast<double>(x[i])));
  return y;
}
inline vf cos(vf x) {
  const vi inside = abs(x) <= kLargestReduced;
  vi q;
  const vf r = reduce_quadrant(select(inside, x, splat(0.0f)), q);
  vf y = (q & 1) != 0 ? sin_reduced(r) : cos_reduced(r);
  y = (vf)((vu)y ^ ((vu)((q + 1) & 2) << 30));
  if (any(~inside))
    for (int i = 0; i < kLanes; ++i)
      if (!inside[i]) y[i] = static_cast<float>(std::cos(static_cast<double>(x[i])));
  return y;
}
// cos and sin of 2 pi u for u in [0, 1): quarters of a turn come off exactly.
inline void cos_sin_of_turn(vf u, vf& cosine, vf& sine) {
  const vf quarters = round(4.0f * u);
  const vi q = __builtin_convertvector(quarters, vi);
  const vf r = (4.0f * u - quarters) * 1.57079633f;
  const vf s = sin_reduced(r), c = cos_reduced(r);
  cosine = (vf)((vu)((q & 1) != 0 ? s : c) ^ ((vu)((q + 1) & 2) << 30));
  sine = (vf)((vu)((q & 1) != 0 ? c : s) ^ ((vu)(q & 2) << 30));
}
inline void cos_sin_of_turn(double u, double& cosine, double& sine) {
  cosine = std::cos(6.283185307179586477 * u);
  sine = std::sin(6.283185307179586477 * u);
}
inline double sin(double x) { return std::sin(x); }
inline double cos(double x) { return std::cos(x); }

// ---- pow ----
// 2^(y log2 |x|) in double, since y magnifies the error of the logarithm; for finite normal x and finite y.
inline float pow_of_normal(float x, float y) {
  const uint32_t offset = (float_to_bits(x) & 0x7fffffffu) - 0x3f3504f3u;
  const double e = static_cast<double>(static_cast<int32_t>(offset) >> 23);
  const double m = static_cast<double>(bits_to_float((offset & 0x007fffffu) + 0x3f3504f3u));
  const double s = (m - 1.0) / (m + 1.0);
  const double z = s * s;
  double p = 0.25508457225988168;
  p = p * z + 0.26041484309914742;
  p = p * z + 0.32064858206100633;
  p = p * z + 0.41219795264663334;
  p = p * z + 0.57707801988956076;
  p = p * z + 0.96179669391926503;
  p = p * z + 2.885390081777925;
  double t = static_cast<double>(y) * (p * s + e);
  t = t > 1000.0 ? 1000.0 : t;
  t = t < -1000.0 ? -1000.0 : t;
  const double magic = 6755399441055744.0;  // 1.5 * 2^52; its low bits then hold n
  const double n = t + magic;
  const double r = t - (n - magic);
  double q = 1.520171651691677e-05;
  q = q * r + 0.00015469553166912959;
  q = q * r + 0.0013333925492209381;
  q = q * r + 0.0096180264420512602;
  q = q * r + 0.055504103472607008;
  q = q * r + 0.24022651204157797;
  q = q * r + 0.69314718073115755;
  q = q * r + 0.99999999996107347;
  uint64_t bits;
  std::memcpy(&bits, &n, 8);
  bits = (bits + 1023) << 52;
  double power;
  std::memcpy(&power, &bits, 8);
  return static_cast<float>(q * power);
}
inline vf pow(vf x, vf y) {
  float base[kLanes], exponent[kLanes], result[kLanes];
  store(base, x);
  store(exponent, y);
  for (int i = 0; i < kLanes; ++i) result[i] = pow_of_normal(base[i], exponent[i]);
  vf r = load(result);
  const vf a = abs(x);
  // A negative base: the power of |x|, negated for an odd whole exponent, NaN for one that is not whole.
  const vf rounded = round(y);
  const vf halves = 0.5f * y;
  const vi odd = (rounded == y) & (round(halves) != halves);
  const vf negative = select(rounded == y, select(odd, -r, r), splat(std::numeric_limits<float>::quiet_NaN()));
  r = select(x < 0.0f, negative, r);
  const vi usual = (a >= 1.17549435e-38f) & (a < kInfinity) & (abs(y) < kInfinity);
  if (any(~usual))
    for (int i = 0; i < kLanes; ++i)
      if (!usual[i]) r[i] = std::pow(x[i], y[i]);
  return r;
}
inline double pow(double x, double y) { return std::pow(x, y); }

}  // namespace ik
