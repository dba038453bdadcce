// What attention's forward and backward share: the geometry of heads, rows gathered to the accumulating type, tiles.
//
// Scores are kept in units of ln 2, so that 2^x is all the exponential there is: q is multiplied by scale / ln 2.
// Queries of the heads that share one key head are numbered in one list of rows (head in group, then position), so
// grouped-query attention multiplies more rows by the same keys and sums their gradients without being told.
#pragma once
#include "cpu/gemm.h"
#include "cpu/math.h"
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace ik {

constexpr double kLog2E = 1.4426950408889634, kLn2 = 0.6931471805599453;

inline vd max(vd a, vd b) { return a > b ? a : b; }

// 2^x for the x <= 0 of a softmax: relative error 1e-7, exactly 0 from -150 down (so for -inf), NaN for NaN. A
// softmax spends as long in its exponentials as in a tenth of its products, so this one leaves out what exp() has for
// the rest of the range.
inline vf exp2_negative(vf x) {
#if defined(__AVX512F__)
  // With a NaN, max returns its second operand.
  const __m512 t = _mm512_maskz_max_ps(0xffff, _mm512_set1_ps(-200.0f), (__m512)x);
  const vf r = (vf)_mm512_maskz_reduce_ps(0xffff, t, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
#else
  const vf magic = broadcast(12582912.0f);  // 1.5 * 2^23: adding it rounds to a whole number
  const vf t = x < -200.0f ? broadcast(-200.0f) : x;
  const vf n = (t - 0.5f + magic) - magic;
  const vf r = t - n;
#endif
  // (2^r - 1) / r on [0, 1], minimax for the relative error of 2^r (tools/golden/fit_polynomials.py).
  vf p = broadcast(0.0018671305f);
  p = p * r + 0.00901702942f;
  p = p * r + 0.0557999138f;
  p = p * r + 0.24016445f;
  p = p * r + 0.693151312f;
  p = p * r + 1.0f;
#if defined(__AVX512F__)
  return (vf)_mm512_maskz_scalef_ps(0xffff, (__m512)p, t);  // by 2^floor(t)
#else
  const vi e = __builtin_convertvector(n, vi);
  return x < -126.0f ? vf{} : p * (vf)((e + 127) << 23);
#endif
}
inline vd exp2_negative(vd x) {
  for (int i = 0; i < kVectorBytes / 8; ++i) x[i] = std::exp2(x[i]);
  return x;
}

// The score of a query that has seen no key.
template <class Acc>
constexpr Acc kNoScore = -std::numeric_limits<Acc>::infinity();

// Adds the partial result `b` to `a`: `width` weighted sums, their greatest score, and the total of their weights.
template <class Acc>
inline void merge_parts(Acc* a, const Acc* b, int64_t width) {
  const Acc top = std::max(a[width], b[width]);
  const Acc base = top == kNoScore<Acc> ? Acc{} : top;
  const Acc x = std::exp2(a[width] - base), y = std::exp2(b[width] - base);
  for (int64_t d = 0; d < width; ++d) a[d] = a[d] * x + b[d] * y;
  a[width + 1] = a[width + 1] * x + b[width + 1] * y;
  a[width] = top;
}

// ln of the sum of the exponentials, from scores in units of ln 2.
template <class Acc>
inline Acc log_total(Acc top, Acc total) {
  return static_cast<Acc>((static_cast<double>(top) + std::log2(static_cast<double>(total))) * kLn2);
}

// Lane i of the result is the sum, or the maximum, of all lanes of rows[i].
template <class V>
constexpr int kLanesOf = sizeof(V) / sizeof(V{}[0]);
template <class V, class F>
inline V fold_rows(V (&rows)[kLanesOf<V>], F&& f) {
  transpose(rows);
  for (int width = kLanesOf<V> / 2; width > 0; width /= 2)
    for (int i = 0; i < width; ++i) rows[i] = f(rows[i], rows[i + width]);
  return rows[0];
}

// Keys [first, last) of the list.
struct Range {
  int64_t first, last;
  // The part that lies in `count` keys from `from` on, counted from there.
  Range within(int64_t from, int64_t count) const {
    const int64_t a = std::clamp<int64_t>(first - from, 0, count);
    return {a, std::clamp<int64_t>(last - from, a, count)};
  }
};

// What a query sees besides causality: attributes, and the views after the first `views` ones.
struct Masks {
  bool causal;
  int64_t window;  // keys nearer than this; 0 is no limit
  const ik_view* documents = nullptr;  // i32 dense [B, S]
  const ik_view* bias = nullptr;       // rows [B, H, T, S], broadcast by strides of 0

  template <class Attrs>
  Masks(const ik_view* in, int32_t views, const Attrs& attrs)
      : causal(attrs.causal != 0), window(attrs.window), documents(attrs.documents ? in + views : nullptr),
        bias(attrs.bias ? in + views + (attrs.documents != 0) : nullptr) {}
};

struct Heads {
  int64_t batch, queries, heads, keys, groups, width;
  int64_t in_group, rows;  // heads per key head, rows per key head
  Masks masks;

  Heads(const ik_view& q, const ik_view& k, const Masks& masks)
      : batch(q.shape[0]), queries(q.shape[1]), heads(q.shape[2]), keys(k.shape[1]), groups(k.shape[2]), width(q.shape[3]),
        in_group(groups ? heads / groups : 0), rows(in_group * queries), masks(masks) {}

  // Finds what every query sees: always one run of keys, whatever the masks.
  bool prepare(const ik_runtime* rt) {
    const int64_t lists = masks.documents ? batch : 1;
    ranges_ = static_cast<Range*>(rt->scratch(rt, static_cast<size_t>(lists * queries) * sizeof(Range)));
    if (!ranges_) return false;
    for (int64_t b = 0; b < lists; ++b) {
      Range* const list = ranges_ + b * queries;
      const int64_t shift = keys - queries;  // query t stands at position t + shift
      for (int64_t t = 0; t < queries; ++t) {
        const int64_t at = t + shift;
        list[t] = {0, masks.causal ? at + 1 : keys};
        if (masks.window > 0) list[t] = {at - masks.window + 1, std::min(list[t].last, at + masks.window)};
        if (masks.documents && at < 0) list[t].last = 0;
      }
      if (masks.documents) {
        const int32_t* const id = static_cast<const int32_t*>(masks.documents->data) + b * keys;
        for (int64_t start = 0, end = 0; start < keys; start = end) {
          while (end < keys && id[end] == id[start]) ++end;
          for (int64_t t = std::max<int64_t>(0, start - shift); t < std::min(queries, end - shift); ++t)
            list[t] = {std::max(list[t].first, start), std::min(list[t].last, end)};
        }
      }
      for (int64_t t = 0; t < queries; ++t) list[t] = list[t].within(0, keys);
    }
    return true;
  }
  bool masked() const { return masks.causal || masks.window > 0 || masks.documents; }

  // The keys that row r sees.
  Range seen(int64_t b, int64_t r) const { return ranges_[(masks.documents ? b * queries : 0) + r % queries]; }
  // The least run of keys with all that `n` rows from r on see.
  Range seen(int64_t b, int64_t r, int64_t n) const {
    Range all{keys, 0};
    const Range* const list = ranges_ + (masks.documents ? b * queries : 0);
    int64_t t = r % queries;
    for (int64_t i = 0; i < std::min(n, queries); ++i, t = t + 1 < queries ? t + 1 : 0) {
      const Range one = list[t];
      if (one.first == one.last) continue;
      all = {std::min(all.first, one.first), std::max(all.last, one.last)};
    }
    return all.first < all.last ? all : Range{0, 0};
  }
  int64_t head(int64_t group, int64_t r) const { return group * in_group + r / queries; }
  // Element [b, position, head, 0] of a [B, T, H, D] view for row r of a group.
  template <class T>
  T* row(const ik_view& v, int64_t b, int64_t group, int64_t r) const {
    return static_cast<T*>(v.data) + b * v.stride[0] + (r % queries) * v.stride[1] + head(group, r) * v.stride[2];
  }
  // Index of row r in a dense [B, H, T].
  int64_t flat(int64_t b, int64_t group, int64_t r) const { return (b * heads + head(group, r)) * queries + r % queries; }

  // Adds the bias of row r for keys [from, to), in units of ln 2, to their scores; to[0] is key `at`.
  template <class T, class Acc>
  void add_bias(int64_t b, int64_t group, int64_t r, int64_t at, int64_t from, int64_t to, Acc* scores) const {
    if (!masks.bias) return;
    const ik_view& v = *masks.bias;
    const T* const bias = static_cast<const T*>(v.data) + b * v.stride[0] + head(group, r) * v.stride[1] + (r % queries) * v.stride[2] + at;
    for (int64_t j = from; j < to; ++j) {
      if constexpr (std::is_same_v<T, double>) scores[j] += bias[j] * kLog2E;
      else scores[j] += to_float(bias[j]) * static_cast<float>(kLog2E);
    }
  }

 private:
  Range* ranges_ = nullptr;
};

// Reads memory of type T to what sums are accumulated in.
template <class T>
using Wide = std::conditional_t<std::is_same_v<T, double>, ReaderF64<>, ReaderF32<T, false>>;

// What E's operands are read through from memory of type T, and from what was gathered to E's accumulating type.
#if defined(__AVX512BF16__)
template <class E, class T>
using Units = std::conditional_t<std::is_same_v<E, MulBf16>, ReaderBf16<T>, Wide<T>>;
#else
template <class E, class T>
using Units = Wide<T>;
#endif

// Rounded to bf16.
template <class V>
inline vh halves(V x) {
  static_assert(std::is_same_v<V, vf>);
#if defined(__AVX512BF16__)
  return (vh)_mm512_cvtneps_pbh((__m512)x);
#else
  vh h;
  store(reinterpret_cast<bf16*>(&h), x);
  return h;
#endif
}

// run(T{}, E{}) for the stored type and how it multiplies: 16-bit pairs where the machine has them.
template <class Run>
int32_t for_products(int32_t dtype, bool in_bf16, Run&& run) {
#if defined(__AVX512BF16__)
  if (dtype == IK_F32 && in_bf16) return run(float{}, MulBf16{});
  if (dtype == IK_BF16) return run(bf16{}, MulBf16{});
#else
  (void)in_bf16;
  if (dtype == IK_BF16) return run(bf16{}, MulF32{});
#endif
  switch (dtype) {
    case IK_F32: return run(float{}, MulF32{});
    case IK_F64: return run(double{}, MulF64{});
    case IK_F16: return run(f16{}, MulF32{});
    default: return IK_UNSUPPORTED;
  }
}

// Rows of one head lie pages apart, where the hardware's prefetcher does not follow.
template <class T>
inline void prefetch_row(const T* row, int64_t width) {
  for (int64_t i = 0; i < width; i += 64 / static_cast<int64_t>(sizeof(T))) __builtin_prefetch(row + i);
}

// to = from * factor, with zeros from `width` to `padded`.
template <class T, class Acc>
inline void gather_row(const T* from, Acc factor, int64_t width, int64_t padded, Acc* to) {
  int64_t i = 0;
  if constexpr (std::is_same_v<T, double>) {
    for (; i < width; ++i) to[i] = from[i] * factor;
  } else {
    for (; i + kLanes <= width; i += kLanes) store(to + i, load(from + i) * factor);
    for (; i < width; ++i) to[i] = to_float(from[i]) * factor;
  }
  for (; i < padded; ++i) to[i] = 0;
}
// to = from * factor, rounded once.
template <class T, class Acc>
inline void scatter_row(const Acc* from, Acc factor, int64_t width, T* to) {
  int64_t i = 0;
  if constexpr (std::is_same_v<T, double>) {
    for (; i < width; ++i) to[i] = from[i] * factor;
  } else {
    for (; i + kLanes <= width; i += kLanes) store(to + i, load(from + i) * factor);
    for (; i < width; ++i) from_float(from[i] * factor, to[i]);
  }
}

// Carves one allocation into aligned pieces.
template <class Acc>
class Arena {
 public:
  static int64_t whole(int64_t n) { return (n * static_cast<int64_t>(sizeof(Acc)) + 63) / 64 * 64 / static_cast<int64_t>(sizeof(Acc)); }
  explicit Arena(Acc* from) : next_(from) {}
  Acc* take(int64_t n) {
    Acc* const p = next_;
    next_ += whole(n);
    return p;
  }

 private:
  Acc* next_;
};

}  // namespace ik
