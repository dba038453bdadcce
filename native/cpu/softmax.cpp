// softmax, log_softmax and their gradients over rows.
#include "softmax.h"

#include "parallel.h"
#include "stream.h"

namespace ik {
namespace {

template <class T>
void softmax_row(const T* x, T* y, int64_t n) {
  using V = compute<T>;
  using S = scalar<T>;
  if constexpr (std::is_same_v<T, S>) {
    // The exponentials wait in y, which is still in the cache when their sum is known.
    constexpr S infinity = std::numeric_limits<S>::infinity();
    const V top = splat_as<V>(extreme_of(x, n, -infinity, LargestNumber{}));
    double sum = 0.0;
    constexpr int64_t kRun = 64 * kWidth<T>;  // a lane adds 64 floats, and the runs are added in double
    for (int64_t begin = 0; begin < n; begin += kRun) {
      V part = {};
      const auto body = [&](int64_t i, auto get, auto put) {
        const V e = exp_below(get(x + begin + i) - top);
        put(y + begin + i, e);
        part += e;
      };
      for_vectors<T>(std::min(kRun, n - begin), body, -infinity);
      sum += ik::sum(part);
    }
    const V scale = splat_as<V>(static_cast<S>(1.0 / sum));
    for_vectors<T>(n, [&](int64_t i, auto get, auto put) { put(y + i, get(y + i) * scale); });
  } else {
    // y would round them, so they are computed twice.
    const ExpSum<T> s = sum_of_exp(x, n);
    const V shift = splat_as<V>(s.max), scale = splat_as<V>(static_cast<S>(1.0 / s.sum));
    for_vectors<T>(n, [&](int64_t i, auto get, auto put) { put(y + i, exp_below(get(x + i) - shift) * scale); });
  }
}

template <class T>
void log_softmax_row(const T* x, T* y, int64_t n) {
  using V = compute<T>;
  const ExpSum<T> s = sum_of_exp(x, n);
  // Two subtractions: max + log(sum) would be rounded to the precision of max.
  const V shift = splat_as<V>(s.max), rest = splat_as<V>(static_cast<scalar<T>>(std::log(s.sum)));
  for_vectors<T>(n, [&](int64_t i, auto get, auto put) { put(y + i, (get(x + i) - shift) - rest); });
}

// dx = y (dy - sum(y dy))
template <class T>
void softmax_grad_row(const T* y, const T* dy, T* dx, int64_t n) {
  using V = compute<T>;
  const double dot = total_over<T>(n, [&](int64_t i, auto get) { return get(y + i) * get(dy + i); });
  const V mean = splat_as<V>(static_cast<scalar<T>>(dot));
  for_vectors<T>(n, [&](int64_t i, auto get, auto put) { put(dx + i, get(y + i) * (get(dy + i) - mean)); });
}

// dx = dy - exp(y) sum(dy)
template <class T>
void log_softmax_grad_row(const T* y, const T* dy, T* dx, int64_t n) {
  using V = compute<T>;
  const double sum = total_over<T>(n, [&](int64_t i, auto get) { return get(dy + i); });
  const V total = splat_as<V>(static_cast<scalar<T>>(sum));
  for_vectors<T>(n, [&](int64_t i, auto get, auto put) { put(dx + i, get(dy + i) - exp(get(y + i)) * total); });
}

template <class Row>
int32_t forward(const ik_runtime* rt, const ik_view& x, const ik_view& y, Row&& row) {
  if (y.dtype != x.dtype) return IK_UNSUPPORTED;
  return for_float_dtype(x.dtype, [&]<class T>(T) {
    const auto from = rows_of<const T>(x);
    const auto to = rows_of<T>(y);
    parallel_rows(rt, x.shape[0], x.shape[1], [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) row(from[r], to[r], x.shape[1]);
    });
    return IK_OK;
  });
}

constexpr int64_t kLongestWait = 1 << 16;  // elements; a longer row would not stay in the second-level cache

// row(y, dy, dx, n) for every row. A large dx is streamed from a buffer of one row.
template <class Row>
int32_t backward(const ik_runtime* rt, const ik_view* in, const ik_view& dx, Row&& row) {
  if (in[1].dtype != in[0].dtype || dx.dtype != in[0].dtype) return IK_UNSUPPORTED;
  return for_float_dtype(dx.dtype, [&]<class T>(T) -> int32_t {
    const auto y = rows_of<const T>(in[0]), dy = rows_of<const T>(in[1]);
    const auto to = rows_of<T>(dx);
    const int64_t rows = dx.shape[0], columns = dx.shape[1];
    T* buffers = nullptr;
    if (worth_streaming(dx) && columns <= kLongestWait) {
      buffers = static_cast<T*>(rt->scratch(rt, static_cast<size_t>(rt->threads * columns) * sizeof(T)));
      if (!buffers) return IK_OOM;
    }
    const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, columns));
    parallel_for(rt, (rows + grain - 1) / grain, [&](int64_t task, int32_t worker) {
      for (int64_t r = task * grain; r < std::min(rows, (task + 1) * grain); ++r) {
        T* wait = buffers ? buffers + worker * columns : to[r];
        row(y[r], dy[r], wait, columns);
        if (buffers) stream(to[r], wait, static_cast<size_t>(columns) * sizeof(T));
      }
      if (buffers) stream_end();
    });
    return IK_OK;
  });
}

}  // namespace
}  // namespace ik

int32_t ik_cpu_softmax(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void*) {
  return ik::forward(rt, in[0], out[0], [](auto x, auto y, int64_t n) { ik::softmax_row(x, y, n); });
}

int32_t ik_cpu_log_softmax(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void*) {
  return ik::forward(rt, in[0], out[0], [](auto x, auto y, int64_t n) { ik::log_softmax_row(x, y, n); });
}

int32_t ik_cpu_softmax_grad(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t,
                            const void*) {
  return ik::backward(rt, in, out[0], [](auto y, auto dy, auto dx, int64_t n) { ik::softmax_grad_row(y, dy, dx, n); });
}

int32_t ik_cpu_log_softmax_grad(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t,
                                const void*) {
  return ik::backward(rt, in, out[0],
                      [](auto y, auto dy, auto dx, int64_t n) { ik::log_softmax_grad_row(y, dy, dx, n); });
}
