// The elementwise kernels of ops.def that are one functor each. A new one is a line there and its functor.
#include "elementwise.h"

#include "math.h"
#include "elementwise/functors.h"

namespace ik {
namespace {

template <class T>
T* as(void* p) {
  return static_cast<T*>(p);
}
template <class T>
const T* as(const void* p) {
  return static_cast<const T*>(p);
}

template <class F, class T>
void unary_row(const void* const* in, void* out, int64_t n) {
  const T* a = as<T>(in[0]);
  T* y = as<T>(out);
  if constexpr (kWidth<T> > 1) {
    for_vectors<T>(n, [&](int64_t i, auto get, auto put) { put(y + i, F{}(get(a + i))); });
  } else {
    // The output is an input or apart from it, so no iteration reads what another writes.
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) y[i] = F{}(a[i]);
  }
}

template <class F, class T>
void binary_row(const void* const* in, void* out, int64_t n) {
  const T* a = as<T>(in[0]);
  const T* b = as<T>(in[1]);
  T* y = as<T>(out);
  if constexpr (kWidth<T> > 1) {
    for_vectors<T>(n, [&](int64_t i, auto get, auto put) { put(y + i, F{}(get(a + i), get(b + i))); });
  } else {
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) y[i] = F{}(a[i], b[i]);
  }
}

template <class F, class T>
void compare_row(const void* const* in, void* out, int64_t n) {
  typedef uint8_t vbytes __attribute__((vector_size(kLanes)));
  const T* a = as<T>(in[0]);
  const T* b = as<T>(in[1]);
  uint8_t* y = as<uint8_t>(out);
  if constexpr (kWidth<T> > 1) {
    int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) {
      const vi mask = F{}(load(a + i), load(b + i));
      const vbytes ones = __builtin_convertvector(mask & 1, vbytes);
      std::memcpy(y + i, &ones, sizeof ones);
    }
    for (; i < n; ++i) y[i] = F{}(to_float(a[i]), to_float(b[i]));
  } else {
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) y[i] = F{}(a[i], b[i]);
  }
}

template <class F>
RowFn unary(int32_t dtype) {
  switch (dtype) {
    case IK_F32: return unary_row<F, float>;
    case IK_F64: return unary_row<F, double>;
    case IK_BF16: return unary_row<F, bf16>;
    case IK_F16: return unary_row<F, f16>;
  }
  if constexpr (F::integers) {
    if (dtype == IK_I32) return unary_row<F, int32_t>;
    if (dtype == IK_U8) return unary_row<F, uint8_t>;
  }
  return nullptr;
}

template <class F>
RowFn binary(int32_t dtype) {
  switch (dtype) {
    case IK_F32: return binary_row<F, float>;
    case IK_F64: return binary_row<F, double>;
    case IK_BF16: return binary_row<F, bf16>;
    case IK_F16: return binary_row<F, f16>;
  }
  if constexpr (F::integers) {
    if (dtype == IK_I32) return binary_row<F, int32_t>;
    if (dtype == IK_U8) return binary_row<F, uint8_t>;
  }
  return nullptr;
}

template <class F>
RowFn compare(int32_t dtype) {
  switch (dtype) {
    case IK_F32: return compare_row<F, float>;
    case IK_F64: return compare_row<F, double>;
    case IK_BF16: return compare_row<F, bf16>;
    case IK_F16: return compare_row<F, f16>;
    case IK_I32: return compare_row<F, int32_t>;
    case IK_U8:
    case IK_BOOL: return compare_row<F, uint8_t>;
  }
  return nullptr;
}

int32_t run(const ik_runtime* rt, const ik_view* in, int32_t n_in, const ik_view& out, int32_t out_dtype, RowFn row) {
  for (int32_t k = 1; k < n_in; ++k)
    if (in[k].dtype != in[0].dtype) return IK_UNSUPPORTED;
  if (!row || out.dtype != out_dtype) return IK_UNSUPPORTED;
  return run_elementwise(rt, in, n_in, out, row);
}

}  // namespace
}  // namespace ik

#define IK_KERNEL(name, views, out_dtype, make)                                                                     \
  int32_t ik_cpu_##name(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void*) { \
    return ik::run(rt, in, views, out[0], out_dtype, ik::make<ik::functor::name>(in[0].dtype));                     \
  }
#define IK_OP(name, attributes)
#define IK_UNARY(name) IK_KERNEL(name, 1, in[0].dtype, unary)
#define IK_BINARY(name) IK_KERNEL(name, 2, in[0].dtype, binary)
#define IK_COMPARE(name) IK_KERNEL(name, 2, IK_BOOL, compare)
#include "ops.def"
