// Attention of one query a head over a cache of keys and values, which are read once, as they lie: the speed is that of
// memory. Keys are split among workers in parts of a fixed size, as in Flash-Decoding (Dao et al., 2023,
// https://crfm.stanford.edu/2023/10/12/flashdecoding.html), and the parts' results are added in order.
#pragma once
#include <limits>

#include "cpu/attention.h"

namespace ik {

constexpr int64_t kDecodeRows = 16;  // the most heads of a key head

template <class T, class E>
class Decode {
  using Acc = typename E::Acc;
  using V = typename E::Vector;
  static constexpr int W = E::kWide;
  static constexpr Acc kNone = kNoScore<Acc>;
  static constexpr int64_t kTaskBytes = 1 << 20;  // of keys and values
  static constexpr int64_t kTogether = 8;         // values that a sum passes over before the next group's do
  static constexpr int64_t kAhead = 16;           // keys between the prefetch of one and its use
  static constexpr int kHeads = 4;                // that share the loads of a key
  static constexpr int kAcross = kVectorBytes >= 64 ? 4 : 2;  // vectors of each that the registers hold
  // Values of 16 bits widen two vectors at a time: those of even places, then those of odd ones. `finish` sorts the sums.
  static constexpr bool kSplits = std::is_same_v<T, bf16>;
#if defined(__AVX512BF16__)
  static constexpr bool kPairs = std::is_same_v<T, bf16>;  // keys multiply as pairs
#else
  static constexpr bool kPairs = false;
#endif

 public:
  Decode(const ik_view* in, const ik_view* out, const ik_attrs_sdpa& attrs)
      : q_(in[0]), k_(in[1]), v_(in[2]), y_(out[0]), lse_(static_cast<Acc*>(out[1].data)), n_(q_, k_, Masks(in, 3, attrs)),
        scale_(static_cast<Acc>(attrs.scale * kLog2E)), padded_(ceil_div(n_.width, 64) * 64) {}

  int32_t run(const ik_runtime* rt) {
    if (n_.batch * n_.groups * n_.rows == 0) return IK_OK;
    if (!n_.prepare(rt)) return IK_OOM;
    // Where the groups of a position are neighbours in memory, a task goes over all of them.
    const int64_t together = k_.stride[1] >= k_.stride[2] ? n_.groups : 1, sets = n_.batch * (n_.groups / together);
    const int64_t key_bytes = std::max<int64_t>(1, 2 * together * n_.width * static_cast<int64_t>(sizeof(T)));
    const int64_t part_keys = std::clamp<int64_t>(kTaskBytes / key_bytes / kTogether, 4, 64) * kTogether;
    const int64_t parts = std::max<int64_t>(1, ceil_div(n_.keys, part_keys));
    const int64_t heads = together * n_.rows;
    using A = Arena<Acc>;
    const int64_t own = A::whole(heads * padded_) + A::whole(heads * part_keys);
    Acc* const scratch = static_cast<Acc*>(rt->scratch(rt, static_cast<size_t>(own * rt->threads) * sizeof(Acc)));
    const int64_t record = padded_ + 16;  // output, maximum, sum
    Acc* const partial = static_cast<Acc*>(rt->scratch(rt, static_cast<size_t>(sets * parts * heads * record) * sizeof(Acc)));
    if (!scratch || !partial) return IK_OOM;
    parallel_for(rt, sets * parts, [&](int64_t task, int32_t worker) {
      const int64_t set = task / parts, k0 = task % parts * part_keys;
      const int64_t b = set / (n_.groups / together), group0 = set % (n_.groups / together) * together;
      Arena<Acc> arena(scratch + worker * own);
      Acc* const rows = arena.take(heads * padded_);
      Acc* const scores = arena.take(heads * part_keys);
      const Range seen = n_.seen(b, 0).within(k0, std::min(part_keys, n_.keys - k0));
      Acc* const results = partial + task * heads * record;
      score(b, group0, together, k0, seen, rows, scores, part_keys);
      for (int64_t h = 0; h < heads; ++h) {
        Acc* const to = results + h * record;
        std::fill_n(to, padded_, Acc{});
        n_.add_bias<T>(b, group0 + h / n_.rows, h % n_.rows, k0, seen.first, seen.last, scores + h * part_keys);
        weigh(scores + h * part_keys, seen, to[padded_], to[padded_ + 1]);
      }
      mix(b, group0, together, k0, seen, scores, part_keys, results, record);
    });
    parallel_rows(rt, sets * heads, parts * padded_, [&](int64_t begin, int64_t end) {
      for (int64_t x = begin; x < end; ++x) {
        const int64_t set = x / heads, h = x % heads;
        const int64_t b = set / (n_.groups / together), group = set % (n_.groups / together) * together + h / n_.rows;
        Acc* const first = partial + (set * parts * heads + h) * record;
        for (int64_t part = 1; part < parts; ++part) merge_parts(first, first + part * heads * record, padded_);
        finish(b, group, h % n_.rows, first, first[padded_], first[padded_ + 1]);
      }
    });
    return IK_OK;
  }

