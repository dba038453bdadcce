// Matrix products of two or three axes: which element types multiply how, batches, and which path a shape takes.
#include "cpu/gemm_fusion.h"
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
  const Operand<void> right = operand<void>(b, rb - 1, rb - 2);
  s.b_col = right.outer;
  s.b_k = right.inner;
  s.a_batch = ra == 3 && a.shape[0] > 1 ? a.stride[0] : 0;
  s.b_batch = rb == 3 && b.shape[0] > 1 ? b.stride[0] : 0;
  // One B for every A, and the As follow each other: one tall product.
  if (s.batch > 1 && s.b_batch == 0 && (s.m == 1 || s.a_batch == s.m * s.a_row)) {
    if (s.m == 1) s.a_row = s.a_batch;
    s.m *= s.batch;
    s.batch = 1;
  }
  return s;
}

// Batches of products smaller than this are divided by product, larger ones within each.
constexpr int64_t kBatchScratch = 4 << 20;

template <class E, class R, class T>
int32_t multiply(const ik_runtime* rt, const Shape& s, const T* a, const T* b, const Fusion<T>& fusion, T* c) {
  using Acc = typename E::Acc;
  if (s.batch * s.m * s.n == 0) return IK_OK;
  Epilogue<Acc, T> finish;
  if (!epilogue(rt, fusion, s.n, kCols<E>, finish)) return IK_OOM;
  const double work = static_cast<double>(s.m) * s.n * s.k;
  const bool serial = work * s.batch <= kSerialWork;
  const auto each = [&](const auto& gemm, const ik_runtime* team, int64_t i, auto* scratch) {
    Epilogue<Acc, T> own = finish;
    if (own.other) own.other += i * s.m * s.n;
    if (own.before) own.before += i * s.m * s.n;
    gemm.run(team, {a + i * s.a_batch, s.a_row, s.a_k}, Operand<T>{b + i * s.b_batch, s.b_col, s.b_k}, own, c + i * s.m * s.n, scratch);
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
  // Few rows read single elements of B, once: nothing is gained by pairs, nor is there a place to activate them.
  using Skinny = std::conditional_t<std::is_same_v<Acc, double>, MulF64, MulF32>;
  using Single = std::conditional_t<std::is_same_v<typename Skinny::Acc, typename R::Unit>, R, ReaderF32<T, sizeof(T) == 4>>;
  if (s.m <= kSkinnyRows && (s.b_k == 1 || s.b_col == 1) && fusion.activate_b == kNoActivation) {
    SkinnyGemm<Skinny, Single, T, T> gemm(s.m, s.n, s.k);
    with_activation(fusion.activate_a, [&]<class F>(F, auto) { gemm.read_a_with(typename Single::template Through<F>{}); });
    const size_t units = gemm.scratch_units(s.b_k != 1);
    return all(gemm, Acc{}, units, units);
  }
  Gemm<E, R, T, T> gemm(s.m, s.n, s.k);
  with_activation(fusion.activate_a, [&]<class F>(F, auto) { gemm.read_a_with(typename R::template Through<F>{}); });
  with_activation(fusion.activate_b, [&]<class F>(F, auto) { gemm.read_b_with(typename R::template Through<F>{}); });
  return all(gemm, typename E::Unit{}, gemm.scratch_units(1), gemm.scratch_units(rt->threads));
}

}  // namespace

int32_t ik_cpu_matmul(const ik_runtime* rt, const ik_view* in, int32_t n_in, const ik_view* out, int32_t n_out, const void* attrs) {
  const auto& options = *static_cast<const ik_attrs_matmul*>(attrs);
  const bool in_bf16 = options.bf16 != 0;
  const Shape s = shape_of(in[0], in[1], out[0]);
  const int32_t dtype = in[0].dtype;
  for (int32_t i = 1; i < n_in; ++i)
    if (in[i].dtype != dtype) return IK_UNSUPPORTED;
  const bool lacks_activation = (options.other == kSlopeAt || options.other == kFactor) && options.activation == kNoActivation;
  if (out[0].dtype != dtype || lacks_activation || n_in != 2 + (options.bias != 0) + (options.other != 0)) return IK_UNSUPPORTED;
  const auto run = [&]<class E, class R, class T>(E, R, T) {
    const Fusion<T> fusion{options.activate_a,
                           options.activate_b,
                           options.bias ? static_cast<const T*>(in[2].data) : nullptr,
                           options.activation,
                           options.other,
                           options.other ? static_cast<const T*>(in[n_in - 1].data) : nullptr,
                           n_out > 1 ? static_cast<T*>(out[1].data) : nullptr};
    return multiply<E, R, T>(rt, s, static_cast<const T*>(in[0].data), static_cast<const T*>(in[1].data), fusion,
                             static_cast<T*>(out[0].data));
  };
  return with_product(dtype, in_bf16, run);
}
