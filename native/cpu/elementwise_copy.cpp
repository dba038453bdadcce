// copy (strides, dtype conversion, transposition), where, fill, arange.
#include <cstring>

#include "elementwise.h"
#include "math.h"

namespace ik {
namespace {

struct boolean {
  uint8_t bits;
};

// ---- one value from dtype S to dtype D, through `wide` ----
template <class S>
auto widen(S x) {
  if constexpr (std::is_same_v<S, boolean>) return static_cast<int32_t>(x.bits != 0);
  else if constexpr (std::is_arithmetic_v<S>) return x;
  else return to_float(x);
}
// A float outside the integer's range becomes its nearest end and a NaN 0; an integer keeps its low bits.
template <class D, class W>
D saturate(W x) {
  if constexpr (std::is_floating_point_v<W>) {
    constexpr double low = static_cast<double>(std::numeric_limits<D>::min());
    constexpr double high = static_cast<double>(std::numeric_limits<D>::max());
    const double wide = static_cast<double>(x);
    return wide != wide ? D{0} : static_cast<D>(wide < low ? low : wide > high ? high : wide);
  } else {
    return static_cast<D>(x);
  }
}
template <class D, class W>
void narrow(W x, D& out) {
  if constexpr (std::is_same_v<D, boolean>) out.bits = x != W{0};
  else if constexpr (std::is_integral_v<D>) out = saturate<D>(x);
  else if constexpr (std::is_same_v<D, double>) out = static_cast<double>(x);
  else from_float(static_cast<float>(x), out);
}

template <class T>
constexpr bool kFloats = std::is_same_v<compute<T>, vf>;

template <class S, class D>
void convert_row(const void* const* in, void* out, int64_t n) {
  const S* x = static_cast<const S*>(in[0]);
  D* y = static_cast<D*>(out);
  int64_t i = 0;
  if constexpr (kFloats<S> && kFloats<D>)
    for (; i + kLanes <= n; i += kLanes) store(y + i, load(x + i));
  for (; i < n; ++i) narrow(widen(x[i]), y[i]);
}

template <class S>
RowFn conversion_from(int32_t to) {
  switch (to) {
    case IK_F32: return convert_row<S, float>;
    case IK_F64: return convert_row<S, double>;
    case IK_BF16: return convert_row<S, bf16>;
    case IK_F16: return convert_row<S, f16>;
    case IK_I32: return convert_row<S, int32_t>;
    case IK_U8: return convert_row<S, uint8_t>;
    case IK_BOOL: return convert_row<S, boolean>;
    case IK_I8: return convert_row<S, int8_t>;
  }
  return nullptr;
}
RowFn conversion(int32_t from, int32_t to) {
  switch (from) {
    case IK_F32: return conversion_from<float>(to);
    case IK_F64: return conversion_from<double>(to);
    case IK_BF16: return conversion_from<bf16>(to);
    case IK_F16: return conversion_from<f16>(to);
    case IK_I32: return conversion_from<int32_t>(to);
    case IK_U8: return conversion_from<uint8_t>(to);
    case IK_BOOL: return conversion_from<boolean>(to);
    case IK_I8: return conversion_from<int8_t>(to);
  }
  return nullptr;
}

template <class U>
void copy_row(const void* const* in, void* out, int64_t n) {
  if (in[0] != out) std::memcpy(out, in[0], static_cast<size_t>(n) * sizeof(U));
}

// ---- transposition: y's inner axis is another axis of x ----
constexpr int64_t kTile = 32;  // a tile of x and one of y lie in the first-level cache together

// Rows of x are read whole into the buffer and rows of y written whole from it: walking x by columns would put every
// line of a tile into the same cache set when its row stride is a multiple of 4096 bytes.
template <class U>
void transpose_tile(const U* x, int64_t x_row, U* y, int64_t y_row, int64_t rows, int64_t columns) {
  U buffer[kTile][kTile + 1];
  for (int64_t c = 0; c < columns; ++c) std::memcpy(buffer[c], x + c * x_row, static_cast<size_t>(rows) * sizeof(U));
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) y[r * y_row + c] = buffer[c][r];
}

// When x has stride 1 along an axis d other than y's innermost, copies tiles of the plane (d, innermost).
bool transpose(const ik_runtime* rt, const Layout& l, const void* x, void* y, size_t bytes) {
  const int32_t last = l.rank - 1;
  if (l.stride[0][last] != 1 || l.stride[1][last] < 2) return false;
  int32_t across = -1;
  for (int32_t d = 0; d < last; ++d)
    if (l.stride[1][d] == 1) across = d;
  if (across < 0 || l.shape[across] < 8 || l.shape[last] < 8) return false;
  // The other axes, as a layout of their own.
  Layout rest = l;
  rest.rank = 0;
  rest.numel = 1;
  for (int32_t d = 0; d < last; ++d) {
    if (d == across) continue;
    rest.shape[rest.rank] = l.shape[d];
    for (int k = 0; k < 2; ++k) rest.stride[k][rest.rank] = l.stride[k][d];
    ++rest.rank;
    rest.numel *= l.shape[d];
  }
  const int64_t rows = l.shape[across], columns = l.shape[last];
  const int64_t strips = (rows + kTile - 1) / kTile;
  // A strip of tiles is kTile rows of y.
  parallel_ranges(rt, rest.numel * strips, std::max<int64_t>(1, kGrain / (kTile * columns)), [&](int64_t b, int64_t e) {
    for (int64_t task = b; task < e; ++task) {
      int64_t at[IK_MAX_RANK] = {};
      if (rest.rank > 0) rest.locate(task / strips, at);
      const int64_t r = task % strips * kTile;
      const int64_t from = rest.offset(1, at) + r, to = rest.offset(0, at) + r * l.stride[0][across];
      for (int64_t c = 0; c < columns; c += kTile) {
        const int64_t n_r = std::min(kTile, rows - r), n_c = std::min(kTile, columns - c);
        const int64_t x_at = from + c * l.stride[1][last], y_at = to + c;
        const int64_t x_row = l.stride[1][last], y_row = l.stride[0][across];
        const auto tile = [&]<class U>(U) {
          transpose_tile(static_cast<const U*>(x) + x_at, x_row, static_cast<U*>(y) + y_at, y_row, n_r, n_c);
        };
        if (bytes == 1) tile(uint8_t{});
        else if (bytes == 2) tile(uint16_t{});
        else if (bytes == 4) tile(uint32_t{});
        else tile(uint64_t{});
      }
    }
  });
  return true;
}

template <class U>
void where_row(const void* const* in, void* out, int64_t n) {
  const auto* c = static_cast<const uint8_t*>(in[0]);
  const U* a = static_cast<const U*>(in[1]);
  const U* b = static_cast<const U*>(in[2]);
  U* y = static_cast<U*>(out);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) y[i] = c[i] ? a[i] : b[i];
}

