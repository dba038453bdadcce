// Resizing of planes [P, H, W]: nearest, and bilinear as two lines met first, then two columns.
#include "cpu/parallel.h"
#include "cpu/softmax.h"

namespace ik {
namespace {

// Where an output pixel reads: `low` and `high` with weights 1 - part and part.
struct Taps {
  int64_t low, high;
  double part;
};

struct Axis {
  int64_t size, outputs;
  bool bilinear, corners;
  double scale;
  Taps at(int64_t o) const {
    if (!bilinear) {
      const int64_t i = std::min(static_cast<int64_t>(std::floor(static_cast<double>(o) * scale)), size - 1);
      return {i, i, 0};
    }
    const double step = corners ? (outputs > 1 ? static_cast<double>(size - 1) / static_cast<double>(outputs - 1) : 0) : scale;
    // Halved after the product, so that a fused multiply-add rounds as the reference does: a pixel that lies on another
    // must not read its neighbour.
    const double from = corners ? static_cast<double>(o) * step : std::max(0.0, static_cast<double>(2 * o + 1) * step * 0.5 - 0.5);
    const int64_t low = std::min(static_cast<int64_t>(from), size - 1);
    return {low, std::min(low + 1, size - 1), std::min(1.0, from - static_cast<double>(low))};
  }
};

template <class S>
struct Column {
  int64_t low, high;
  S near, far;  // weights
};

struct Planes {
  int64_t count;
  Axis h, w;
  int64_t in() const { return h.size * w.size; }
  int64_t out() const { return h.outputs * w.outputs; }
};

template <class Attributes>
Planes planes_of(const ik_view& x, const ik_view& y, const Attributes& a) {
  const bool bilinear = a.bilinear != 0, corners = a.align_corners != 0;
  return {x.shape[0],
          {x.shape[1], y.shape[1], bilinear, corners, a.scale_h},
          {x.shape[2], y.shape[2], bilinear, corners, a.scale_w}};
}

template <class S>
Column<S>* columns_of(const ik_runtime* rt, const Axis& w) {
  auto* const columns = static_cast<Column<S>*>(rt->scratch(rt, std::max<int64_t>(1, w.outputs) * sizeof(Column<S>)));
  if (!columns) return nullptr;
  for (int64_t u = 0; u < w.outputs; ++u) {
    const Taps t = w.at(u);
    columns[u] = {t.low, t.high, static_cast<S>(1 - t.part), static_cast<S>(t.part)};
  }
  return columns;
}

template <class T>
int32_t forward(const ik_runtime* rt, const Planes& p, const T* x, T* y) {
  using V = compute<T>;
  using S = scalar<T>;
  if (p.count * p.out() == 0) return IK_OK;
  const Column<S>* const columns = columns_of<S>(rt, p.w);
  const int64_t step = (p.w.size + 15) / 16 * 16;
  S* const lines = static_cast<S*>(rt->scratch(rt, step * rt->threads * sizeof(S)));
  if (!columns || !lines) return IK_OOM;
  const int64_t grain = std::max<int64_t>(1, kGrain / (p.w.size + p.w.outputs));
  parallel_for(rt, (p.count * p.h.outputs + grain - 1) / grain, [&](int64_t task, int32_t worker) {
    S* const line = lines + worker * step;
    for (int64_t k = task * grain; k < std::min(p.count * p.h.outputs, (task + 1) * grain); ++k) {
      const Taps rows = p.h.at(k % p.h.outputs);
      const T* const plane = x + k / p.h.outputs * p.in();
      T* const to = y + k * p.w.outputs;
      const T *const low = plane + rows.low * p.w.size, *const high = plane + rows.high * p.w.size;
      if (!p.h.bilinear) {
        for (int64_t u = 0; u < p.w.outputs; ++u) to[u] = low[columns[u].low];
        continue;
      }
      const V near = splat_as<V>(static_cast<S>(1 - rows.part)), far = splat_as<V>(static_cast<S>(rows.part));
      for_vectors<T>(p.w.size, [&](int64_t c, auto get, auto put) { put(line + c, near * get(low + c) + far * get(high + c)); });
      for (int64_t u = 0; u < p.w.outputs; ++u) {
        const Column<S>& c = columns[u];
        set_value(c.near * line[c.low] + c.far * line[c.high], to[u]);
      }
    }
  });
  return IK_OK;
}

template <class T>
int32_t backward(const ik_runtime* rt, const Planes& p, const T* dy, T* dx) {
  using S = scalar<T>;
  if (p.count * p.in() == 0) return IK_OK;
  const Column<S>* const columns = columns_of<S>(rt, p.w);
  S* const wide = static_cast<S*>(rt->scratch(rt, (p.in() + p.w.size) * rt->threads * sizeof(S)));
  if (!columns || !wide) return IK_OOM;
  parallel_for(rt, p.count, [&](int64_t i, int32_t worker) {
    S* const line = wide + worker * (p.in() + p.w.size);
    S* to = line + p.w.size;
    if constexpr (std::is_same_v<T, S>) to = dx + i * p.in();
    std::fill_n(to, p.in(), S{0});
    for (int64_t t = 0; t < p.h.outputs; ++t) {
      const Taps rows = p.h.at(t);
      const T* const from = dy + (i * p.h.outputs + t) * p.w.outputs;
      std::fill_n(line, p.w.size, S{0});
      for (int64_t u = 0; u < p.w.outputs; ++u) {
        const Column<S>& c = columns[u];
        const S g = value_of(from[u]);
        line[c.low] += c.near * g;
        line[c.high] += c.far * g;
      }
      const S near = static_cast<S>(1 - rows.part), far = static_cast<S>(rows.part);
      S *const low = to + rows.low * p.w.size, *const high = to + rows.high * p.w.size;
      for (int64_t c = 0; c < p.w.size; ++c) low[c] += near * line[c];
      if (p.h.bilinear)
        for (int64_t c = 0; c < p.w.size; ++c) high[c] += far * line[c];
    }
    if constexpr (!std::is_same_v<T, S>)
      for_vectors<T>(p.in(), [&](int64_t c, auto get, auto put) { put(dx + i * p.in() + c, get(to + c)); });
  });
  return IK_OK;
}

}  // namespace
}  // namespace ik

int32_t ik_cpu_interpolate(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void* attrs) {
  using namespace ik;
  if (out[0].dtype != in[0].dtype) return IK_UNSUPPORTED;
  const Planes p = planes_of(in[0], out[0], *static_cast<const ik_attrs_interpolate*>(attrs));
  return for_float_dtype(in[0].dtype, [&]<class T>(T) {
    return forward<T>(rt, p, static_cast<const T*>(in[0].data), static_cast<T*>(out[0].data));
  });
}

int32_t ik_cpu_interpolate_grad(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void* attrs) {
  using namespace ik;
  if (out[0].dtype != in[0].dtype) return IK_UNSUPPORTED;
  const Planes p = planes_of(out[0], in[0], *static_cast<const ik_attrs_interpolate_grad*>(attrs));
  return for_float_dtype(in[0].dtype, [&]<class T>(T) {
    return backward<T>(rt, p, static_cast<const T*>(in[0].data), static_cast<T*>(out[0].data));
  });
}
