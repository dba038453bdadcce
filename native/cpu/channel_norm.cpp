// batch_norm (Ioffe and Szegedy 2015) and group_norm (Wu and He 2018) of x [N, C, S]: the same formula over different
// sets of blocks, a block being the S elements of one channel of one example.
#include "cpu/parallel.h"
#include "cpu/softmax.h"

namespace ik {
namespace {

// Set q holds `blocks` blocks: for batch_norm channel q of every example, for group_norm the channels of one group of
// one example.
struct Sets {
  int64_t n, c, s;
  int64_t groups;  // 0: batch_norm
  int64_t count() const { return groups ? n * groups : c; }
  int64_t blocks() const { return groups ? c / groups : n; }
  int64_t elements() const { return blocks() * s; }
  int64_t block(int64_t q, int64_t b) const { return groups ? q * (c / groups) + b : b * c + q; }  // index into [N, C]
};

template <class T>
struct Statistics {
  scalar<T> mean, variance;
};

template <class T>
Statistics<T> statistics_of(const Sets& z, const T* x, int64_t q) {
  using V = compute<T>;
  using S = scalar<T>;
  const double n = static_cast<double>(z.elements());
  double total = 0;
  for (int64_t b = 0; b < z.blocks(); ++b) {
    const T* const at = x + z.block(q, b) * z.s;
    total += total_over<T>(z.s, [&](int64_t i, auto get) { return get(at + i); });
  }
  const S mean = static_cast<S>(total / n);
  const V center = splat_as<V>(mean);
  double squares = 0;
  for (int64_t b = 0; b < z.blocks(); ++b) {
    const T* const at = x + z.block(q, b) * z.s;
    squares += total_over<T>(
        z.s,
        [&](int64_t i, auto get) {
          const V d = get(at + i) - center;
          return d * d;
        },
        mean);
  }
  return {mean, static_cast<S>(squares / n)};
}

template <class S>
S inverse_root(S variance, double eps) {
  return static_cast<S>(1.0 / std::sqrt(static_cast<double>(variance) + eps));
}

// Sets of about kGrain elements a task.
template <class Body>
void for_sets(const ik_runtime* rt, const Sets& z, Body&& body) {
  parallel_rows(rt, z.count(), z.elements(), [&](int64_t begin, int64_t end) {
    for (int64_t q = begin; q < end; ++q) body(q);
  });
}

// `given`: mean and variance come in; otherwise they go out.
template <class T>
int32_t forward(const ik_runtime* rt, const Sets& z, bool given, double eps, const T* x, const T* weight, const T* bias, scalar<T>* means,
                scalar<T>* variances, T* y) {
  using V = compute<T>;
  for_sets(rt, z, [&](int64_t q) {
    const Statistics<T> of = given ? Statistics<T>{means[q], variances[q]} : statistics_of(z, x, q);
    if (!given) {
      means[q] = of.mean;
      variances[q] = of.variance;
    }
    const V center = splat_as<V>(of.mean), scale = splat_as<V>(inverse_root(of.variance, eps));
    for (int64_t b = 0; b < z.blocks(); ++b) {
      const int64_t block = z.block(q, b), channel = block % z.c;
      const V w = splat_as<V>(value_of(weight[channel])), shift = splat_as<V>(value_of(bias[channel]));
      const T* const from = x + block * z.s;
      T* const to = y + block * z.s;
      for_vectors<T>(z.s, [&](int64_t i, auto get, auto put) { put(to + i, (get(from + i) - center) * scale * w + shift); });
    }
  });
  return IK_OK;
}

// With h = (x - mean) / root and g = dy weight: dx = (g - mean(g) - h mean(g h)) / root over a set, or g / root where
// the statistics are constants. dweight = sum of dy h, dbias = sum of dy over a channel.
template <class T>
int32_t backward(const ik_runtime* rt, const Sets& z, bool fixed, double eps, const T* x, const T* weight, const scalar<T>* means,
                 const scalar<T>* variances, const T* dy, T* dx, T* dweight, T* dbias) {
  using V = compute<T>;
  using S = scalar<T>;
  // Of every block: the sums of dy and of dy h.
  double* const sums = static_cast<double*>(rt->scratch(rt, static_cast<size_t>(std::max<int64_t>(1, 2 * z.n * z.c)) * sizeof(double)));
  if (!sums) return IK_OOM;
  for_sets(rt, z, [&](int64_t q) {
    const V center = splat_as<V>(means[q]), scale = splat_as<V>(inverse_root(variances[q], eps));
    double total = 0, along = 0;
    for (int64_t b = 0; b < z.blocks(); ++b) {
      const int64_t block = z.block(q, b);
      const T *const from = x + block * z.s, *const grad = dy + block * z.s;
      const double plain = total_over<T>(z.s, [&](int64_t i, auto get) { return get(grad + i); });
      const double normal = total_over<T>(z.s, [&](int64_t i, auto get) { return get(grad + i) * ((get(from + i) - center) * scale); });
      sums[2 * block] = plain;
      sums[2 * block + 1] = normal;
      const double w = static_cast<double>(value_of(weight[block % z.c]));
      total += w * plain;
      along += w * normal;
    }
    const double n = static_cast<double>(z.elements());
    const V shift = splat_as<V>(static_cast<S>(fixed ? 0 : total / n)), slope = splat_as<V>(static_cast<S>(fixed ? 0 : along / n));
    for (int64_t b = 0; b < z.blocks(); ++b) {
      const int64_t block = z.block(q, b);
      const T *const from = x + block * z.s, *const grad = dy + block * z.s;
      T* const to = dx + block * z.s;
      const V w = splat_as<V>(value_of(weight[block % z.c]));
      for_vectors<T>(z.s, [&](int64_t i, auto get, auto put) {
        if (fixed) put(to + i, scale * (get(grad + i) * w));
        else put(to + i, scale * (get(grad + i) * w - shift - (get(from + i) - center) * scale * slope));
      });
    }
  });
  for (int64_t channel = 0; channel < z.c; ++channel) {
    double plain = 0, normal = 0;
    for (int64_t n = 0; n < z.n; ++n) {
      plain += sums[2 * (n * z.c + channel)];
      normal += sums[2 * (n * z.c + channel) + 1];
    }
    set_value(normal, dweight[channel]);
    set_value(plain, dbias[channel]);
  }
  return IK_OK;
}

Sets sets_of(const ik_view& x, int64_t groups) { return {x.shape[0], x.shape[1], x.shape[2], groups}; }

int32_t run_backward(const ik_runtime* rt, const ik_view* in, const ik_view* out, int64_t groups, bool fixed, double eps) {
  return for_float_dtype(in[0].dtype, [&]<class T>(T) {
    using S = scalar<T>;
    return backward<T>(rt, sets_of(in[0], groups), fixed, eps, static_cast<const T*>(in[0].data), static_cast<const T*>(in[1].data),
                       static_cast<const S*>(in[2].data), static_cast<const S*>(in[3].data), static_cast<const T*>(in[4].data),
                       static_cast<T*>(out[0].data), static_cast<T*>(out[1].data), static_cast<T*>(out[2].data));
  });
}

int32_t run_forward(const ik_runtime* rt, const ik_view* in, const ik_view* out, const ik_view* statistics, int64_t groups, bool given,
                    double eps) {
  if (statistics[0].dtype != statistics_dtype(in[0].dtype) || statistics[1].dtype != statistics[0].dtype) return IK_UNSUPPORTED;
  return for_float_dtype(in[0].dtype, [&]<class T>(T) {
    using S = scalar<T>;
    return forward<T>(rt, sets_of(in[0], groups), given, eps, static_cast<const T*>(in[0].data), static_cast<const T*>(in[1].data),
                      static_cast<const T*>(in[2].data), static_cast<S*>(statistics[0].data), static_cast<S*>(statistics[1].data),
                      static_cast<T*>(out[0].data));
  });
}

}  // namespace
}  // namespace ik

int32_t ik_cpu_batch_norm(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void* attrs) {
  const auto& a = *static_cast<const ik_attrs_batch_norm*>(attrs);
  return ik::run_forward(rt, in, out, a.training ? out + 1 : in + 3, 0, !a.training, a.eps);
}

int32_t ik_cpu_batch_norm_grad(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void* attrs) {
  const auto& a = *static_cast<const ik_attrs_batch_norm_grad*>(attrs);
  return ik::run_backward(rt, in, out, 0, !a.training, a.eps);
}

int32_t ik_cpu_group_norm(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void* attrs) {
  const auto& a = *static_cast<const ik_attrs_group_norm*>(attrs);
  return ik::run_forward(rt, in, out, out + 1, a.groups, false, a.eps);
}

int32_t ik_cpu_group_norm_grad(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void* attrs) {
  const auto& a = *static_cast<const ik_attrs_group_norm_grad*>(attrs);
  return ik::run_backward(rt, in, out, a.groups, false, a.eps);
}
