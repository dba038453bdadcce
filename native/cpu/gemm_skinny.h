// C = A B with an epilogue for at most kSkinnyRows rows of A: B is read once, straight from where it lies, and the speed
// is that of memory. One token's decode is this shape.
#pragma once
#include "cpu/gemm.h"

namespace ik {

constexpr int kSkinnyRows = 8;

template <class E, class R, class T, class O>
class SkinnyGemm {
  using Acc = typename E::Acc;
  using V = typename E::Vector;
  static constexpr int W = E::kWide;
  static_assert(E::kPer == 1);

 public:
  SkinnyGemm(int64_t m, int64_t n, int64_t k) : m_(m), n_(n), k_(k), k_padded_(ceil_div(k, W) * W) {}

  using Finish = Epilogue<Acc, O>;
  // A as numbers, C before it is rounded, and, where B's rows are contiguous, the sums of each task.
  size_t scratch_units(bool rows_of_b) const {
    return static_cast<size_t>(m_ * k_padded_) + (std::is_same_v<O, Acc> ? 0 : static_cast<size_t>(m_ * n_)) +
           (rows_of_b ? static_cast<size_t>(ceil_div(k_, slab_rows()) * m_ * n_) : 0);
  }

  template <class Reader>
  void read_a_with(Reader) { read_a_ = Reader::one; }

  void run(const ik_runtime* rt, Operand<T> a, Operand<T> b, const Finish& finish, O* c, Acc* x) const {
    for (int64_t r = 0; r < m_; ++r) {
      for (int64_t p = 0; p < k_; ++p) x[r * k_padded_ + p] = read_a_(a.data + r * a.outer + p * a.inner, 0, 1);
      for (int64_t p = k_; p < k_padded_; ++p) x[r * k_padded_ + p] = 0;
    }
    Acc* y;
    if constexpr (std::is_same_v<O, Acc>) y = c;
    else y = x + m_ * k_padded_;
    [&]<int... M>(std::integer_sequence<int, M...>) {
      (void)((m_ == M + 1 && (run_rows<M + 1>(rt, b, finish, c, x, y), true)) || ...);
    }(std::make_integer_sequence<int, kSkinnyRows>{});
  }

 private:
  template <int M>
  void run_rows(const ik_runtime* rt, Operand<T> b, const Finish& finish, O* c, Acc* x, Acc* y) const {
    const Acc* const bias = finish.bias;
    const auto done = [&](int64_t j0, int64_t j1) {
      for (int64_t at = j0; at < M * n_; at += n_) finish.finish(y + at, c + at, at, j1 - j0);
    };
    if (b.inner == 1) {
      const int64_t group = std::clamp<int64_t>(kTaskBytes / std::max<int64_t>(1, k_ * sizeof(T)), 4, 512) / 4 * 4;
      for_tasks(rt, ceil_div(n_, group), [&](int64_t task, int32_t) {
        const int64_t end = std::min(n_, (task + 1) * group);
        constexpr int G = M <= 2 ? 4 : 2;
        // G streams through memory, a part of the task each: one does not keep enough cache lines on their way.
        const int64_t begin = task * group, apart = (end - begin) / G;
        for (int64_t j = begin; j < begin + apart; ++j) dots<M, G>(b, bias, y, x, j, apart);
        for (int64_t j = begin + G * apart; j < end; ++j) dots<M, 1>(b, bias, y, x, j, 0);
        done(task * group, end);
      });
    } else {
      // Every task streams whole rows of B, as they lie in memory, into sums of its own.
      const int64_t slabs = ceil_div(k_, slab_rows());
      Acc* const partial = x + m_ * k_padded_ + (std::is_same_v<O, Acc> ? 0 : m_ * n_);
      for_tasks(rt, slabs, [&](int64_t task, int32_t) {
        slab<M>(b, x, task * slab_rows(), std::min(k_, (task + 1) * slab_rows()), partial + task * M * n_);
      });
      const int64_t width = std::max<int64_t>(W, 16384 / (M * std::max<int64_t>(1, slabs)) / W * W);
      for_tasks(rt, ceil_div(n_, width), [&](int64_t task, int32_t) {
        const int64_t j0 = task * width, j1 = std::min(n_, j0 + width);
        for (int64_t m = 0; m < M; ++m) {
          Acc* const to = y + m * n_;
          for (int64_t j = j0; j < j1; ++j) to[j] = bias ? bias[j] : Acc{};
          for (int64_t s = 0; s < slabs; ++s)
            for (int64_t j = j0; j < j1; ++j) to[j] += partial[(s * M + m) * n_ + j];
        }
        done(j0, j1);
      });
    }
  }

