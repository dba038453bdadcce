// layer_norm (Ba et al. 2016) and rms_norm (Zhang and Sennrich 2019), forward and backward, over rows.
#include "parallel.h"
#include "softmax.h"

namespace ik {
namespace {

constexpr int64_t kRowsPerBlock = 64;  // rows whose weight gradients one task adds up
constexpr int64_t kBlockColumns = 256;  // columns whose blocks are then joined at a time

// y = (x - mean) rstd weight + bias; without kCenter the mean is 0 and there is no bias.
template <class T, bool kCenter>
int32_t norm(const ik_runtime* rt, const ik_view* in, const ik_view* out, double eps) {
  using V = compute<T>;
  using S = scalar<T>;
  const auto x = rows_of<const T>(in[0]);
  const T* weight = static_cast<const T*>(in[1].data);
  const T* bias = kCenter ? static_cast<const T*>(in[2].data) : nullptr;
  const auto y = rows_of<T>(out[0]);
  S* means = kCenter ? static_cast<S*>(out[1].data) : nullptr;
  S* rstds = static_cast<S*>(out[kCenter ? 2 : 1].data);
  const int64_t width = in[0].shape[1];

  parallel_rows(rt, in[0].shape[0], width, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const T* row = x[r];
      S mean = 0;
      if constexpr (kCenter)
        mean = static_cast<S>(total_over<T>(width, [&](int64_t i, auto get) { return get(row + i); }) /
                              static_cast<double>(width));
      const V center = splat_as<V>(mean);
      const double squares = total_over<T>(
          width,
          [&](int64_t i, auto get) {
            const V d = kCenter ? get(row + i) - center : get(row + i);
            return d * d;
          },
          mean);
      const S rstd = static_cast<S>(1.0 / std::sqrt(squares / static_cast<double>(width) + eps));
      if constexpr (kCenter) means[r] = mean;
      rstds[r] = rstd;
      const V scale = splat_as<V>(rstd);
      T* to = y[r];
      for_vectors<T>(width, [&](int64_t i, auto get, auto put) {
        if constexpr (kCenter) put(to + i, (get(row + i) - center) * scale * get(weight + i) + get(bias + i));
        else put(to + i, get(row + i) * scale * get(weight + i));
      });
    }
  });
  return IK_OK;
}

// With h = (x - mean) rstd and g = dy weight:
// dx = rstd (g - mean(g) - h mean(g h)), dweight = sum over rows of dy h, dbias = sum over rows of dy.
template <class T, bool kCenter>
int32_t norm_grad(const ik_runtime* rt, const ik_view* in, const ik_view* out) {
  using V = compute<T>;
  using S = scalar<T>;
  constexpr int64_t kSums = kCenter ? 2 : 1;
  const auto x = rows_of<const T>(in[0]);
  const T* weight = static_cast<const T*>(in[1].data);
  const S* means = kCenter ? static_cast<const S*>(in[2].data) : nullptr;
  const S* rstds = static_cast<const S*>(in[kCenter ? 3 : 2].data);
  const auto dy = rows_of<const T>(in[kCenter ? 4 : 3]);
  const auto dx = rows_of<T>(out[0]);
  const int64_t rows = in[0].shape[0], width = in[0].shape[1];
  const int64_t blocks = (rows + kRowsPerBlock - 1) / kRowsPerBlock;
  S* partial = static_cast<S*>(rt->scratch(rt, static_cast<size_t>(blocks * kSums * width) * sizeof(S)));
  if (!partial) return IK_OOM;

  parallel_for(rt, blocks, [&](int64_t block, int32_t) {
    S* dweight = partial + block * kSums * width;
    S* dbias = dweight + width;
    std::fill(dweight, dweight + kSums * width, S{0});
    for (int64_t r = block * kRowsPerBlock; r < std::min(rows, (block + 1) * kRowsPerBlock); ++r) {
      const T* row = x[r];
      const T* grad = dy[r];
      T* to = dx[r];
      const V center = splat_as<V>(kCenter ? means[r] : S{0}), scale = splat_as<V>(rstds[r]);
      V sum_g = {}, sum_gh = {};
      for_vectors<T>(width, [&](int64_t i, auto get, auto put) {
        // Padding lanes: dy is 0 there, and so is every term.
        const V d = get(grad + i), h = (get(row + i) - center) * scale, g = d * get(weight + i);
        sum_g += g;
        sum_gh += g * h;
        put(dweight + i, get(dweight + i) + d * h);
        if constexpr (kCenter) put(dbias + i, get(dbias + i) + d);
      });
      const S mean_g = kCenter ? static_cast<S>(sum(sum_g) / static_cast<S>(width)) : S{0};
      const V shift = splat_as<V>(mean_g), slope = splat_as<V>(static_cast<S>(sum(sum_gh) / static_cast<S>(width)));
      for_vectors<T>(width, [&](int64_t i, auto get, auto put) {
        const V h = (get(row + i) - center) * scale, g = get(grad + i) * get(weight + i);
        put(to + i, scale * (g - shift - h * slope));
      });
    }
  });
  // The blocks in order, in double.
  parallel_rows(rt, kSums * width, blocks, [&](int64_t begin, int64_t end) {
    for (int64_t c0 = begin; c0 < end; c0 += kBlockColumns) {
      double acc[kBlockColumns] = {};
      const int64_t n = std::min(kBlockColumns, end - c0);
      for (int64_t b = 0; b < blocks; ++b)
        for (int64_t c = 0; c < n; ++c) acc[c] += static_cast<double>(partial[b * kSums * width + c0 + c]);
      for (int64_t c = 0; c < n; ++c) {
        set_value(acc[c], static_cast<T*>(out[1 + (c0 + c) / width].data)[(c0 + c) % width]);
      }
    }
  });
  return IK_OK;
}

