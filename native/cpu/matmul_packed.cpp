// Products with a matrix that was packed once and is kept: weights that every step of a generation multiplies with.
#include "cpu/gemm_fusion.h"
#include "cpu/gemm_int8.h"

namespace {

using namespace ik;

// body(what packs a weight [n, k], its element): floats for matmul_packed, bytes for matmul_int8.
template <class Body>
int32_t with_packer(const ik_view& w, bool in_bf16, Body&& body) {
  const int64_t n = w.shape[0], k = w.shape[1];
  if (w.dtype == IK_I8) {
    Gemm<MulInt8, ReaderInt8A, int8_t, int32_t, ScaleRows<int32_t>> gemm(0, n, k);
    gemm.read_b_with(ReaderInt8B{});
    return body(gemm, int8_t{});
  }
  return with_product(w.dtype, in_bf16, [&]<class E, class R, class T>(E, R, T) { return body(Gemm<E, R, T, T>(0, n, k), T{}); });
}

}  // namespace

int32_t ik_cpu_packed_weight_size(const ik_runtime*, const ik_view* in, int32_t, const ik_view* out, int32_t, const void* attrs) {
  const bool in_bf16 = static_cast<const ik_attrs_packed_weight_size*>(attrs)->bf16 != 0;
  if (out[0].dtype != IK_F64) return IK_UNSUPPORTED;
  return with_packer(in[0], in_bf16, [&]<class G, class T>(const G& gemm, T) -> int32_t {
    *static_cast<double*>(out[0].data) = static_cast<double>(gemm.packed_units() * sizeof(typename G::Unit));
    return IK_OK;
  });
}

int32_t ik_cpu_pack_weight(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void* attrs) {
  const bool in_bf16 = static_cast<const ik_attrs_pack_weight*>(attrs)->bf16 != 0;
  if (out[0].dtype != IK_U8) return IK_UNSUPPORTED;
  return with_packer(in[0], in_bf16, [&]<class G, class T>(const G& gemm, T) -> int32_t {
    using Unit = typename G::Unit;
    if (out[0].shape[0] != static_cast<int64_t>(gemm.packed_units() * sizeof(Unit))) return IK_INTERNAL;
    // W is [N, K]: B is its transpose.
    gemm.pack_b(rt, operand<T>(in[0], 0, 1), static_cast<Unit*>(out[0].data));
    return IK_OK;
  });
}

int32_t ik_cpu_matmul_packed(const ik_runtime* rt, const ik_view* in, int32_t n_in, const ik_view* out, int32_t, const void* attrs) {
  const auto& o = *static_cast<const ik_attrs_matmul_packed*>(attrs);
  const ik_view& a = in[0];
  const int64_t m = a.shape[0], k = a.shape[1], n = out[0].shape[1];
  if (o.other == kSlopeAt || (o.other == kFactor && o.activation == kNoActivation)) return IK_UNSUPPORTED;
  if (in[1].dtype != IK_U8 || out[0].dtype != a.dtype || n_in != 2 + (o.bias != 0) + (o.other != 0)) return IK_UNSUPPORTED;
  for (int32_t i = 2; i < n_in; ++i)
    if (in[i].dtype != a.dtype) return IK_UNSUPPORTED;
  return with_product(a.dtype, o.bf16 != 0, [&]<class E, class R, class T>(E, R, T) -> int32_t {
    using Unit = typename E::Unit;
    Gemm<E, R, T, T> gemm(m, n, k, true);
    if (in[1].shape[0] != static_cast<int64_t>(gemm.packed_units() * sizeof(Unit))) return IK_INTERNAL;
    if (m * n == 0) return IK_OK;
    const Fusion<T> fusion{o.activate_a, kNoActivation, o.bias ? static_cast<const T*>(in[2].data) : nullptr, o.activation, o.other,
                           o.other ? static_cast<const T*>(in[n_in - 1].data) : nullptr, nullptr};
    Epilogue<typename E::Acc, T> finish;
    if (!epilogue(rt, fusion, n, kCols<E>, finish)) return IK_OOM;
    with_activation(o.activate_a, [&]<class F>(F, auto) { gemm.read_a_with(typename R::template Through<F>{}); });
    const ik_runtime* const team = static_cast<double>(m) * n * k <= kSerialWork ? nullptr : rt;
    auto* const scratch = static_cast<Unit*>(rt->scratch(rt, gemm.scratch_units(team ? rt->threads : 1) * sizeof(Unit)));
    if (!scratch) return IK_OOM;
    gemm.run(team, operand<T>(a, 0, 1), Panels<E>{static_cast<const Unit*>(in[1].data), ceil_div(k, E::kPer)}, finish, static_cast<T*>(out[0].data), scratch);
    return IK_OK;
  });
}
