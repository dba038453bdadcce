// Pooling of planes [P, H, W]: the lines of a window are met first, a vector of columns at a time, then the columns.
#include "cpu/parallel.h"
#include "cpu/softmax.h"

namespace ik {
namespace {

// ---- which elements a window covers -----------------------------------------------------------------------------

struct Window {
  int64_t first, last;  // within the image
  int64_t padded;       // how many of its places lie in the padded image
};

struct Axis {
  int64_t size, kernel, stride, pad, outputs;
  bool adaptive;
  Window at(int64_t o) const {
    if (adaptive) {
      const int64_t first = o * size / outputs, last = ((o + 1) * size + outputs - 1) / outputs;
      return {first, last, last - first};
    }
    const int64_t begin = o * stride - pad, end = std::min(begin + kernel, size + pad);
    return {std::max<int64_t>(begin, 0), std::min(end, size), end - begin};
  }
};

struct Planes {
  int64_t count;
  Axis h, w;
  int64_t in() const { return h.size * w.size; }
  int64_t out() const { return h.outputs * w.outputs; }
};

template <class Attributes>
Planes planes_of(const ik_view& x, const ik_view& y, const Attributes& a, bool adaptive) {
  return {x.shape[0],
          {x.shape[1], a.kernel_h, a.stride_h, a.pad_h, y.shape[1], adaptive},
          {x.shape[2], a.kernel_w, a.stride_w, a.pad_w, y.shape[2], adaptive}};
}

// A worker's memory: one line, twice, in what T is computed in.
template <class T>
scalar<T>* line_buffers(const ik_runtime* rt, int64_t width, int64_t& step) {
  step = (2 * width + 2 * kLanes + 15) / 16 * 16;
  return static_cast<scalar<T>*>(rt->scratch(rt, step * rt->threads * sizeof(scalar<T>)));
}

template <class Body>
void for_planes(const ik_runtime* rt, const Planes& p, Body&& body) {
  const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, p.in() + p.out()));
  parallel_for(rt, (p.count + grain - 1) / grain, [&](int64_t task, int32_t worker) {
    for (int64_t i = task * grain; i < std::min(p.count, (task + 1) * grain); ++i) body(i, worker);
  });
}

// ---- maximum ------------------------------------------------------------------------------------------------------

// Larger, or the first NaN.
template <class S>
bool beats(S a, S b) {
  return a > b || (a != a && b == b);
}

template <class T>
int32_t max_forward(const ik_runtime* rt, const Planes& p, const T* x, T* y, int32_t* index) {
  using V = compute<T>;
  using S = scalar<T>;
  int64_t step;
  S* const buffers = line_buffers<T>(rt, p.w.size, step);
  if (!buffers) return IK_OOM;
  for_planes(rt, p, [&](int64_t i, int32_t worker) {
    // The largest of each column in the window's lines, and the line it is in (as a number: exact below 2^24).
    S* const best = buffers + worker * step;
    S* const line = best + p.w.size + kLanes;
    const T* const plane = x + i * p.in();
    for (int64_t t = 0; t < p.h.outputs; ++t) {
      const Window rows = p.h.at(t);
      for_vectors<T>(p.w.size, [&](int64_t c, auto get, auto put) {
        V top = get(plane + rows.first * p.w.size + c), from{};
        for (int64_t r = rows.first + 1; r < rows.last; ++r) {
          const V v = get(plane + r * p.w.size + c);
          const auto wins = (v > top) | ((v != v) & (top == top));
          top = select(wins, v, top);
          from = select(wins, splat_as<V>(static_cast<S>(r - rows.first)), from);
        }
        put(best + c, top);
        put(line + c, from);
      });
      for (int64_t u = 0; u < p.w.outputs; ++u) {
        const Window columns = p.w.at(u);
        int64_t at = columns.first;
        for (int64_t c = at + 1; c < columns.last; ++c)
          if (beats(best[c], best[at]) || (best[c] == best[at] && line[c] < line[at])) at = c;
        set_value(best[at], y[i * p.out() + t * p.w.outputs + u]);
        index[i * p.out() + t * p.w.outputs + u] =
            static_cast<int32_t>((rows.first + static_cast<int64_t>(line[at])) * p.w.size + at);
      }
    }
  });
  return IK_OK;
}

template <class T>
int32_t max_backward(const ik_runtime* rt, int64_t count, int64_t in, int64_t outputs, const T* dy, const int32_t* index, T* dx) {
  using S = scalar<T>;
  S* const sums = static_cast<S*>(rt->scratch(rt, std::max<int64_t>(1, in) * rt->threads * sizeof(S)));
  if (!sums) return IK_OOM;
  parallel_for(rt, count, [&](int64_t i, int32_t worker) {
    S* to = sums + worker * in;
    if constexpr (std::is_same_v<T, S>) to = dx + i * in;
    std::fill_n(to, in, S{0});
    for (int64_t o = 0; o < outputs; ++o) to[index[i * outputs + o]] += value_of(dy[i * outputs + o]);
    if constexpr (!std::is_same_v<T, S>)
      for_vectors<T>(in, [&](int64_t c, auto get, auto put) { put(dx + i * in + c, get(to + c)); });
  });
  return IK_OK;
}

// ---- average ------------------------------------------------------------------------------------------------------

double area_of(const Window& rows, const Window& columns, bool padded) {
  return padded ? static_cast<double>(rows.padded) * static_cast<double>(columns.padded)
                : static_cast<double>(rows.last - rows.first) * static_cast<double>(columns.last - columns.first);
}

