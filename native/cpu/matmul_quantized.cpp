// f32 activations times quantised weights. A few rows read the weights once, straight from their blocks; many rows
// have them dequantised as they are packed.
#include "cpu/gemm.h"
#include "cpu/quantized.h"
#include "cpu/quantized_digits.h"

namespace {

using namespace ik;

constexpr int kFewRows = 8;

// x in the order of the format's slots, so that a block's values meet theirs.
template <class F>
void arrange(const float* x, int64_t k, float* to) {
  for (int64_t b = 0; b < k; b += kBlock)
    for (int i = 0; i < kBlock; ++i) to[b + i] = x[b + F::order(i)];
}

// Weights made floats, times x as `arrange` leaves it.
template <class F>
struct Floats {
  // As many rows of W as the registers hold sums of: they share the loads of x.
  template <int M>
  static constexpr int kRowsOfW = kLanes < 16 || M == 1 ? 1 : M == 2 || M > 4 ? 2 : 4;

  // Rows j, j + apart .. of W, R of them, with M rows of x: out[m * R + r].
  template <int M, int R>
  static void dots(const Quantized& q, int64_t j, int64_t apart, const float* x, int64_t k, float (&out)[M * R]) {
    // Bytes between the prefetch of a row and its use. The hardware follows one row by itself, not several.
    constexpr int64_t kAheadBytes = 1024;
    // Few sums are split, lest their additions wait for each other.
    constexpr int kChains = M * R < 4 ? kBlockVectors : 1;
    const int64_t blocks = k / kBlock;
    const uint8_t* row[R];
    for (int r = 0; r < R; ++r) row[r] = q.data + (j + r * apart) * q.row_bytes;
    Values acc[M * R] = {};
    for (int64_t g = 0; g * q.group_blocks < blocks; ++g) {
      typename F::Group shared[R];
      for (int r = 0; r < R; ++r) shared[r] = F::group(q, j + r * apart, g);
      const int64_t last = std::min(blocks, (g + 1) * q.group_blocks);
      for (int64_t b = g * q.group_blocks; b < last; ++b) {
        Values w[R];
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r) {
          if (R > 1) __builtin_prefetch(row[r] + b * F::kBytes + kAheadBytes);
          F::block(row[r], b, shared[r], w[r]);
        }
#pragma GCC unroll 8
        for (int v = 0; v < kBlockVectors; ++v)
#pragma GCC unroll 8
          for (int m = 0; m < M; ++m) {
            const vf xv = load(x + m * k + b * kBlock + v * kLanes);
#pragma GCC unroll 4
            for (int r = 0; r < R; ++r) acc[m * R + r][v % kChains] += xv * w[r][v];
          }
      }
    }
    for (int i = 0; i < M * R; ++i) {
      vf total = acc[i][0];
      for (int v = 1; v < kChains; ++v) total += acc[i][v];
      out[i] = sum(total);
    }
  }
};

template <class Dots, int M>
void few_rows(const ik_runtime* rt, const Quantized& q, const float* x, const float* bias, float* c, int64_t n, int64_t k) {
  constexpr int64_t kTaskBytes = 512 << 10;
  constexpr int R = Dots::template kRowsOfW<M>;
  const int64_t fits = kTaskBytes / std::max<int64_t>(1, q.row_bytes), wanted = n / 16;
  const int64_t rows = std::max<int64_t>(1, std::min(fits, wanted) / R) * R;
  parallel_ranges(rt, n, rows, [&](int64_t begin, int64_t end) {
    // R streams through memory, a part of the task each: one does not keep enough cache lines on their way.
    const int64_t apart = (end - begin) / R;
    const auto put = [&]<int Rows>(std::integral_constant<int, Rows>, int64_t j) {
      float out[M * Rows];
      Dots::template dots<M, Rows>(q, j, apart, x, k, out);
      for (int m = 0; m < M; ++m)
        for (int r = 0; r < Rows; ++r) c[m * n + j + r * apart] = out[m * Rows + r] + (bias ? bias[j + r * apart] : 0.0f);
    };
    for (int64_t j = begin; j < begin + apart; ++j) put(std::integral_constant<int, R>{}, j);
    for (int64_t j = begin + R * apart; j < end; ++j) put(std::integral_constant<int, 1>{}, j);
  });
}

// B as Gemm packs it.
template <class F, class E, class R>
struct Dequantized {
  Quantized q;

  void pack(int64_t column, int64_t width, int64_t k0, int64_t k, typename E::Unit* to) const {
    constexpr int64_t kChunk = 128;
    alignas(64) float tile[kCols<E>][kChunk];
    for (int64_t p = 0; p < k; p += kChunk) {
      const int64_t part = std::min(kChunk, k - p);
      for (int64_t j = 0; j < width; ++j)
        dequantize_row<F>(q, column + j, (k0 + p) / kBlock, (k0 + p + part) / kBlock, tile[j]);
      pack_panel<R, E::kPer, kCols<E>>(&tile[0][0], kChunk, 1, width, width, part, to + p / E::kPer * kCols<E>);
    }
  }
};