 private:
  static V wide(const T* p) {
    if constexpr (std::is_same_v<T, double>) return load_bits<V>(p);
    else return load(p);
  }
  static Acc wide_one(const T* p) {
    if constexpr (std::is_same_v<T, double>) return *p;
    else return to_float(*p);
  }
  const T* at(const ik_view& v, int64_t b, int64_t group, int64_t key) const {
    return static_cast<const T*>(v.data) + b * v.stride[0] + key * v.stride[1] + group * v.stride[2];
  }
  // f(number of heads as a constant, first head) over the heads of a group, kHeads at a time.
  template <class F>
  void each_heads(F&& f) const {
    int64_t r = 0;
    for (; r + kHeads <= n_.rows; r += kHeads) f(std::integral_constant<int, kHeads>{}, r);
    switch (n_.rows - r) {
      case 1: return f(std::integral_constant<int, 1>{}, r);
      case 2: return f(std::integral_constant<int, 2>{}, r);
      case 3: return f(std::integral_constant<int, 3>{}, r);
    }
  }
  // Into the second cache: a position's keys may lie a power of two from the next ones, in the same few sets of the first.
  static void fetch(const T* row, int64_t elements) {
    for (int64_t i = 0; i < elements; i += 64 / static_cast<int64_t>(sizeof(T))) __builtin_prefetch(row + i, 0, 2);
  }
  // body(first key, keys, group), `count` keys of every group before the next ones.
  template <class Body>
  static void each_keys(int64_t groups, Range seen, int64_t count, Body&& body) {
    for (int64_t j = seen.first; j < seen.last; j += count)
      for (int64_t g = 0; g < groups; ++g) body(j, std::min(count, seen.last - j), g);
  }

  // scores[head][key of the part] in units of ln 2.
  void score(int64_t b, int64_t group0, int64_t groups, int64_t k0, Range seen, Acc* rows, Acc* scores, int64_t part_keys) const {
    for (int64_t g = 0; g < groups; ++g) gather(b, group0 + g, rows + g * n_.rows * padded_);
    // Sums of so many keys and heads as there are registers.
    const int64_t keys = n_.rows == 1 ? 16 : n_.rows == 2 ? 8 : 4;
    each_keys(groups, seen, keys, [&](int64_t j, int64_t count, int64_t g) {
      each_heads([&]<int R>(std::integral_constant<int, R>, int64_t r) {
        const int64_t head = g * n_.rows + r;
        const Acc* const q = rows + head * padded_;
        const T* const key = at(k_, b, group0 + g, k0 + j);
        Acc* const to = scores + head * part_keys + j;
        if constexpr (R == 1)
          if (n_.rows == 1) return dot<1, 16>(q, key, count, to, part_keys);
        if constexpr (R == 2)
          if (n_.rows == 2) return dot<2, 8>(q, key, count, to, part_keys);
        dot<R, 4>(q, key, count, to, part_keys);
      });
    });
  }

