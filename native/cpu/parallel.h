// Lambdas over ik_runtime::parallel. Every split is by size alone, so the bits do not depend on the thread count.
#pragma once
#include <algorithm>

#include "inkstone/backend.h"

namespace ik {

// body(task, worker) for every task in [0, tasks).
template <class Body>
void parallel_for(const ik_runtime* rt, int64_t tasks, Body&& body) {
  using Fn = std::remove_reference_t<Body>;
  if (tasks == 1) return body(int64_t{0}, int32_t{0});
  if (tasks <= 0) return;
  rt->parallel(
      rt, tasks, [](void* fn, int64_t task, int32_t worker) { (*static_cast<Fn*>(fn))(task, worker); },
      const_cast<void*>(static_cast<const void*>(&body)));
}

// body(begin, end) over [0, n) in pieces of `grain`.
template <class Body>
void parallel_ranges(const ik_runtime* rt, int64_t n, int64_t grain, Body&& body) {
  if (grain < 1) grain = 1;
  parallel_for(rt, (n + grain - 1) / grain,
               [&](int64_t task, int32_t) { body(task * grain, std::min(n, (task + 1) * grain)); });
}

// The pieces a pass over `elements` is cut into: large enough that handing one out costs nothing beside it.
constexpr int64_t kGrain = 16384;

// The same over rows of `length` elements: about kGrain elements a piece, at least one row.
template <class Body>
void parallel_rows(const ik_runtime* rt, int64_t rows, int64_t length, Body&& body) {
  parallel_ranges(rt, rows, std::max<int64_t>(1, kGrain / std::max<int64_t>(1, length)), body);
}

}  // namespace ik