bool dtypes_match(const ik_view* v, int32_t count, int32_t dtype) {
  for (int32_t k = 0; k < count; ++k)
    if (v[k].dtype != dtype) return false;
  return true;
}

}  // namespace
}  // namespace ik

int32_t ik_cpu_layer_norm(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t,
                          const void* attrs) {
  using namespace ik;
  const int32_t dtype = in[0].dtype;
  if (!dtypes_match(in, 3, dtype) || out[0].dtype != dtype || !dtypes_match(out + 1, 2, statistics_dtype(dtype)))
    return IK_UNSUPPORTED;
  const double eps = static_cast<const ik_attrs_layer_norm*>(attrs)->eps;
  return for_float_dtype(dtype, [&]<class T>(T) { return norm<T, true>(rt, in, out, eps); });
}

int32_t ik_cpu_rms_norm(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t,
                        const void* attrs) {
  using namespace ik;
  const int32_t dtype = in[0].dtype;
  if (!dtypes_match(in, 2, dtype) || out[0].dtype != dtype || out[1].dtype != statistics_dtype(dtype))
    return IK_UNSUPPORTED;
  const double eps = static_cast<const ik_attrs_rms_norm*>(attrs)->eps;
  return for_float_dtype(dtype, [&]<class T>(T) { return norm<T, false>(rt, in, out, eps); });
}

int32_t ik_cpu_layer_norm_grad(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t,
                               const void*) {
  using namespace ik;
  const int32_t dtype = in[0].dtype;
  if (!dtypes_match(in, 2, dtype) || !dtypes_match(in + 2, 2, statistics_dtype(dtype)) || in[4].dtype != dtype ||
      !dtypes_match(out, 3, dtype))
    return IK_UNSUPPORTED;
  return for_float_dtype(dtype, [&]<class T>(T) { return norm_grad<T, true>(rt, in, out); });
}

int32_t ik_cpu_rms_norm_grad(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t,
                             const void*) {
  using namespace ik;
  const int32_t dtype = in[0].dtype;
  if (!dtypes_match(in, 2, dtype) || in[2].dtype != statistics_dtype(dtype) || in[3].dtype != dtype ||
      !dtypes_match(out, 2, dtype))
    return IK_UNSUPPORTED;
  return for_float_dtype(dtype, [&]<class T>(T) { return norm_grad<T, false>(rt, in, out); });
}