  // Columns j, j + apart .. of B, G of them, each contiguous in k.
  template <int M, int G>
  void dots(Operand<T> b, const Acc* bias, Acc* y, const Acc* x, int64_t j, int64_t apart) const {
    V acc[M][G];
    for (int m = 0; m < M; ++m)
      for (int g = 0; g < G; ++g) acc[m][g] = V{};
    const T* const w = b.data + j * b.outer;
    const int64_t next = apart * b.outer;
    const auto step = [&](int64_t p, const V (&column)[G]) {
#pragma GCC unroll 8
      for (int m = 0; m < M; ++m) {
        const V xv = load_bits<V>(x + m * k_padded_ + p);
#pragma GCC unroll 4
        for (int g = 0; g < G; ++g) acc[m][g] += xv * column[g];
      }
    };
    int64_t p = 0;
    for (; p + W <= k_; p += W) {
      V column[G];
#pragma GCC unroll 4
      for (int g = 0; g < G; ++g) {
        column[g] = R::along_k(w + g * next + p);
        __builtin_prefetch(w + g * next + p + kAheadBytes / sizeof(T), 0, 2);
      }
      step(p, column);
    }
    if (p < k_) {
      V column[G];
      for (int g = 0; g < G; ++g) {
        column[g] = V{};
        for (int64_t i = 0; p + i < k_; ++i) column[g][i] = R::one(w + g * next + p + i, 0, 1);
      }
      step(p, column);
    }
    for (int m = 0; m < M; ++m)
      for (int g = 0; g < G; ++g) y[m * n_ + j + g * apart] = total(acc[m][g]) + (bias ? bias[j + g * apart] : Acc{});
  }

  static Acc total(V v) {
    Acc lanes[W];
    std::memcpy(lanes, &v, sizeof v);
    for (int width = W / 2; width > 0; width /= 2)
      for (int i = 0; i < width; ++i) lanes[i] += lanes[i + width];
    return lanes[0];
  }

  // Rows of k a task sums: at most kRun, and so few that there are several tasks.
  int64_t slab_rows() const { return std::clamp<int64_t>(ceil_div(k_, 16) / kTogether * kTogether, 2 * kTogether, kRun); }

  // sums[m * n + j] = the sum over rows p0 .. p1 of B, each contiguous, kTogether of them at a time.
  template <int M>
  void slab(Operand<T> b, const Acc* x, int64_t p0, int64_t p1, Acc* sums) const {
    std::fill_n(sums, M * n_, Acc{});
    const int64_t whole = n_ / W * W;
    // Sums of a block of columns stay in the first cache, and its rows are runs of several KB.
    constexpr int64_t kBlock = std::max(512, 2048 / M), kAhead = kAheadBytes / sizeof(T);
    for (int64_t j0 = 0; j0 < whole; j0 += kBlock) {
      const int64_t j1 = std::min(whole, j0 + kBlock);
      for (int64_t p = p0; p + kTogether <= p1; p += kTogether) {
        const T* const w = b.data + p * b.inner;
        for (int64_t j = j0; j < j1; j += W) {
          // Over a run's end the next rows follow, over a page's the hardware does not.
          const T* const ahead = w + j + (j + kAhead < j1 ? kAhead : kTogether * b.inner + kAhead - (j1 - j0));
          V row[kTogether];
#pragma GCC unroll 8
          for (int i = 0; i < kTogether; ++i) {
            row[i] = R::across(w + i * b.inner + j, 0);
            __builtin_prefetch(ahead + i * b.inner, 0, 2);
          }
#pragma GCC unroll 8
          for (int m = 0; m < M; ++m) {
            V acc = load_bits<V>(sums + m * n_ + j);
#pragma GCC unroll 8
            for (int i = 0; i < kTogether; ++i) acc += broadcast(x[m * k_padded_ + p + i]) * row[i];
            std::memcpy(sums + m * n_ + j, &acc, sizeof acc);
          }
        }
      }
    }
    int64_t p = p0;
    for (; p + kTogether <= p1; p += kTogether) {
      const T* const w = b.data + p * b.inner;
      for (int i = 0; i < kTogether; ++i)
        for (int m = 0; m < M; ++m)
          for (int64_t j = whole; j < n_; ++j) sums[m * n_ + j] += x[m * k_padded_ + p + i] * R::one(w + i * b.inner + j, 0, 1);
    }
    for (; p < p1; ++p)
      for (int m = 0; m < M; ++m)
        for (int64_t j = 0; j < n_; ++j) sums[m * n_ + j] += x[m * k_padded_ + p] * R::one(b.data + p * b.inner + j, 0, 1);
  }

  static constexpr int kTogether = 8;
  // Between the prefetch of a row and its use. Into the second cache: rows that lie a power of two apart share few sets of
  // the first.
  static constexpr int64_t kAheadBytes = sizeof(T) == 2 ? 2048 : 1024;
  static constexpr int64_t kTaskBytes = 256 << 10;
  Acc (*read_a_)(const T*, int64_t, int64_t) = R::one;
  int64_t m_, n_, k_, k_padded_;
};

}  // namespace ik
