#include <cstring>

#include "elementwise.h"
#include "stream.h"

namespace ik {

Layout make_layout(const ik_view* const* views, int32_t count, int32_t first, int32_t last, bool reorder) {
  Layout l;
  l.numel = 1;
  int32_t axes[IK_MAX_RANK], n = 0;
  for (int32_t d = first; d < last; ++d) {
    l.numel *= views[0]->shape[d];
    if (views[0]->shape[d] != 1) axes[n++] = d;
  }
  if (reorder)
    std::stable_sort(axes, axes + n, [&](int32_t a, int32_t b) { return views[0]->stride[a] > views[0]->stride[b]; });
  for (int32_t i = 0; i < n; ++i) {
    const int32_t d = axes[i];
    const int64_t size = views[0]->shape[d];
    bool merge = l.rank > 0;
    for (int32_t k = 0; k < count && merge; ++k) merge = l.stride[k][l.rank - 1] == views[k]->stride[d] * size;
    if (!merge) l.shape[l.rank++] = 1;
    l.shape[l.rank - 1] *= size;
    for (int32_t k = 0; k < count; ++k) l.stride[k][l.rank - 1] = views[k]->stride[d];
  }
  if (l.rank == 0) {
    l.rank = 1;
    l.shape[0] = 1;
    for (int32_t k = 0; k < count; ++k) l.stride[k][0] = 1;
  }
  return l;
}

namespace {

// Calls piece(offset, n) for each run along the innermost axis.
template <class Piece>
void for_runs(const Layout& l, int32_t view, const int64_t* from, int64_t n, Piece&& piece) {
  int64_t at[IK_MAX_RANK];
  std::copy(from, from + l.rank, at);
  const int32_t last = l.rank - 1;
  while (n > 0) {
    const int64_t run = std::min(n, l.shape[last] - at[last]);
    piece(l.offset(view, at), run);
    n -= run;
    at[last] = 0;
    for (int32_t d = last - 1; d >= 0 && ++at[d] == l.shape[d]; --d) at[d] = 0;
  }
}

template <class U>
void gather_as(const Layout& l, int32_t view, const U* base, const int64_t* at, int64_t n, U* to) {
  const int64_t step = l.stride[view][l.rank - 1];
  for_runs(l, view, at, n, [&](int64_t offset, int64_t run) {
    const U* from = base + offset;
    if (step == 1) std::memcpy(to, from, static_cast<size_t>(run) * sizeof(U));
    else if (step == 0) std::fill(to, to + run, *from);
    else
      for (int64_t i = 0; i < run; ++i) to[i] = from[i * step];
    to += run;
  });
}

template <class U>
void scatter_as(const Layout& l, int32_t view, U* base, const int64_t* at, int64_t n, const U* from) {
  const int64_t step = l.stride[view][l.rank - 1];
  for_runs(l, view, at, n, [&](int64_t offset, int64_t run) {
    U* to = base + offset;
    if (step == 1) std::memcpy(to, from, static_cast<size_t>(run) * sizeof(U));
    else
      for (int64_t i = 0; i < run; ++i) to[i * step] = from[i];
    from += run;
  });
}

void run_range(const Layout& l, const void* const* base, const size_t* bytes, int32_t n_in, RowFn row, bool streaming,
               int64_t begin, int64_t end) {
  alignas(64) unsigned char buffer[Layout::kViews][kBlock * 8];
  alignas(64) unsigned char streamed[kStreamBlock * 8];
  // Which element of a broadcast input fills its buffer, and how far: consecutive pieces often share it.
  int64_t filled_with[Layout::kViews] = {-1, -1, -1, -1}, filled[Layout::kViews] = {};
  const int32_t last = l.rank - 1;
  bool all_direct = true;
  for (int32_t k = 0; k <= n_in; ++k) all_direct &= l.stride[k][last] == 1;
  const bool by_row = all_direct || l.inner() >= 64;

  for (int64_t flat = begin; flat < end;) {
    int64_t at[IK_MAX_RANK];
    l.locate(flat, at);
    const int64_t row_left = l.inner() - at[last];
    int64_t n = end - flat;
    if (by_row) n = std::min(n, row_left);
    if (!all_direct) n = std::min(n, kBlock);
    else if (streaming) n = std::min(n, kStreamBlock);

    // View 0 is the output, view k the k-th input.
    const void* in[Layout::kViews];
    for (int32_t k = 1; k <= n_in; ++k) {
      const int64_t offset = l.offset(k, at);
      const auto* data = static_cast<const unsigned char*>(base[k]);
      in[k - 1] = buffer[k];
      if (l.stride[k][last] == 1 && n <= row_left) {
        in[k - 1] = data + offset * static_cast<int64_t>(bytes[k]);
      } else if (l.stride[k][last] != 0 || n > row_left) {
        gather(l, k, data, at, n, bytes[k], buffer[k]);
        filled_with[k] = -1;
      } else if (filled_with[k] != offset || filled[k] < n) {
        gather(l, k, data, at, n, bytes[k], buffer[k]);
        filled_with[k] = offset;
        filled[k] = n;
      }
    }
    auto* to = const_cast<unsigned char*>(static_cast<const unsigned char*>(base[0]));
    if (l.stride[0][last] == 1 && n <= row_left && streaming) {
      row(in, streamed, n);
      stream(to + l.offset(0, at) * static_cast<int64_t>(bytes[0]), streamed, static_cast<size_t>(n) * bytes[0]);
    } else if (l.stride[0][last] == 1 && n <= row_left) {
      row(in, to + l.offset(0, at) * static_cast<int64_t>(bytes[0]), n);
    } else {
      row(in, buffer[0], n);
      scatter(l, 0, to, at, n, bytes[0], buffer[0]);
    }
    flat += n;
  }
  if (streaming) stream_end();
}

}  // namespace

void gather(const Layout& l, int32_t view, const void* base, const int64_t* at, int64_t n, size_t bytes, void* to) {
  switch (bytes) {
    case 1: return gather_as(l, view, static_cast<const uint8_t*>(base), at, n, static_cast<uint8_t*>(to));
    case 2: return gather_as(l, view, static_cast<const uint16_t*>(base), at, n, static_cast<uint16_t*>(to));
    case 4: return gather_as(l, view, static_cast<const uint32_t*>(base), at, n, static_cast<uint32_t*>(to));
    default: return gather_as(l, view, static_cast<const uint64_t*>(base), at, n, static_cast<uint64_t*>(to));
  }
}

void scatter(const Layout& l, int32_t view, void* base, const int64_t* at, int64_t n, size_t bytes, const void* from) {
  switch (bytes) {
    case 1: return scatter_as(l, view, static_cast<uint8_t*>(base), at, n, static_cast<const uint8_t*>(from));
    case 2: return scatter_as(l, view, static_cast<uint16_t*>(base), at, n, static_cast<const uint16_t*>(from));
    case 4: return scatter_as(l, view, static_cast<uint32_t*>(base), at, n, static_cast<const uint32_t*>(from));
    default: return scatter_as(l, view, static_cast<uint64_t*>(base), at, n, static_cast<const uint64_t*>(from));
  }
}

int32_t run_elementwise(const ik_runtime* rt, const ik_view* in, int32_t n_in, const ik_view& out, RowFn row) {
  const ik_view* views[Layout::kViews] = {&out};
  const void* base[Layout::kViews] = {out.data};
  size_t bytes[Layout::kViews] = {ik_dtype_bytes(out.dtype)};
  for (int32_t k = 0; k < n_in; ++k) {
    views[k + 1] = &in[k];
    base[k + 1] = in[k].data;
    bytes[k + 1] = ik_dtype_bytes(in[k].dtype);
  }
  const Layout l = make_layout(views, n_in + 1, 0, out.rank, true);
  // What lies in the cache because it was just read may as well be overwritten there.
  bool streaming = n_in > 1 && worth_streaming(out);
  for (int32_t k = 0; k < n_in; ++k) streaming &= in[k].data != out.data;
  // Small work is not worth waking anyone.
  const int64_t grain = l.numel <= 2 * kGrain ? l.numel : kGrain;
  parallel_ranges(rt, l.numel, grain,
                  [&](int64_t begin, int64_t end) { run_range(l, base, bytes, n_in, row, streaming, begin, end); });
  return IK_OK;
}

}  // namespace ik