  // The queries of a group: times the scale, or as pairs as they are.
  void gather(int64_t b, int64_t group, Acc* rows) const {
    for (int64_t r = 0; r < n_.rows; ++r) {
      const T* const row = n_.row<T>(q_, b, group, r);
      if constexpr (kPairs) {
        T* const to = reinterpret_cast<T*>(rows + r * padded_);
        std::fill(std::copy_n(row, n_.width, to), to + padded_, T{});
      } else {
        gather_row(row, scale_, n_.width, padded_, rows + r * padded_);
      }
    }
  }

  // q . key for R heads and n <= K keys.
  template <int R, int K>
  void dot(const Acc* q, const T* key, int64_t n, Acc* to, int64_t part_keys) const {
    constexpr int kSums = (R * K + W - 1) / W * W;
    V sums[kSums] = {};
    const T* keys[K];
#pragma GCC unroll 16
    for (int i = 0; i < K; ++i) keys[i] = key + std::min<int64_t>(i, n - 1) * k_.stride[1];
    const auto step = [&](int64_t d, auto&& load_key) {
#pragma GCC unroll 16
      for (int i = 0; i < K; ++i) {
        __builtin_prefetch(key + (i + kAhead) * k_.stride[1] + d, 0, 2);
        const auto x = load_key(keys[i] + d);
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r) sums[r * K + i] = multiply(sums[r * K + i], q + r * padded_, d, x);
      }
    };
    int64_t d = 0;
    if constexpr (kPairs) {
#if defined(__AVX512BF16__)
      const auto whole = [](const T* p) { return load_bits<__m512i>(p); };
      for (; d + 2 * W <= n_.width; d += 2 * W) step(d, whole);
      const __mmask32 mask = (1u << (n_.width - d)) - 1;
      if (mask) step(d, [mask](const T* p) { return _mm512_maskz_loadu_epi16(mask, p); });
#endif
    } else {
      for (; d + W <= n_.width; d += W) step(d, wide);
      if (d < n_.width)
        step(d, [&](const T* p) {
          V x{};
          for (int64_t i = 0; d + i < n_.width; ++i) x[i] = wide_one(p + i);
          return x;
        });
    }
#pragma GCC unroll 4
    for (int s = 0; s < kSums; s += W) {
      V part[W];
#pragma GCC unroll 16
      for (int i = 0; i < W; ++i) part[i] = sums[s + i];
      const V totals = fold_rows(part, [](V a, V c) { return a + c; }) * (kPairs ? scale_ : Acc{1});
      for (int i = 0; i < W && s + i < R * K; ++i)
        if ((s + i) % K < n) to[(s + i) / K * part_keys + (s + i) % K] = totals[i];
    }
  }
  static V multiply(V sum, const Acc* q, int64_t d, V x) { return sum + load_bits<V>(q + d) * x; }
#if defined(__AVX512BF16__)
  static V multiply(V sum, const Acc* q, int64_t d, __m512i x) {
    const auto row = load_bits<__m512i>(reinterpret_cast<const bf16*>(q) + d);
    return (V)_mm512_dpbf16_ps((__m512)sum, (__m512bh)row, (__m512bh)x);
  }
#endif

  // Turns the scores of the keys `seen` into weights.
  static void weigh(Acc* s, Range seen, Acc& top, Acc& total) {
    V most = broadcast(kNone), sum{};
    const int64_t whole = seen.first + (seen.last - seen.first) / W * W;
    for (int64_t j = seen.first; j < whole; j += W) most = max(load_bits<V>(s + j), most);
    top = kNone;
    for (int i = 0; i < W; ++i) top = std::max(top, most[i]);
    for (int64_t j = whole; j < seen.last; ++j) top = std::max(top, s[j]);
    // Nothing seen: any finite reference will do. A NaN among the scores is one in the sum, whatever the maximum.
    const V base = broadcast(top == kNone ? Acc{} : top);
    for (int64_t j = seen.first; j < seen.last; j += W) {
      V x = broadcast(kNone);
      const int64_t n = std::min<int64_t>(W, seen.last - j);
      if (n == W) x = load_bits<V>(s + j);
      else for (int64_t i = 0; i < n; ++i) x[i] = s[j + i];
      const V p = exp2_negative(x - base);
      sum += p;
      if (n == W) std::memcpy(s + j, &p, sizeof p);
      else for (int64_t i = 0; i < n; ++i) s[j + i] = p[i];
    }
    total = 0;
    for (int i = 0; i < W; ++i) total += sum[i];
  }

