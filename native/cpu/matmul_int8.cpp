// int8 x int8 matrix products, and the quantisation of rows they are fed with.
#include <cmath>

#include "cpu/gemm_int8.h"

namespace {

using namespace ik;

// b may be panels that pack_weight made of its transpose.
template <class O>
int32_t multiply(const ik_runtime* rt, const ik_view& a, const ik_view& b, const float* row_scale, const float* column_scale, int64_t n, O* c) {
  const int64_t m = a.shape[0], k = a.shape[1];
  const bool packed = b.dtype == IK_U8;
  Gemm<MulInt8, ReaderInt8A, int8_t, O, ScaleRows<O>> gemm(m, n, k, packed);
  if (packed && b.shape[0] != static_cast<int64_t>(gemm.packed_units() * sizeof(uint32_t))) return IK_INTERNAL;
  if (m * n == 0) return IK_OK;
  const Operand<int8_t> left = operand<int8_t>(a, 0, 1);
  int32_t* offset = nullptr;
  if (kInt8Offset != 0) {
    offset = static_cast<int32_t*>(rt->scratch(rt, static_cast<size_t>(m) * sizeof(int32_t)));
    if (!offset) return IK_OOM;
    parallel_rows(rt, m, k, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int8_t* const row = left.data + i * left.outer;
        int32_t sum = 0;
        if (left.inner == 1)
          for (int64_t p = 0; p < k; ++p) sum += row[p];
        else
          for (int64_t p = 0; p < k; ++p) sum += row[p * left.inner];
        offset[i] = static_cast<int32_t>(static_cast<uint32_t>(sum) * static_cast<uint32_t>(kInt8Offset));
      }
    });
  }
  gemm.read_b_with(ReaderInt8B{});
  const bool serial = static_cast<double>(m) * n * k <= (1 << 20);
  auto* const scratch = static_cast<uint32_t*>(rt->scratch(rt, gemm.scratch_units(serial ? 1 : rt->threads) * sizeof(uint32_t)));
  if (!scratch) return IK_OOM;
  const ik_runtime* const team = serial ? nullptr : rt;
  const ScaleRows<O> finish{offset, row_scale, column_scale, n};
  if (packed) {
    gemm.run(team, left, Panels<MulInt8>{static_cast<const uint32_t*>(b.data), ceil_div(k, MulInt8::kPer)}, finish, c, scratch);
  } else {
    gemm.run(team, left, operand<int8_t>(b, 1, 0), finish, c, scratch);
  }
  return IK_OK;
}

}  // namespace

int32_t ik_cpu_matmul_int8(const ik_runtime* rt, const ik_view* in, int32_t n_in, const ik_view* out, int32_t, const void* attrs) {
  const bool scaled = static_cast<const ik_attrs_matmul_int8*>(attrs)->scaled != 0;
  const int64_t n = out[0].shape[1];
  if (in[0].dtype != IK_I8 || (in[1].dtype != IK_I8 && in[1].dtype != IK_U8) || n_in != (scaled ? 4 : 2)) return IK_UNSUPPORTED;
  if (!scaled) return multiply(rt, in[0], in[1], nullptr, nullptr, n, static_cast<int32_t*>(out[0].data));
  return multiply(rt, in[0], in[1], static_cast<const float*>(in[2].data), static_cast<const float*>(in[3].data), n,
                  static_cast<float*>(out[0].data));
}