template <class T>
int32_t average_forward(const ik_runtime* rt, const Planes& p, bool padded, const T* x, T* y) {
  using V = compute<T>;
  using S = scalar<T>;
  int64_t step;
  S* const buffers = line_buffers<T>(rt, p.w.size, step);
  if (!buffers) return IK_OOM;
  for_planes(rt, p, [&](int64_t i, int32_t worker) {
    S* const sums = buffers + worker * step;
    const T* const plane = x + i * p.in();
    for (int64_t t = 0; t < p.h.outputs; ++t) {
      const Window rows = p.h.at(t);
      for_vectors<T>(p.w.size, [&](int64_t c, auto get, auto put) {
        V total{};
        for (int64_t r = rows.first; r < rows.last; ++r) total += get(plane + r * p.w.size + c);
        put(sums + c, total);
      });
      for (int64_t u = 0; u < p.w.outputs; ++u) {
        const Window columns = p.w.at(u);
        S total = 0;
        for (int64_t c = columns.first; c < columns.last; ++c) total += sums[c];
        set_value(total / static_cast<S>(area_of(rows, columns, padded)), y[i * p.out() + t * p.w.outputs + u]);
      }
    }
  });
  return IK_OK;
}

template <class T>
int32_t average_backward(const ik_runtime* rt, const Planes& p, bool padded, const T* dy, T* dx) {
  using S = scalar<T>;
  int64_t step;
  S* const buffers = line_buffers<T>(rt, p.w.size, step);
  S* const wide = static_cast<S*>(rt->scratch(rt, std::max<int64_t>(1, p.in()) * rt->threads * sizeof(S)));
  if (!buffers || !wide) return IK_OOM;
  for_planes(rt, p, [&](int64_t i, int32_t worker) {
    S* const shares = buffers + worker * step;
    S* to = wide + worker * p.in();
    if constexpr (std::is_same_v<T, S>) to = dx + i * p.in();
    std::fill_n(to, p.in(), S{0});
    for (int64_t t = 0; t < p.h.outputs; ++t) {
      const Window rows = p.h.at(t);
      std::fill_n(shares, p.w.size, S{0});
      for (int64_t u = 0; u < p.w.outputs; ++u) {
        const Window columns = p.w.at(u);
        const S share = value_of(dy[i * p.out() + t * p.w.outputs + u]) / static_cast<S>(area_of(rows, columns, padded));
        for (int64_t c = columns.first; c < columns.last; ++c) shares[c] += share;
      }
      for (int64_t r = rows.first; r < rows.last; ++r)
        for (int64_t c = 0; c < p.w.size; ++c) to[r * p.w.size + c] += shares[c];
    }
    if constexpr (!std::is_same_v<T, S>)
      for_vectors<T>(p.in(), [&](int64_t c, auto get, auto put) { put(dx + i * p.in() + c, get(to + c)); });
  });
  return IK_OK;
}

}  // namespace
}  // namespace ik

int32_t ik_cpu_max_pool2d(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void* attrs) {
  using namespace ik;
  if (out[0].dtype != in[0].dtype || out[1].dtype != IK_I32) return IK_UNSUPPORTED;
  const Planes p = planes_of(in[0], out[0], *static_cast<const ik_attrs_max_pool2d*>(attrs), false);
  return for_float_dtype(in[0].dtype, [&]<class T>(T) {
    return max_forward<T>(rt, p, static_cast<const T*>(in[0].data), static_cast<T*>(out[0].data), static_cast<int32_t*>(out[1].data));
  });
}

int32_t ik_cpu_max_pool2d_grad(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void*) {
  using namespace ik;
  if (in[1].dtype != IK_I32 || out[0].dtype != in[0].dtype) return IK_UNSUPPORTED;
  const int64_t inputs = out[0].shape[1] * out[0].shape[2], outputs = in[0].shape[1] * in[0].shape[2];
  return for_float_dtype(in[0].dtype, [&]<class T>(T) {
    return max_backward<T>(rt, out[0].shape[0], inputs, outputs, static_cast<const T*>(in[0].data),
                           static_cast<const int32_t*>(in[1].data), static_cast<T*>(out[0].data));
  });
}

int32_t ik_cpu_avg_pool2d(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void* attrs) {
  using namespace ik;
  if (out[0].dtype != in[0].dtype) return IK_UNSUPPORTED;
  const auto& a = *static_cast<const ik_attrs_avg_pool2d*>(attrs);
  const Planes p = planes_of(in[0], out[0], a, a.adaptive != 0);
  return for_float_dtype(in[0].dtype, [&]<class T>(T) {
    return average_forward<T>(rt, p, a.count_include_pad != 0, static_cast<const T*>(in[0].data), static_cast<T*>(out[0].data));
  });
}

int32_t ik_cpu_avg_pool2d_grad(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void* attrs) {
  using namespace ik;
  if (out[0].dtype != in[0].dtype) return IK_UNSUPPORTED;
  const auto& a = *static_cast<const ik_attrs_avg_pool2d_grad*>(attrs);
  const Planes p = planes_of(out[0], in[0], a, a.adaptive != 0);
  return for_float_dtype(in[0].dtype, [&]<class T>(T) {
    return average_backward<T>(rt, p, a.count_include_pad != 0, static_cast<const T*>(in[0].data), static_cast<T*>(out[0].data));
  });
}