template <class F, class E, class R>
int32_t many_rows(const ik_runtime* rt, const Quantized& q, Operand<float> x, const float* bias, float* c, int64_t m, int64_t n, int64_t k) {
  Epilogue<float, float> finish;
  if (bias) {
    const int64_t padded = ceil_div(n, kCols<E>) * kCols<E>;
    auto* const copy = static_cast<float*>(rt->scratch(rt, static_cast<size_t>(padded) * sizeof(float)));
    if (!copy) return IK_OOM;
    std::fill(std::copy_n(bias, n, copy), copy + padded, 0.0f);
    finish.bias = copy;
  }
  const Gemm<E, R, float, float> gemm(m, n, k);
  auto* const scratch = static_cast<typename E::Unit*>(rt->scratch(rt, gemm.scratch_units(rt->threads) * sizeof(typename E::Unit)));
  if (!scratch) return IK_OOM;
  gemm.run(rt, x, Dequantized<F, E, R>{q}, finish, c, scratch);
  return IK_OK;
}

Quantized quantized(const ik_view* in, int64_t format, int64_t group, bool zeros, int64_t k) {
  Quantized q{static_cast<const uint8_t*>(in[0].data), bytes_of_row(format, k), nullptr, nullptr, 0, 1};
  if (format == kInt8 || format == kInt4) {
    q.scales = static_cast<const float*>(in[1].data);
    q.zeros = zeros ? static_cast<const uint8_t*>(in[2].data) : nullptr;
    q.group_blocks = group;
    q.groups = (k / kBlock + group - 1) / group;
  }
  return q;
}

}  // namespace

int32_t ik_cpu_matmul_quantized(const ik_runtime* rt, const ik_view* in, int32_t n_in, const ik_view* out, int32_t, const void* attrs) {
  const auto& a = *static_cast<const ik_attrs_matmul_quantized*>(attrs);
  const int64_t m = in[0].shape[0], k = in[0].shape[1], n = out[0].shape[1];
  if (in[0].dtype != IK_F32 || in[1].dtype != IK_U8 || k % kBlock != 0 || a.group < 1) return IK_UNSUPPORTED;
  if (m * n == 0) return IK_OK;
  const Quantized q = quantized(in + 1, a.format, a.group, a.zeros != 0, k);
  const float* const bias = a.bias ? static_cast<const float*>(in[n_in - 1].data) : nullptr;
  const float* const x = static_cast<const float*>(in[0].data);
  const int64_t x_row = in[0].stride[0];
  float* const c = static_cast<float*>(out[0].data);
  return with_format(a.format, [&]<class F>(F) -> int32_t {
    if (m > kFewRows) {
#if defined(__AVX512BF16__)
      if (a.bf16) return many_rows<F, MulBf16, ReaderBf16<float>>(rt, q, {x, x_row, 1}, bias, c, m, n, k);
#else
      if (a.bf16) return many_rows<F, MulF32, ReaderF32<float, true>>(rt, q, {x, x_row, 1}, bias, c, m, n, k);
#endif
      return many_rows<F, MulF32, ReaderF32<float, false>>(rt, q, {x, x_row, 1}, bias, c, m, n, k);
    }
    const auto run = [&]<class Dots>(Dots, const float* prepared) {
      [&]<int... M>(std::integer_sequence<int, M...>) {
        (void)((m == M + 1 && (few_rows<Dots, M + 1>(rt, q, prepared, bias, c, n, k), true)) || ...);
      }(std::make_integer_sequence<int, kFewRows>{});
      return IK_OK;
    };
#if defined(__AVX512VNNI__)
    using D = Digits<F>;
    if (m <= D::kMostRows && D::takes(q)) {
      const int64_t row = D::row_floats(k);
      auto* const digits = static_cast<float*>(rt->scratch(rt, static_cast<size_t>(m * row + 1) * sizeof(float)));
      if (!digits) return IK_OOM;
      bool finite = true;
      for (int64_t i = 0; i < m; ++i) finite &= D::prepare(x + i * x_row, k, D::zero_of_all(q), digits + i * row);
      if (finite) return run(D{}, digits);
    }
#endif
    auto* const arranged = static_cast<float*>(rt->scratch(rt, static_cast<size_t>(m * k + 1) * sizeof(float)));
    if (!arranged) return IK_OOM;
    for (int64_t i = 0; i < m; ++i) arrange<F>(x + i * x_row, k, arranged + i * k);
    return run(Floats<F>{}, arranged);
  });
}

int32_t ik_cpu_dequantize_weights(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void* attrs) {
  const auto& a = *static_cast<const ik_attrs_dequantize_weights*>(attrs);
  const int64_t n = out[0].shape[0], k = out[0].shape[1];
  if (in[0].dtype != IK_U8 || out[0].dtype != IK_F32 || k % kBlock != 0 || a.group < 1) return IK_UNSUPPORTED;
  const Quantized q = quantized(in, a.format, a.group, a.zeros != 0, k);
  return with_format(a.format, [&]<class F>(F) -> int32_t {
    parallel_rows(rt, n, k, [&](int64_t begin, int64_t end) {
      for (int64_t j = begin; j < end; ++j) dequantize_row<F>(q, j, 0, k / kBlock, static_cast<float*>(out[0].data) + j * k);
    });
    return IK_OK;
  });
}
