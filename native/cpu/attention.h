// What attention's forward and backward share: the geometry of heads, rows gathered to the accumulating type, tiles.
//
// Queries of the heads that share one key head are numbered in one list of rows (head in group, then position), so
// grouped-query attention multiplies more rows by the same keys and sums their gradients without being told.
#pragma once
#include "cpu/gemm.h"
#include "cpu/math.h"

namespace ik {

inline vd max(vd a, vd b) { return a > b ? a : b; }
inline vd exp(vd x) {
  for (int i = 0; i < kVectorBytes / 8; ++i) x[i] = std::exp(x[i]);
  return x;
}
template <class V, class F>
inline auto fold_lanes(V v, F&& f) {
  auto x = v[0];
  for (size_t i = 1; i < sizeof(V) / sizeof(x); ++i) x = f(x, v[i]);
  return x;
}

struct Heads {
  int64_t batch, queries, heads, keys, groups, width;
  int64_t in_group, rows;  // heads per key head, rows per key head
  bool causal;

  Heads(const ik_view& q, const ik_view& k, bool causal)
      : batch(q.shape[0]), queries(q.shape[1]), heads(q.shape[2]), keys(k.shape[1]), groups(k.shape[2]), width(q.shape[3]),
        in_group(groups ? heads / groups : 0), rows(in_group * queries), causal(causal) {}

  // How many keys row r sees.
  int64_t visible(int64_t r) const {
    return causal ? std::clamp<int64_t>(r % queries + keys - queries + 1, 0, keys) : keys;
  }
  // The most that any of `n` rows from r on sees: the last of a head sees most.
  int64_t most_visible(int64_t r, int64_t n) const {
    if (!causal || (r + n - 1) / queries != r / queries) return keys;
    return visible(r + n - 1);
  }
  int64_t head(int64_t group, int64_t r) const { return group * in_group + r / queries; }
  // Element [b, position, head, 0] of a [B, T, H, D] view for row r of a group.
  template <class T>
  T* row(const ik_view& v, int64_t b, int64_t group, int64_t r) const {
    return static_cast<T*>(v.data) + b * v.stride[0] + (r % queries) * v.stride[1] + head(group, r) * v.stride[2];
  }
  // Index of row r in a dense [B, H, T].
  int64_t flat(int64_t b, int64_t group, int64_t r) const { return (b * heads + head(group, r)) * queries + r % queries; }
};

// The multiplier for a stored type: what products and exponentials are computed in.
template <class T>
using Mul = std::conditional_t<std::is_same_v<T, double>, MulF64, MulF32>;
template <class T>
using Wide = std::conditional_t<std::is_same_v<T, double>, ReaderF64, ReaderF32<T, false>>;

template <class T, class Acc>
inline void gather_row(const T* from, int64_t width, int64_t padded, Acc* to) {
  int64_t i = 0;
  if constexpr (std::is_same_v<T, double>) {
    for (; i < width; ++i) to[i] = from[i];
  } else {
    for (; i + kLanes <= width; i += kLanes) store(to + i, load(from + i));
    for (; i < width; ++i) to[i] = to_float(from[i]);
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
