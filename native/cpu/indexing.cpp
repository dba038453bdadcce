// embedding, gather and their gradients. Every index is checked before anything is written; sums run in a fixed
// order, without atomics.
#include <cstring>

#include "elementwise.h"
#include "softmax.h"

namespace ik {
namespace {

// Whether every element of an i32 view of any strides lies in [0, limit).
bool indices_inside(const ik_view& index, int64_t limit) {
  const ik_view* views[] = {&index};
  const Layout l = make_layout(views, 1, 0, index.rank, true);
  const int32_t* base = static_cast<const int32_t*>(index.data);
  int32_t buffer[kBlock];
  int32_t low = 0, high = -1;
  for (int64_t flat = 0; flat < l.numel; flat += kBlock) {
    int64_t at[IK_MAX_RANK];
    l.locate(flat, at);
    const int64_t n = std::min(kBlock, l.numel - flat);
    gather(l, 0, base, at, n, sizeof(int32_t), buffer);
    for (int64_t i = 0; i < n; ++i) {
      low = buffer[i] < low ? buffer[i] : low;
      high = buffer[i] > high ? buffer[i] : high;
    }
  }
  return low >= 0 && high < limit;
}

// ---- embedding ----
int32_t embedding(const ik_runtime* rt, const ik_view& table, const ik_view& ids, const ik_view& out) {
  const size_t bytes = ik_dtype_bytes(table.dtype), row_bytes = bytes * static_cast<size_t>(table.shape[1]);
  const auto* from = static_cast<const unsigned char*>(table.data);
  const int32_t* id = static_cast<const int32_t*>(ids.data);
  auto* to = static_cast<unsigned char*>(out.data);
  const size_t stride = static_cast<size_t>(table.stride[0]) * bytes;
  parallel_rows(rt, ik_numel(ids), table.shape[1], [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      std::memcpy(to + static_cast<size_t>(i) * row_bytes, from + static_cast<size_t>(id[i]) * stride, row_bytes);
  });
  return IK_OK;
}

// The rows of one id are added in blocks of kRun, and the blocks in order: neither many additions deep nor dependent on
// who does them.
constexpr int64_t kRunRows = 32;
constexpr int64_t kTileColumns = 256;

template <class T>
void add_rows(const T* dy, const int32_t* rows, int64_t count, int64_t width, bool add, T* to) {
  using S = scalar<T>;
  for (int64_t c0 = 0; c0 < width; c0 += kTileColumns) {
    const int64_t n = std::min(kTileColumns, width - c0);
    S total[kTileColumns] = {};
    for (int64_t first = 0; first < count; first += kRunRows) {
      S block[kTileColumns] = {};
      for (int64_t r = first; r < std::min(count, first + kRunRows); ++r) {
        const T* row = dy + rows[r] * width + c0;
        for_vectors<T>(n, [&](int64_t i, auto get, auto put) { put(block + i, get(block + i) + get(row + i)); });
      }
      for (int64_t i = 0; i < n; ++i) total[i] += block[i];
    }
    if (add) for_vectors<T>(n, [&](int64_t i, auto get, auto put) { put(total + i, get(total + i) + get(to + c0 + i)); });
    for (int64_t i = 0; i < n; ++i) set_value(total[i], to[c0 + i]);
  }
}

template <class T>
int32_t embedding_grad(const ik_runtime* rt, const ik_view& dy, const ik_view& ids, bool add, const ik_view& out) {
  const int64_t n = ik_numel(ids), vocabulary = out.shape[0], width = out.shape[1];
  const int32_t* id = static_cast<const int32_t*>(ids.data);
  // Counting sort: rows_of_id[start[v] .. start[v + 1]) are the rows of dy whose id is v, in order.
  auto* start = static_cast<int32_t*>(rt->scratch(rt, static_cast<size_t>(vocabulary + 2 + n) * sizeof(int32_t)));
  if (!start) return IK_OOM;
  int32_t* rows_of_id = start + vocabulary + 2;
  std::fill(start, start + vocabulary + 2, 0);
  for (int64_t i = 0; i < n; ++i) ++start[id[i] + 2];
  for (int64_t v = 1; v <= vocabulary; ++v) start[v + 1] += start[v];
  for (int64_t i = 0; i < n; ++i) rows_of_id[start[id[i] + 1]++] = static_cast<int32_t>(i);

  const T* grad = static_cast<const T*>(dy.data);
  T* to = static_cast<T*>(out.data);
  parallel_rows(rt, vocabulary, width, [&](int64_t begin, int64_t end) {
    for (int64_t v = begin; v < end; ++v) {
      const int64_t count = start[v + 1] - start[v];
      if (count > 0) add_rows(grad, rows_of_id + start[v], count, width, add, to + v * width);
      else if (!add) std::memset(static_cast<void*>(to + v * width), 0, static_cast<size_t>(width) * sizeof(T));
    }
  });
  return IK_OK;
}

// ---- gather, scatter_add ----
// Views 0: the elements walked (y or dy), 1: index, 2: the side indexed, whose stride along the axis is kept apart.
struct Lines {
  Layout layout;
  int64_t axis_stride;
};
Lines make_lines(const ik_view& walked, const ik_view& index, ik_view indexed, int64_t axis) {
  const int64_t stride = indexed.stride[axis];
  indexed.stride[axis] = 0;
  const ik_view* views[] = {&walked, &index, &indexed};
  return {make_layout(views, 3, 0, walked.rank, false), stride};
}

template <class U>
void gather_range(const Lines& lines, const U* x, const int32_t* index, U* y, int64_t begin, int64_t end) {
  const Layout& l = lines.layout;
  const int32_t last = l.rank - 1;
  for (int64_t flat = begin; flat < end;) {
    int64_t at[IK_MAX_RANK];
    l.locate(flat, at);
    const int64_t n = std::min(end - flat, l.inner() - at[last]);
    U* to = y + l.offset(0, at);
    const int32_t* ids = index + l.offset(1, at);
    const U* from = x + l.offset(2, at);
    for (int64_t i = 0; i < n; ++i)
      to[i * l.stride[0][last]] = from[i * l.stride[2][last] + ids[i * l.stride[1][last]] * lines.axis_stride];
    flat += n;
  }
}

// dx (dense, zeroed here) += dy at the indices. One task owns whole lines along the axis, so no two tasks meet.
template <class T, class A>
void scatter_add_lines(const ik_runtime* rt, const ik_view& dy, const ik_view& index, const ik_view& out, A* to,
                       int64_t axis) {
  const int64_t length = dy.shape[axis], total = ik_numel(out);
  parallel_ranges(rt, total, kGrain, [&](int64_t begin, int64_t end) { std::fill(to + begin, to + end, A{}); });
  // The axis is walked by hand: as a layout it has one element.
  ik_view walked = dy, ids = index, target = out;
  walked.shape[axis] = 1;
  const ik_view* views[] = {&walked, &ids, &target};
  const Layout l = make_layout(views, 3, 0, dy.rank, false);
  const T* from = static_cast<const T*>(dy.data);
  const int32_t* which = static_cast<const int32_t*>(index.data);
  const int64_t from_step = dy.stride[axis], index_step = index.stride[axis], to_step = out.stride[axis];
  parallel_rows(rt, l.numel, length, [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; ++line) {
      int64_t at[IK_MAX_RANK];
      l.locate(line, at);
      const T* source = from + l.offset(0, at);
      const int32_t* ids_of = which + l.offset(1, at);
      A* sums = to + l.offset(2, at);
      for (int64_t i = 0; i < length; ++i) {
        A& cell = sums[ids_of[i * index_step] * to_step];
        if constexpr (std::is_same_v<A, int32_t>)
          cell = static_cast<int32_t>(static_cast<uint32_t>(cell) + static_cast<uint32_t>(source[i * from_step]));
        else cell += value_of(source[i * from_step]);
      }
    }
  });
}

template <class T>
int32_t scatter_add(const ik_runtime* rt, const ik_view& dy, const ik_view& index, const ik_view& out, int64_t axis) {
  T* y = static_cast<T*>(out.data);
  if constexpr (std::is_arithmetic_v<T>) {
    scatter_add_lines<T, T>(rt, dy, index, out, y, axis);
  } else {
    // 16-bit sums are kept in f32 and rounded once.
    const int64_t n = ik_numel(out);
    float* sums = static_cast<float*>(rt->scratch(rt, static_cast<size_t>(n) * sizeof(float)));
    if (!sums) return IK_OOM;
    scatter_add_lines<T, float>(rt, dy, index, out, sums, axis);
    parallel_ranges(rt, n, kGrain, [&](int64_t begin, int64_t end) {
      for_vectors<T>(end - begin,
                     [&](int64_t i, auto get, auto put) { put(y + begin + i, get(sums + begin + i)); });
    });
  }
  return IK_OK;
}

}  // namespace
}  // namespace ik