  // results[head] += its weights times the values.
  void mix(int64_t b, int64_t group0, int64_t groups, int64_t k0, Range seen, const Acc* scores, int64_t part_keys, Acc* results,
           int64_t record) const {
    each_keys(groups, seen, kTogether, [&](int64_t j, int64_t count, int64_t g) {
      const T* const value = at(v_, b, group0 + g, k0 + j);
      each_heads([&]<int R>(std::integral_constant<int, R>, int64_t r) {
        const int64_t head = g * n_.rows + r;
        mix_rows<R>(value, count, scores + head * part_keys + j, part_keys, results + head * record, record);
      });
    });
  }

  template <int R>
  void mix_rows(const T* v, int64_t count, const Acc* weights, int64_t part_keys, Acc* out, int64_t record) const {
    int64_t d = 0;
    const auto columns = [&]<int C>(std::integral_constant<int, C>) {
      V sum[R][C];
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int c = 0; c < C; ++c) sum[r][c] = load_bits<V>(out + r * record + d + c * W);
      for (int64_t j = 0; j < count; ++j) {
        V x[C];
        fetch(v + (j + kAhead) * v_.stride[1] + d, C * W);
        if constexpr (kSplits && C > 1) {
#pragma GCC unroll 2
          for (int c = 0; c < C; c += 2) {
            const auto pairs = load_bits<vu>(v + j * v_.stride[1] + d + c * W);
            x[c] = (V)(pairs << 16);
            x[c + 1] = (V)(pairs & 0xffff0000u);
          }
        } else {
#pragma GCC unroll 4
          for (int c = 0; c < C; ++c) x[c] = wide(v + j * v_.stride[1] + d + c * W);
        }
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r) {
          const V weight = broadcast(weights[r * part_keys + j]);
#pragma GCC unroll 4
          for (int c = 0; c < C; ++c) sum[r][c] += weight * x[c];
        }
      }
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int c = 0; c < C; ++c) std::memcpy(out + r * record + d + c * W, &sum[r][c], sizeof(V));
      d += C * W;
    };
    while (d + kAcross * W <= n_.width) columns(std::integral_constant<int, kAcross>{});
    while (d + W <= n_.width) columns(std::integral_constant<int, 1>{});
    for (int64_t j = 0; d < n_.width && j < count; ++j)
      for (int r = 0; r < R; ++r)
        for (int64_t i = d; i < n_.width; ++i) out[r * record + i] += weights[r * part_keys + j] * wide_one(v + j * v_.stride[1] + i);
  }

  void finish(int64_t b, int64_t group, int64_t r, Acc* o, Acc top, Acc total) const {
    if constexpr (kSplits)
      for (int64_t d = 0; d < n_.width / (kAcross * W) * (kAcross * W); d += 2 * W) {
        Acc pairs[2 * W];
        for (int i = 0; i < W; ++i) pairs[2 * i] = o[d + i], pairs[2 * i + 1] = o[d + W + i];
        std::copy_n(pairs, 2 * W, o + d);
      }
    const bool blind = top == kNone && total == 0;
    scatter_row(o, blind ? Acc{} : 1 / total, n_.width, n_.row<T>(y_, b, group, r));
    lse_[n_.flat(b, group, r)] = blind ? kNone : log_total(top, total);
  }

  const ik_view &q_, &k_, &v_, &y_;
  Acc* const lse_;
  Heads n_;
  const Acc scale_;
  const int64_t padded_;
};

}  // namespace ik
