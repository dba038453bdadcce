// Walking strided views: the layout work of every elementwise kernel, compiled once for all of them.
#pragma once
#include "parallel.h"

namespace ik {

// The shape shared by several views after size-1 axes are dropped and axes that lie behind each other in every view
// are merged; the last axis is the innermost of view 0.
struct Layout {
  static constexpr int kViews = 4;
  int32_t rank = 0;
  int64_t numel = 0;
  int64_t shape[IK_MAX_RANK];
  int64_t stride[kViews][IK_MAX_RANK];

  int64_t inner() const { return shape[rank - 1]; }
  // The coordinates of the flat-th element.
  void locate(int64_t flat, int64_t* at) const {
    for (int32_t d = rank - 1; d > 0; --d) {
      at[d] = flat % shape[d];
      flat /= shape[d];
    }
    at[0] = flat;
  }
  int64_t offset(int32_t view, const int64_t* at) const {
    int64_t o = 0;
    for (int32_t d = 0; d < rank; ++d) o += at[d] * stride[view][d];
    return o;
  }
};

// The layout of axes [first, last) of `views`; `reorder` sorts the axes by the strides of view 0, largest first.
Layout make_layout(const ik_view* const* views, int32_t count, int32_t first, int32_t last, bool reorder);

// Copies n elements of `bytes` bytes each of one view, from coordinates `at` on, into a dense buffer.
void gather(const Layout& layout, int32_t view, const void* base, const int64_t* at, int64_t n, size_t bytes, void* to);
void scatter(const Layout& layout, int32_t view, void* base, const int64_t* at, int64_t n, size_t bytes, const void* from);

// Calls `row` on dense runs that together cover every element; strided and broadcast inputs pass through buffers of
// kBlock elements, so that a formula is compiled for dense data alone. out may be one of the inputs.
constexpr int64_t kBlock = 256;
using RowFn = void (*)(const void* const* in, void* out, int64_t n);
int32_t run_elementwise(const ik_runtime* rt, const ik_view* in, int32_t n_in, const ik_view& out, RowFn row);

}  // namespace ik
