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
  // A as numbers, and C before it is rounded.
  size_t scratch_units() const {
    return static_cast<size_t>(m_ * k_padded_) + (std::is_same_v<O, Acc> ? 0 : static_cast<size_t>(m_ * n_));
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
  void run_rows(const ik_runtime* rt, Operand<T> b, const Finish& finish, O* c, const Acc* x, Acc* y) const {
    const Acc* const bias = finish.bias;
    const auto done = [&](int64_t j0, int64_t j1) {
      for (int64_t at = j0; at < M * n_; at += n_) finish.finish(y + at, c + at, at, j1 - j0);
    };
    if (b.inner == 1) {
      const int64_t group = std::clamp<int64_t>(kTaskBytes / std::max<int64_t>(1, k_ * sizeof(T)), 4, 512) / 4 * 4;
      for_tasks(rt, ceil_div(n_, group), [&](int64_t task, int32_t) {
        const int64_t end = std::min(n_, (task + 1) * group);
        constexpr int G = M <= 2 ? 4 : 2;
        int64_t j = task * group;
        for (; j + G <= end; j += G) dots<M, G>(b, bias, y, x, j);
        for (; j < end; ++j) dots<M, 1>(b, bias, y, x, j);
        done(task * group, end);
      });
    } else {
      const int64_t width = std::clamp<int64_t>(ceil_div(n_, 8 * 2 * W) * 2 * W, 2 * W, kColumns);
      for_tasks(rt, ceil_div(n_, width), [&](int64_t task, int32_t) {
        const int64_t end = std::min(n_, (task + 1) * width);
        axpys<M>(b, bias, y, x, task * width, end);
        done(task * width, end);
      });
    }
  }

  // G columns of B, each contiguous in k.
  template <int M, int G>
  void dots(Operand<T> b, const Acc* bias, Acc* y, const Acc* x, int64_t j) const {
    V acc[M][G];
    for (int m = 0; m < M; ++m)
      for (int g = 0; g < G; ++g) acc[m][g] = V{};
    const T* const w = b.data + j * b.outer;
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
      for (int g = 0; g < G; ++g) column[g] = R::along_k(w + g * b.outer + p);
      step(p, column);
    }
    if (p < k_) {
      V column[G];
      for (int g = 0; g < G; ++g) {
        column[g] = V{};
        for (int64_t i = 0; p + i < k_; ++i) column[g][i] = R::one(w + g * b.outer + p + i, 0, 1);
      }
      step(p, column);
    }
    for (int m = 0; m < M; ++m)
      for (int g = 0; g < G; ++g) y[m * n_ + j + g] = total(acc[m][g]) + (bias ? bias[j + g] : Acc{});
  }

  static Acc total(V v) {
    Acc lanes[W];
    std::memcpy(lanes, &v, sizeof v);
    for (int width = W / 2; width > 0; width /= 2)
      for (int i = 0; i < width; ++i) lanes[i] += lanes[i + width];
    return lanes[0];
  }

  // Columns [j0, j1) of B, each row of it contiguous: four rows at a time, added to runs of kRun rows.
  template <int M>
  void axpys(Operand<T> b, const Acc* bias, Acc* y, const Acc* x, int64_t j0, int64_t j1) const {
    alignas(64) Acc sum[M][kColumns], run[M][kColumns];
    const int64_t width = j1 - j0, whole = width / W * W;
    for (int m = 0; m < M; ++m)
      for (int64_t j = 0; j < width; ++j) sum[m][j] = bias ? bias[j0 + j] : Acc{};
    for (int64_t p0 = 0; p0 < k_; p0 += kRun) {
      const int64_t p1 = std::min(k_, p0 + kRun);
      for (int m = 0; m < M; ++m) std::fill_n(run[m], width, Acc{});
      for (int64_t p = p0; p < p1; p += 4) {
        const int rows = static_cast<int>(std::min<int64_t>(4, p1 - p));
        const T* const w = b.data + p * b.inner + j0;
        if (rows == 4) {
          V xs[M][4];
#pragma GCC unroll 8
          for (int m = 0; m < M; ++m)
#pragma GCC unroll 4
            for (int i = 0; i < 4; ++i) xs[m][i] = broadcast(x[m * k_padded_ + p + i]);
          for (int64_t j = 0; j < whole; j += W) {
            V row[4];
#pragma GCC unroll 4
            for (int i = 0; i < 4; ++i) {
              row[i] = R::across(w + i * b.inner + j, 0);
              // Rows lie pages apart, where the hardware's prefetcher does not follow.
              __builtin_prefetch(w + (i + 4) * b.inner + j);
            }
#pragma GCC unroll 8
            for (int m = 0; m < M; ++m) {
              V acc = load_bits<V>(&run[m][j]);
#pragma GCC unroll 4
              for (int i = 0; i < 4; ++i) acc += xs[m][i] * row[i];
              std::memcpy(&run[m][j], &acc, sizeof acc);
            }
          }
        } else {
          for (int i = 0; i < rows; ++i)
            for (int m = 0; m < M; ++m)
              for (int64_t j = 0; j < whole; ++j) run[m][j] += x[m * k_padded_ + p + i] * R::one(w + i * b.inner + j, 0, 1);
        }
        for (int i = 0; i < rows; ++i)
          for (int m = 0; m < M; ++m)
            for (int64_t j = whole; j < width; ++j) run[m][j] += x[m * k_padded_ + p + i] * R::one(w + i * b.inner + j, 0, 1);
      }
      for (int m = 0; m < M; ++m)
        for (int64_t j = 0; j < width; ++j) sum[m][j] += run[m][j];
    }
    for (int m = 0; m < M; ++m)
      for (int64_t j = 0; j < width; ++j) y[m * n_ + j0 + j] = sum[m][j];
  }

  static constexpr int64_t kTaskBytes = 256 << 10;
  static constexpr int64_t kColumns = 512;
  Acc (*read_a_)(const T*, int64_t, int64_t) = R::one;
  int64_t m_, n_, k_, k_padded_;
};

}  // namespace ik