template <class Body>
void for_dtype(int32_t dtype, Body&& body) {
  switch (dtype) {
    case IK_F32: return body(float{});
    case IK_F64: return body(double{});
    case IK_BF16: return body(bf16{});
    case IK_F16: return body(f16{});
    case IK_I32: return body(int32_t{});
    case IK_U8: return body(uint8_t{});
    case IK_BOOL: return body(boolean{});
    case IK_I8: return body(int8_t{});
  }
}

}  // namespace
}  // namespace ik

int32_t ik_cpu_copy(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void*) {
  using namespace ik;
  if (in[0].dtype != out[0].dtype) {
    const RowFn row = conversion(in[0].dtype, out[0].dtype);
    return row ? run_elementwise(rt, in, 1, out[0], row) : IK_UNSUPPORTED;
  }
  const size_t bytes = ik_dtype_bytes(out[0].dtype);
  const ik_view* views[] = {&out[0], &in[0]};
  const Layout l = make_layout(views, 2, 0, out[0].rank, true);
  if (transpose(rt, l, in[0].data, out[0].data, bytes)) return IK_OK;
  // Whole bytes do for every dtype.
  constexpr RowFn rows[] = {copy_row<uint8_t>, copy_row<uint16_t>, copy_row<uint32_t>, copy_row<uint64_t>};
  return run_elementwise(rt, in, 1, out[0], rows[bytes == 1 ? 0 : bytes == 2 ? 1 : bytes == 4 ? 2 : 3]);
}

int32_t ik_cpu_where(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void*) {
  using namespace ik;
  if (in[0].dtype != IK_BOOL || in[1].dtype != out[0].dtype || in[2].dtype != out[0].dtype) return IK_UNSUPPORTED;
  constexpr RowFn rows[] = {where_row<uint8_t>, where_row<uint16_t>, where_row<uint32_t>, where_row<uint64_t>};
  const size_t bytes = ik_dtype_bytes(out[0].dtype);
  return run_elementwise(rt, in, 3, out[0], rows[bytes == 1 ? 0 : bytes == 2 ? 1 : bytes == 4 ? 2 : 3]);
}

int32_t ik_cpu_fill(const ik_runtime* rt, const ik_view*, int32_t, const ik_view* out, int32_t, const void* attrs) {
  using namespace ik;
  // A copy of one element, broadcast.
  uint64_t element = 0;
  for_dtype(out[0].dtype, [&]<class T>(T value) {
    narrow(static_cast<const ik_attrs_fill*>(attrs)->value, value);
    std::memcpy(&element, &value, sizeof value);
  });
  ik_view one = out[0];
  one.data = &element;
  std::fill(one.stride, one.stride + one.rank, 0);
  return ik_cpu_copy(rt, &one, 1, out, 1, nullptr);
}

int32_t ik_cpu_arange(const ik_runtime* rt, const ik_view*, int32_t, const ik_view* out, int32_t, const void* attrs) {
  using namespace ik;
  const auto& a = *static_cast<const ik_attrs_arange*>(attrs);
  for_dtype(out[0].dtype, [&]<class T>(T) {
    T* y = static_cast<T*>(out[0].data);
    const int64_t step = out[0].rank ? out[0].stride[0] : 1;
    parallel_ranges(rt, ik_numel(out[0]), 2 * kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) narrow(a.start + static_cast<double>(i) * a.step, y[i * step]);
    });
  });
  return IK_OK;
}