int32_t ik_cpu_embedding(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void*) {
  using namespace ik;
  if (in[1].dtype != IK_I32 || out[0].dtype != in[0].dtype) return IK_UNSUPPORTED;
  if (!indices_inside(in[1], in[0].shape[0])) return IK_BAD_INDEX;
  return embedding(rt, in[0], in[1], out[0]);
}

int32_t ik_cpu_embedding_grad(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t,
                              const void* attrs) {
  using namespace ik;
  const bool add = static_cast<const ik_attrs_embedding_grad*>(attrs)->add != 0;
  if (in[1].dtype != IK_I32 || out[0].dtype != in[0].dtype) return IK_UNSUPPORTED;
  if (!indices_inside(in[1], out[0].shape[0])) return IK_BAD_INDEX;
  return for_float_dtype(in[0].dtype, [&]<class T>(T) { return embedding_grad<T>(rt, in[0], in[1], add, out[0]); });
}

int32_t ik_cpu_gather(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void* attrs) {
  using namespace ik;
  const int64_t axis = static_cast<const ik_attrs_gather*>(attrs)->axis;
  if (in[1].dtype != IK_I32 || out[0].dtype != in[0].dtype) return IK_UNSUPPORTED;
  if (!indices_inside(in[1], in[0].shape[axis])) return IK_BAD_INDEX;
  const Lines lines = make_lines(out[0], in[1], in[0], axis);
  const auto run = [&]<class U>(U) {
    parallel_ranges(rt, lines.layout.numel, kGrain, [&](int64_t begin, int64_t end) {
      gather_range(lines, static_cast<const U*>(in[0].data), static_cast<const int32_t*>(in[1].data),
                   static_cast<U*>(out[0].data), begin, end);
    });
    return IK_OK;
  };
  switch (ik_dtype_bytes(in[0].dtype)) {
    case 1: return run(uint8_t{});
    case 2: return run(uint16_t{});
    case 4: return run(uint32_t{});
    default: return run(uint64_t{});
  }
}

int32_t ik_cpu_scatter_add(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t,
                           const void* attrs) {
  using namespace ik;
  const int64_t axis = static_cast<const ik_attrs_scatter_add*>(attrs)->axis;
  if (in[1].dtype != IK_I32 || out[0].dtype != in[0].dtype) return IK_UNSUPPORTED;
  if (!indices_inside(in[1], out[0].shape[axis])) return IK_BAD_INDEX;
  if (in[0].dtype == IK_I32) return scatter_add<int32_t>(rt, in[0], in[1], out[0], axis);
  return for_float_dtype(in[0].dtype, [&]<class T>(T) { return scatter_add<T>(rt, in[0], in[1], out[0], axis); });
}
