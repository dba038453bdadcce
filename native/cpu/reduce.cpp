// reduce_sum, reduce_max, reduce_min. Work is cut by fixed sizes and joined in order: the same bits on any number of
// threads. Floats are added in f32 within blocks of at most kRun elements, and the blocks in f64.
#include "reduce.h"

#include "elementwise.h"

namespace ik {
namespace {

constexpr int64_t kRun = kPiece;    // elements added at the elements' own precision
constexpr int64_t kSplit = 65536;   // elements of one output that one task takes
constexpr int64_t kRows = 64;       // rows of a column reduction that one task takes
constexpr int64_t kColumns = 1024;  // and how many columns

template <class T>
constexpr bool kIsFloat = !std::is_integral_v<T>;

// What a reduction is: Acc joins blocks, Cell holds a column within a block of rows.
template <class T>
struct Sum {
  using Acc = std::conditional_t<kIsFloat<T>, double, int64_t>;
  using Cell = std::conditional_t<kIsFloat<T>, scalar<T>, int64_t>;
  static constexpr Acc identity() { return 0; }
  static Acc join(Acc a, Acc b) { return a + b; }
  template <class V>
  static V pick(V a, V b) {
    return a + b;
  }
  static Acc run(const T* x, int64_t n) {
    if constexpr (kIsFloat<T>) {
      return sum_over<T>(n, [&](int64_t i, auto get) { return get(x + i); });
    } else {
      int64_t total = 0;
      for (int64_t i = 0; i < n; ++i) total += x[i];
      return total;
    }
  }
};

template <class T, bool kLargest>
struct Extreme {
  using Acc = scalar<T>;
  using Cell = Acc;
  using Pick = std::conditional_t<kLargest, Largest, Smallest>;
  static constexpr Acc identity() {
    using L = std::numeric_limits<Acc>;
    if constexpr (kIsFloat<T>) return kLargest ? -L::infinity() : L::infinity();
    else return kLargest ? L::min() : L::max();
  }
  static Acc join(Acc a, Acc b) { return Pick{}(a, b); }
  template <class V>
  static V pick(V a, V b) {
    return Pick{}(a, b);
  }
  static Acc run(const T* x, int64_t n) { return extreme_of(x, n, identity(), Pick{}); }
};

template <class A, class O>
void write(A value, O& out) {
  if constexpr (std::is_arithmetic_v<O>) out = static_cast<O>(value);
  else from_float(static_cast<float>(value), out);
}

// Elements [begin, end) of the reduced axes, for the output whose first element is x.
template <class T, class R>
typename R::Acc reduce_range(const Layout& reduced, const T* x, int64_t begin, int64_t end) {
  T buffer[kRun];
  const int32_t last = reduced.rank - 1;
  const bool dense = reduced.stride[0][last] == 1;
  typename R::Acc acc = R::identity();
  for (int64_t flat = begin; flat < end;) {
    int64_t at[IK_MAX_RANK];
    reduced.locate(flat, at);
    const int64_t row_left = reduced.inner() - at[last];
    int64_t n = std::min(end - flat, kRun);
    const T* run = buffer;
    if (dense && (reduced.inner() >= 64 || n <= row_left)) {
      n = std::min(n, row_left);
      run = x + reduced.offset(0, at);
    } else {
      gather(reduced, 0, x, at, n, sizeof(T), buffer);
    }
    acc = R::join(acc, R::run(run, n));
    flat += n;
  }
  return acc;
}

template <class T, class O, class R>
int32_t reduce_runs(const ik_runtime* rt, const Layout& kept, const Layout& reduced, const T* x, O* y) {
  using Acc = typename R::Acc;
  const int64_t outputs = kept.numel, blocks = std::max<int64_t>(1, (reduced.numel + kSplit - 1) / kSplit);
  Acc* partial = nullptr;
  if (blocks > 1) {
    partial = static_cast<Acc*>(rt->scratch(rt, static_cast<size_t>(outputs * blocks) * sizeof(Acc)));
    if (!partial) return IK_OOM;
  }
  const int64_t length = std::max<int64_t>(1, std::min(reduced.numel, kSplit));
  parallel_rows(rt, outputs * blocks, length, [&](int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; ++unit) {
      int64_t at[IK_MAX_RANK];
      kept.locate(unit / blocks, at);
      const int64_t from = unit % blocks * kSplit;
      const Acc acc = reduce_range<T, R>(reduced, x + kept.offset(0, at), from, std::min(reduced.numel, from + kSplit));
      if (partial) partial[unit] = acc;
      else write(acc, y[unit]);
    }
  });
  if (partial)
    for (int64_t i = 0; i < outputs; ++i) {
      Acc acc = partial[i * blocks];
      for (int64_t b = 1; b < blocks; ++b) acc = R::join(acc, partial[i * blocks + b]);
      write(acc, y[i]);
    }
  return IK_OK;
}

// cells[c] = the reduction over `rows` rows of column c.
template <class T, class R>
void reduce_columns(const T* x, const int64_t* row_offset, int64_t rows, int64_t columns, typename R::Cell* cells) {
  std::fill(cells, cells + columns, static_cast<typename R::Cell>(R::identity()));
  int64_t r = 0;
  if constexpr (kIsFloat<T>) {
    // Eight rows at a time, pairwise: an eighth of the traffic to `cells`, and three additions deep.
    for (; r + 8 <= rows; r += 8) {
      const T* row[8];
      for (int k = 0; k < 8; ++k) row[k] = x + row_offset[r + k];
      for_vectors<T>(columns, [&](int64_t c, auto get, auto put) {
        compute<T> v[8];
        for (int k = 0; k < 8; ++k) v[k] = get(row[k] + c);
        for (int width = 4; width > 0; width /= 2)
          for (int k = 0; k < width; ++k) v[k] = R::pick(v[k], v[k + width]);
        put(cells + c, R::pick(get(cells + c), v[0]));
      });
    }
    for (; r < rows; ++r)
      for_vectors<T>(columns, [&](int64_t c, auto get, auto put) {
        put(cells + c, R::pick(get(cells + c), get(x + row_offset[r] + c)));
      });
  } else {
    using Cell = typename R::Cell;
    for (; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c)
        cells[c] = R::pick(cells[c], static_cast<Cell>(x[row_offset[r] + c]));
  }
}

template <class T, class O, class R>
int32_t reduce_by_columns(const ik_runtime* rt, const Layout& kept, const Layout& reduced, const T* x, O* y) {
  using Cell = typename R::Cell;
  const int64_t columns = kept.inner(), outer = kept.numel / columns;
  const int64_t blocks = (reduced.numel + kRows - 1) / kRows, tiles = (columns + kColumns - 1) / kColumns;
  Cell* partial = static_cast<Cell*>(rt->scratch(rt, static_cast<size_t>(outer * blocks * columns) * sizeof(Cell)));
  if (!partial) return IK_OOM;
  const int64_t unit_size = kRows * std::min(columns, kColumns);
  parallel_rows(rt, outer * blocks * tiles, unit_size, [&](int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t tile = unit % tiles, block = unit / tiles % blocks, o = unit / tiles / blocks;
      int64_t at[IK_MAX_RANK], offsets[kRows];
      kept.locate(o * columns, at);
      const T* first = x + kept.offset(0, at) + tile * kColumns;
      const int64_t rows = std::min(kRows, reduced.numel - block * kRows);
      for (int64_t r = 0; r < rows; ++r) {
        reduced.locate(block * kRows + r, at);
        offsets[r] = reduced.offset(0, at);
      }
      reduce_columns<T, R>(first, offsets, rows, std::min(kColumns, columns - tile * kColumns),
                           partial + (o * blocks + block) * columns + tile * kColumns);
    }
  });
  parallel_rows(rt, outer * tiles, blocks * std::min(columns, kColumns), [&](int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t o = unit / tiles, c0 = unit % tiles * kColumns, n = std::min(kColumns, columns - c0);
      typename R::Acc acc[kColumns];
      std::fill(acc, acc + n, R::identity());
      for (int64_t b = 0; b < blocks; ++b) {
        const Cell* cells = partial + (o * blocks + b) * columns + c0;
        for (int64_t c = 0; c < n; ++c) acc[c] = R::join(acc[c], static_cast<typename R::Acc>(cells[c]));
      }
      for (int64_t c = 0; c < n; ++c) write(acc[c], y[o * columns + c0 + c]);
    }
  });
  return IK_OK;
}

