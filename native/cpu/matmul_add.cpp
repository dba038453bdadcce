// C += A B for matrices: gradients that arrive in parts are added up without a copy of each part.
#include "cpu/gemm.h"

int32_t ik_cpu_matmul_add(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void* attrs) {
  using namespace ik;
  const ik_view &a = in[0], &b = in[1], &c = out[0];
  if (a.dtype != IK_F32 || b.dtype != IK_F32 || c.dtype != IK_F32) return IK_UNSUPPORTED;
  const int64_t m = c.shape[0], n = c.shape[1], k = a.shape[1];
  if (m * n * k == 0) return IK_OK;
  const auto add = [&]<class E, class R>(E, R) -> int32_t {
    Gemm<E, R, float, float> gemm(m, n, k);
    gemm.accumulate();
    using Unit = typename E::Unit;
    auto* const scratch = static_cast<Unit*>(rt->scratch(rt, gemm.scratch_units(rt->threads) * sizeof(Unit)));
    if (!scratch) return IK_OOM;
    gemm.run(rt, operand<float>(a, 0, 1), operand<float>(b, 1, 0), {}, static_cast<float*>(c.data), scratch);
    return IK_OK;
  };
  if (static_cast<const ik_attrs_matmul_add*>(attrs)->bf16) {
#if defined(__AVX512BF16__)
    return add(MulBf16{}, ReaderBf16<float>{});
#else
    return add(MulF32{}, ReaderF32<float, true>{});
#endif
  }
  return add(MulF32{}, ReaderF32<float, false>{});
}
