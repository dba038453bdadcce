// What the kernels of matrix products share: which element types multiply how, and what is fused to a product.
#pragma once
#include "cpu/gemm.h"

namespace ik {

// Below this many multiplications handing tasks to other threads costs more than it gains.
constexpr int64_t kSerialWork = 1 << 18;
// What is done to the operands on the way in and to the product on the way out.
template <class T>
struct Fusion {
  int64_t activate_a, activate_b;
  const T* bias;
  int64_t activation;
  int64_t other_is;  // an Other
  const T* other;
  T* before;
};

// The epilogue of a product of n columns, the bias widened and padded to whole panels of `panel`; false without memory.
template <class Acc, class T>
bool epilogue(const ik_runtime* rt, const Fusion<T>& fusion, int64_t n, int64_t panel, Epilogue<Acc, T>& finish) {
  if (fusion.bias) {
    const int64_t whole = ceil_div(n, panel) * panel;
    Acc* const padded = static_cast<Acc*>(rt->scratch(rt, whole * sizeof(Acc)));
    if (!padded) return false;
    for (int64_t j = 0; j < whole; ++j) {
      if constexpr (std::is_same_v<Acc, double>) padded[j] = j < n ? fusion.bias[j] : 0;
      else padded[j] = j < n ? to_float(fusion.bias[j]) : 0;
    }
    finish.bias = padded;
  }
  finish.other = fusion.other;
  finish.before = fusion.before;
  with_activation(fusion.activation, [&]<class F, class G>(F, G) {
    finish.row = fusion.other_is == kSlopeAt  ? slope_row<Acc, T, G>
                 : fusion.other_is == kFactor ? gate_row<Acc, T, F>
                                              : activate_row<Acc, T, F>;
  });
  if (fusion.activation == kNoActivation && fusion.other) finish.row = activate_row<Acc, T, Identity>;
  return true;
}

// body(multiplier, reader, element): how tensors of a dtype multiply, f32 in bf16 when that is asked for.
template <class Body>
int32_t with_product(int32_t dtype, bool in_bf16, Body&& body) {
  switch (dtype) {
#if defined(__AVX512BF16__)
    case IK_F32:
      if (in_bf16) return body(MulBf16{}, ReaderBf16<float>{}, float{});
      return body(MulF32{}, ReaderF32<float, false>{}, float{});
    case IK_BF16: return body(MulBf16{}, ReaderBf16<bf16>{}, bf16{});
#else
    case IK_F32:
      if (in_bf16) return body(MulF32{}, ReaderF32<float, true>{}, float{});
      return body(MulF32{}, ReaderF32<float, false>{}, float{});
    case IK_BF16: return body(MulF32{}, ReaderF32<bf16, false>{}, bf16{});
#endif
    case IK_F16: return body(MulF32{}, ReaderF32<f16, false>{}, f16{});
    case IK_F64: return body(MulF64{}, ReaderF64<>{}, double{});
    default: return IK_UNSUPPORTED;
  }
}

}  // namespace ik