template <class T, class O, class R>
int32_t reduce(const ik_runtime* rt, const ik_view& x, const ik_view& out, int64_t axes) {
  const ik_view* views[] = {&x};
  const int32_t first = x.rank - static_cast<int32_t>(axes);
  // The outputs keep their order; the elements of one output may be taken in any fixed order.
  const Layout kept = make_layout(views, 1, 0, first, false), reduced = make_layout(views, 1, first, x.rank, true);
  const T* from = static_cast<const T*>(x.data);
  O* to = static_cast<O*>(out.data);
  if (kept.numel == 0) return IK_OK;
  const bool columns = kept.stride[0][kept.rank - 1] == 1 && kept.inner() >= 8 &&
                       reduced.stride[0][reduced.rank - 1] != 1 && reduced.numel > 1;
  return columns ? reduce_by_columns<T, O, R>(rt, kept, reduced, from, to)
                 : reduce_runs<T, O, R>(rt, kept, reduced, from, to);
}

template <bool kLargest>
int32_t reduce_extreme(const ik_runtime* rt, const ik_view& x, const ik_view& out, int64_t axes) {
  if (out.dtype != x.dtype) return IK_UNSUPPORTED;
  switch (x.dtype) {
    case IK_F32: return reduce<float, float, Extreme<float, kLargest>>(rt, x, out, axes);
    case IK_F64: return reduce<double, double, Extreme<double, kLargest>>(rt, x, out, axes);
    case IK_BF16: return reduce<bf16, bf16, Extreme<bf16, kLargest>>(rt, x, out, axes);
    case IK_F16: return reduce<f16, f16, Extreme<f16, kLargest>>(rt, x, out, axes);
    case IK_I32: return reduce<int32_t, int32_t, Extreme<int32_t, kLargest>>(rt, x, out, axes);
    case IK_U8:
    case IK_BOOL: return reduce<uint8_t, uint8_t, Extreme<uint8_t, kLargest>>(rt, x, out, axes);
  }
  return IK_UNSUPPORTED;
}

}  // namespace
}  // namespace ik

