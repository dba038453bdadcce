// Optimizer steps over lists of dense tensors: AdamW (Loshchilov and Hutter 2019), the gradient norm, rescaling.
#include "parallel.h"
#include "softmax.h"

namespace ik {
namespace {

// A list of tensors as one row of pieces of kGrain elements.
struct Piece {
  int32_t tensor;
  int64_t begin, end;
};
// null only when scratch ran out; `count` pieces.
Piece* cut(const ik_runtime* rt, const ik_view* list, int32_t n, int64_t& count) {
  count = 0;
  for (int32_t k = 0; k < n; ++k) count += (ik_numel(list[k]) + kGrain - 1) / kGrain;
  auto* pieces = static_cast<Piece*>(rt->scratch(rt, static_cast<size_t>(count) * sizeof(Piece) + 1));
  if (!pieces) return nullptr;
  int64_t at = 0;
  for (int32_t k = 0; k < n; ++k) {
    const int64_t size = ik_numel(list[k]);
    for (int64_t begin = 0; begin < size; begin += kGrain)
      pieces[at++] = {k, begin, std::min(size, begin + kGrain)};
  }
  return pieces;
}

// g <- scale g; p <- p (1 - lr wd); m <- m + (1 - b1) (g - m); v <- b2 v + (1 - b2) g^2;
// p <- p - lr / (1 - b1^t) m / (sqrt(v / (1 - b2^t)) + eps), the last written as m / (sqrt(v) / c + eps)
template <class T, class G>
void adamw_run(T* p, T* m, T* v, const G* g, int64_t n, double lr, double weight_decay, const ik_attrs_adamw& a) {
  using V = compute<T>;
  const auto fixed = [](double x) { return constant<V>(x); };
  const double step = static_cast<double>(a.step);
  const V keep = fixed(1.0 - lr * weight_decay), rate = fixed(-lr / (1.0 - std::pow(a.beta1, step)));
  const V toward = fixed(1.0 - a.beta1), decay = fixed(a.beta2), fresh = fixed(1.0 - a.beta2);
  const V correction = fixed(1.0 / std::sqrt(1.0 - std::pow(a.beta2, step))), eps = fixed(a.eps);
  const V scale = fixed(a.scale);
  for_vectors<T>(n, [&](int64_t i, auto get, auto put) {
    const V grad = scale * get(g + i);
    const V first = get(m + i) + toward * (grad - get(m + i));
    const V second = decay * get(v + i) + fresh * (grad * grad);
    put(m + i, first);
    put(v + i, second);
    put(p + i, keep * get(p + i) + rate * (first / (sqrt(second) * correction + eps)));
  });
}

// The sum of squares of one run, in double: eight lanes, since the squares of large floats overflow f32.
template <class T>
double squares(const T* x, int64_t n) {
  constexpr int64_t kParts = 16;
  double acc[kParts] = {};
  int64_t i = 0;
  for (; i + kParts <= n; i += kParts)
    for (int64_t k = 0; k < kParts; ++k) {
      const double d = static_cast<double>(value_of(x[i + k]));
      acc[k] += d * d;
    }
  for (; i < n; ++i) {
    const double d = static_cast<double>(value_of(x[i]));
    acc[i % kParts] += d * d;
  }
  for (int64_t width = kParts / 2; width > 0; width /= 2)
    for (int64_t k = 0; k < width; ++k) acc[k] += acc[k + width];
  return acc[0];
}

template <class T>
T* data_of(const ik_view& v) {
  return static_cast<T*>(v.data);
}

}  // namespace
}  // namespace ik

int32_t ik_cpu_adamw(const ik_runtime* rt, const ik_view* in, int32_t n_in, const ik_view* out, int32_t,
                     const void* attrs) {
  using namespace ik;
  const auto& a = *static_cast<const ik_attrs_adamw*>(attrs);
  const int32_t n = n_in - 1;
  if (in[n].dtype != IK_F64) return IK_UNSUPPORTED;
  const auto* const rates = static_cast<const double*>(in[n].data);
  const ik_view *p = out, *m = out + n, *v = out + 2 * n;
  for (int32_t k = 0; k < n; ++k) {
    const bool wide = p[k].dtype == IK_F64;
    if ((!wide && p[k].dtype != IK_F32) || m[k].dtype != p[k].dtype || v[k].dtype != p[k].dtype) return IK_UNSUPPORTED;
    if (wide ? in[k].dtype != IK_F64 : in[k].dtype != IK_F32 && in[k].dtype != IK_BF16 && in[k].dtype != IK_F16)
      return IK_UNSUPPORTED;
  }
  int64_t count;
  const Piece* pieces = cut(rt, p, n, count);
  if (!pieces) return IK_OOM;
  parallel_for(rt, count, [&](int64_t task, int32_t) {
    const auto [k, begin, end] = pieces[task];
    for_float_dtype(in[k].dtype, [&, k = k, begin = begin, end = end]<class G>(G) {
      using T = scalar<G>;
      adamw_run(data_of<T>(p[k]) + begin, data_of<T>(m[k]) + begin, data_of<T>(v[k]) + begin,
                data_of<const G>(in[k]) + begin, end - begin, rates[2 * k], rates[2 * k + 1], a);
      return IK_OK;
    });
  });
  return IK_OK;
}

int32_t ik_cpu_sum_squares(const ik_runtime* rt, const ik_view* in, int32_t n, const ik_view* out, int32_t,
                           const void*) {
  using namespace ik;
  if (out[0].dtype != IK_F64) return IK_UNSUPPORTED;
  for (int32_t k = 0; k < n; ++k)
    if (in[k].dtype > IK_F16) return IK_UNSUPPORTED;
  int64_t count;
  const Piece* pieces = cut(rt, in, n, count);
  double* partial = static_cast<double*>(rt->scratch(rt, static_cast<size_t>(count + 1) * sizeof(double)));
  if (!pieces || !partial) return IK_OOM;
  parallel_for(rt, count, [&](int64_t task, int32_t) {
    const auto [k, begin, end] = pieces[task];
    for_float_dtype(in[k].dtype, [&, k = k, begin = begin, end = end]<class T>(T) {
      partial[task] = squares(data_of<const T>(in[k]) + begin, end - begin);
      return IK_OK;
    });
  });
  double total = 0.0;
  for (int64_t task = 0; task < count; ++task) total += partial[task];
  *static_cast<double*>(out[0].data) = total;
  return IK_OK;
}

int32_t ik_cpu_scale(const ik_runtime* rt, const ik_view*, int32_t, const ik_view* out, int32_t n, const void* attrs) {
  using namespace ik;
  const double factor = static_cast<const ik_attrs_scale*>(attrs)->factor;
  for (int32_t k = 0; k < n; ++k)
    if (out[k].dtype > IK_F16) return IK_UNSUPPORTED;
  int64_t count;
  const Piece* pieces = cut(rt, out, n, count);
  if (!pieces) return IK_OOM;
  parallel_for(rt, count, [&](int64_t task, int32_t) {
    const auto [k, begin, end] = pieces[task];
    for_float_dtype(out[k].dtype, [&, k = k, begin = begin, end = end]<class T>(T) {
      T* x = data_of<T>(out[k]) + begin;
      for_vectors<T>(end - begin, [&](int64_t i, auto get, auto put) {
        put(x + i, get(x + i) * constant<compute<T>>(factor));
      });
      return IK_OK;
    });
  });
  return IK_OK;
}
