// The gradient of silu(gate) * up: both halves in one pass over memory.
#include "math.h"
#include "parallel.h"

namespace ik {
namespace {

template <class T>
void swiglu_grad(const ik_runtime* rt, const ik_view* in, const ik_view* out) {
  const T* gate = static_cast<const T*>(in[0].data);
  const T* up = static_cast<const T*>(in[1].data);
  const T* dy = static_cast<const T*>(in[2].data);
  T* dgate = static_cast<T*>(out[0].data);
  T* dup = static_cast<T*>(out[1].data);
  parallel_ranges(rt, ik_numel(in[0]), kGrain, [&](int64_t begin, int64_t end) {
    for_vectors<T>(end - begin, [&](int64_t k, auto get, auto put) {
      const int64_t i = begin + k;
      const auto x = get(gate + i), u = get(up + i), d = get(dy + i);
      const auto s = sigmoid_with_slope(x);
      put(dgate + i, d * u * (s.value + x * s.slope));
      put(dup + i, d * (x * s.value));
    });
  });
}

}  // namespace
}  // namespace ik

int32_t ik_cpu_swiglu_grad(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void*) {
  using namespace ik;
  const int32_t dtype = in[0].dtype;
  for (const ik_view& v : {in[1], in[2], out[0], out[1]})
    if (v.dtype != dtype) return IK_UNSUPPORTED;
  switch (dtype) {
    case IK_F32: swiglu_grad<float>(rt, in, out); return IK_OK;
    case IK_F64: swiglu_grad<double>(rt, in, out); return IK_OK;
    case IK_BF16: swiglu_grad<bf16>(rt, in, out); return IK_OK;
    case IK_F16: swiglu_grad<f16>(rt, in, out); return IK_OK;
  }
  return IK_UNSUPPORTED;
}