int32_t ik_cpu_reduce_sum(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t,
                          const void* attrs) {
  using namespace ik;
  const int64_t axes = static_cast<const ik_attrs_reduce_sum*>(attrs)->axes;
  const bool integers = in[0].dtype == IK_I32 || in[0].dtype == IK_U8 || in[0].dtype == IK_BOOL;
  if (out[0].dtype != (integers ? IK_I32 : in[0].dtype)) return IK_UNSUPPORTED;
  switch (in[0].dtype) {
    case IK_F32: return reduce<float, float, Sum<float>>(rt, in[0], out[0], axes);
    case IK_F64: return reduce<double, double, Sum<double>>(rt, in[0], out[0], axes);
    case IK_BF16: return reduce<bf16, bf16, Sum<bf16>>(rt, in[0], out[0], axes);
    case IK_F16: return reduce<f16, f16, Sum<f16>>(rt, in[0], out[0], axes);
    case IK_I32: return reduce<int32_t, int32_t, Sum<int32_t>>(rt, in[0], out[0], axes);
    default: return reduce<uint8_t, int32_t, Sum<uint8_t>>(rt, in[0], out[0], axes);
  }
}

int32_t ik_cpu_reduce_max(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t,
                          const void* attrs) {
  return ik::reduce_extreme<true>(rt, in[0], out[0], static_cast<const ik_attrs_reduce_max*>(attrs)->axes);
}

int32_t ik_cpu_reduce_min(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t,
                          const void* attrs) {
  return ik::reduce_extreme<false>(rt, in[0], out[0], static_cast<const ik_attrs_reduce_min*>(attrs)->axes);
}
