// Cross-entropy of logits [n, V] against class numbers, without storing probabilities.
#include "parallel.h"
#include "softmax.h"

namespace ik {
namespace {

bool targets_inside(const int32_t* target, int64_t n, int64_t classes, int64_t ignore_index) {
  for (int64_t r = 0; r < n; ++r)
    if (target[r] != ignore_index && (target[r] < 0 || target[r] >= classes)) return false;
  return true;
}

// loss = (1 - s) (lse - x[target]) + s (lse - mean(x))
template <class T>
void forward(const ik_runtime* rt, const ik_view* in, const ik_view* out, const ik_attrs_cross_entropy& a) {
  using S = scalar<T>;
  const auto logits = rows_of<const T>(in[0]);
  const int32_t* target = static_cast<const int32_t*>(in[1].data);
  S* loss = static_cast<S*>(out[0].data);
  S* lse = static_cast<S*>(out[1].data);
  const int64_t classes = in[0].shape[1];
  const double smoothing = a.label_smoothing;
  parallel_rows(rt, in[0].shape[0], classes, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const T* x = logits[r];
      const ExpSum<T> s = smoothing != 0.0 ? sum_of_exp<T, true>(x, classes) : sum_of_exp(x, classes);
      const double total = static_cast<double>(s.max) + std::log(s.sum);
      lse[r] = static_cast<S>(total);
      loss[r] = 0;
      if (target[r] == a.ignore_index) continue;
      double value = total - static_cast<double>(value_of(x[target[r]]));
      if (smoothing != 0.0)
        value = (1.0 - smoothing) * value + smoothing * (total - s.plain / static_cast<double>(classes));
      loss[r] = static_cast<S>(value);
    }
  });
}

// dlogits = dloss (softmax(x) - (1 - s) onehot(target) - s / V)
template <class T>
void backward(const ik_runtime* rt, const ik_view* in, const ik_view& out, const ik_attrs_cross_entropy_grad& a) {
  using S = scalar<T>;
  using V = compute<T>;
  const auto logits = rows_of<const T>(in[0]);
  const int32_t* target = static_cast<const int32_t*>(in[1].data);
  const S* lse = static_cast<const S*>(in[2].data);
  const S* dloss = static_cast<const S*>(in[3].data);
  const auto dlogits = rows_of<T>(out);
  const int64_t classes = in[0].shape[1];
  const double smoothing = a.label_smoothing;
  parallel_rows(rt, in[0].shape[0], classes, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const T* x = logits[r];
      T* dx = dlogits[r];
      if (target[r] == a.ignore_index) {
        std::memset(static_cast<void*>(dx), 0, static_cast<size_t>(classes) * sizeof(T));
        continue;
      }
      const S uniform = static_cast<S>(smoothing / static_cast<double>(classes));
      const V shift = splat_as<V>(lse[r]), scale = splat_as<V>(dloss[r]), floor = splat_as<V>(uniform);
      // The target's own entry is computed apart, from the logit before the row may be overwritten in place.
      const S at_target = value_of(x[target[r]]);
      for_vectors<T>(classes, [&](int64_t i, auto get, auto put) {
        put(dx + i, scale * (exp(get(x + i) - shift) - floor));
      });
      const double p = std::exp(static_cast<double>(at_target) - static_cast<double>(lse[r]));
      const double rest = smoothing / static_cast<double>(classes) + (1.0 - smoothing);
      set_value(static_cast<double>(dloss[r]) * (p - rest), dx[target[r]]);
    }
  });
}

}  // namespace
}  // namespace ik

int32_t ik_cpu_cross_entropy(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t,
                             const void* attrs) {
  using namespace ik;
  const auto& a = *static_cast<const ik_attrs_cross_entropy*>(attrs);
  const int32_t statistics = statistics_dtype(in[0].dtype);
  if (in[1].dtype != IK_I32 || out[0].dtype != statistics || out[1].dtype != statistics) return IK_UNSUPPORTED;
  if (!targets_inside(static_cast<const int32_t*>(in[1].data), in[0].shape[0], in[0].shape[1], a.ignore_index))
    return IK_BAD_INDEX;
  return for_float_dtype(in[0].dtype, [&]<class T>(T) {
    forward<T>(rt, in, out, a);
    return IK_OK;
  });
}

int32_t ik_cpu_cross_entropy_grad(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t,
                                  const void* attrs) {
  using namespace ik;
  const auto& a = *static_cast<const ik_attrs_cross_entropy_grad*>(attrs);
  const int32_t dtype = in[0].dtype, statistics = statistics_dtype(dtype);
  if (in[1].dtype != IK_I32 || in[2].dtype != statistics || in[3].dtype != statistics || out[0].dtype != dtype)
    return IK_UNSUPPORTED;
  if (!targets_inside(static_cast<const int32_t*>(in[1].data), in[0].shape[0], in[0].shape[1], a.ignore_index))
    return IK_BAD_INDEX;
  return for_float_dtype(dtype, [&]<class T>(T) {
    backward<T>(rt, in, out[0], a);
    return IK_OK;
  });
}
