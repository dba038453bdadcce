// Matrix products of two or three axes: which element types multiply how, batches, and which path a shape takes.
#include "cpu/gemm_skinny.h"

namespace {

using namespace ik;

struct Shape {
  int64_t batch, m, n, k;
  int64_t a_batch, a_row, a_k, b_batch, b_col, b_k;  // strides
};

Shape shape_of(const ik_view& a, const ik_view& b, const ik_view& c) {
  const int ra = a.rank, rb = b.rank, rc = c.rank;
  Shape s{};
  s.batch = rc == 3 ? c.shape[0] : 1;
  s.m = c.shape[rc - 2];
  s.n = c.shape[rc - 1];
  s.k = a.shape[ra - 1];
  s.a_row = a.stride[ra - 2];
  s.a_k = a.stride[ra - 1];
  s.b_k = b.stride[rb - 2];
  s.b_col = b.stride[rb - 1];
  s.a_batch = ra == 3 && a.shape[0] > 1 ? a.stride[0] : 0;
  s.b_batch = rb == 3 && b.shape[0] > 1 ? b.stride[0] : 0;
  // An axis of one element has a stride that means nothing: give it the one the fast paths look for.
  if (s.k == 1 && s.b_col != 1) s.b_k = 1;
  if (s.n == 1 && s.b_k != 1) s.b_col = 1;
  // One B for every A, and the As follow each other: one tall product.
  if (s.batch > 1 && s.b_batch == 0 && (s.m == 1 || s.a_batch == s.m * s.a_row)) {
    if (s.m == 1) s.a_row = s.a_batch;
    s.m *= s.batch;
    s.batch = 1;
  }
  return s;
}

// Below this many multiplications handing tasks to other threads costs more than it gains.
constexpr int64_t kSerialWork = 1 << 18;
// Batches of products smaller than this are divided by product, larger ones within each.
constexpr int64_t kBatchScratch = 4 << 20;

template <class E, class R, class T, class O>
int32_t multiply(const ik_runtime* rt, const Shape& s, const T* a, const T* b, const T* bias, O* c) {
  using Acc = typename E::Acc;
  if (s.batch * s.m * s.n == 0) return IK_OK;
  Acc* padded = nullptr;
  if (bias) {
    const int64_t n = ceil_div(s.n, kCols<E>) * kCols<E>;
    padded = static_cast<Acc*>(rt->scratch(rt, n * sizeof(Acc)));
    if (!padded) return IK_OOM;
    for (int64_t j = 0; j < n; ++j) {
      if constexpr (std::is_same_v<Acc, double>) padded[j] = j < s.n ? bias[j] : 0;
      else padded[j] = j < s.n ? to_float(bias[j]) : 0;
    }
  }
  const double work = static_cast<double>(s.m) * s.n * s.k;
  const bool serial = work * s.batch <= kSerialWork;
  const auto each = [&](const auto& gemm, const ik_runtime* team, int64_t i, auto* scratch) {
    gemm.run(team, {a + i * s.a_batch, s.a_row, s.a_k}, {b + i * s.b_batch, s.b_col, s.b_k}, padded, c + i * s.m * s.n, scratch);
  };
  const auto all = [&](const auto& gemm, auto unit, size_t worker_units, size_t team_units) -> int32_t {
    using Unit = decltype(unit);
    const bool by_item = !serial && s.batch >= 4 && worker_units * sizeof(Unit) <= kBatchScratch;
    const size_t one = (worker_units * sizeof(Unit) + 63) / 64 * 64;
    const size_t bytes = serial ? one : by_item ? one * rt->threads : team_units * sizeof(Unit);
    char* const scratch = static_cast<char*>(rt->scratch(rt, bytes));
    if (!scratch) return IK_OOM;
    if (by_item) {
      for_tasks(rt, s.batch, [&](int64_t i, int32_t worker) {
        each(gemm, nullptr, i, reinterpret_cast<Unit*>(scratch + worker * one));
      });
    } else {
      for (int64_t i = 0; i < s.batch; ++i) each(gemm, serial ? nullptr : rt, i, reinterpret_cast<Unit*>(scratch));
    }
    return IK_OK;
  };
  using Skinny = std::conditional_t<std::is_same_v<Acc, double>, MulF64, MulF32>;
  if constexpr (!std::is_same_v<typename Skinny::Acc, typename R::Unit>) {
    // 16-bit pairs: the skinny path reads single elements.
    using Wide = ReaderF32<T, sizeof(T) == 4>;
    if (s.m <= kSkinnyRows && (s.b_k == 1 || s.b_col == 1)) {
      const SkinnyGemm<Skinny, Wide, T, O> gemm(s.m, s.n, s.k);
      return all(gemm, Acc{}, gemm.scratch_units(), gemm.scratch_units());
    }
  } else if (s.m <= kSkinnyRows && (s.b_k == 1 || s.b_col == 1)) {
    const SkinnyGemm<Skinny, R, T, O> gemm(s.m, s.n, s.k);
    return all(gemm, Acc{}, gemm.scratch_units(), gemm.scratch_units());
  }
  const Gemm<E, R, T, O> gemm(s.m, s.n, s.k);
  return all(gemm, typename E::Unit{}, gemm.scratch_units(1), gemm.scratch_units(rt->threads));
}

}  // namespace

int32_t ik_cpu_matmul(const ik_runtime* rt, const ik_view* in, int32_t n_in, const ik_view* out, int32_t, const void* attrs) {
  const bool in_bf16 = static_cast<const ik_attrs_matmul*>(attrs)->bf16 != 0;
  const Shape s = shape_of(in[0], in[1], out[0]);
  const int32_t dtype = in[0].dtype;
  if (in[1].dtype != dtype || out[0].dtype != dtype || (n_in > 2 && in[2].dtype != dtype)) return IK_UNSUPPORTED;
  const auto run = [&]<class E, class R, class T>(E, R, T) {
    return multiply<E, R, T, T>(rt, s, static_cast<const T*>(in[0].data), static_cast<const T*>(in[1].data),
                                n_in > 2 ? static_cast<const T*>(in[2].data) : nullptr, static_cast<T*>(out[0].data));
  };
  switch (dtype) {
#if defined(__AVX512BF16__)
    case IK_F32:
      if (in_bf16) return run(MulBf16{}, ReaderBf16<float>{}, float{});
      return run(MulF32{}, ReaderF32<float, false>{}, float{});
    case IK_BF16: return run(MulBf16{}, ReaderBf16<bf16>{}, bf16{});
#else
    case IK_F32:
      if (in_bf16) return run(MulF32{}, ReaderF32<float, true>{}, float{});
      return run(MulF32{}, ReaderF32<float, false>{}, float{});
    case IK_BF16: return run(MulF32{}, ReaderF32<bf16, false>{}, bf16{});
#endif
    case IK_F16: return run(MulF32{}, ReaderF32<f16, false>{}, f16{});
    case IK_F64: return run(MulF64{}, ReaderF64{}, double{});
    default: return IK_UNSUPPORTED;
  }
}
