// What LSTM and GRU share: the recurrent product of one step, fused with whatever follows it for the same units.
// The weights are packed once for all steps, so that from the second step on they come from the second-level cache.
#pragma once
#include "cpu/conv.h"
#include "cpu/math.h"

namespace ik {

struct Sequence {
  int64_t steps, batch, hidden;
  bool reverse;
  // y is [steps, batch, hidden].
  Sequence(const ik_view& y, int64_t reverse) : steps(y.shape[0]), batch(y.shape[1]), hidden(y.shape[2]), reverse(reverse != 0) {}
  int64_t at(int64_t s) const { return reverse ? steps - 1 - s : s; }  // the position that step s visits
  int64_t state() const { return batch * hidden; }
};

// body(T{}) for the dtypes that a recurrence runs in.
template <class Body>
inline int32_t for_recurrent_dtype(int32_t dtype, Body&& body) {
  return dtype == IK_F32 ? body(float{}) : dtype == IK_F64 ? body(double{}) : static_cast<int32_t>(IK_UNSUPPORTED);
}

// Rows of the state [B, K], packed for the micro kernel: panels of kRows rows, [k][kRowStep].
template <class E>
struct State {
  using Unit = typename E::Unit;
  Unit* data = nullptr;
  int64_t k = 0;
  static size_t units(int64_t batch, int64_t k) { return static_cast<size_t>(std::max<int64_t>(1, ceil_div(batch, kRows) * k * kRowStep)); }
  Unit* panel(int64_t rows_before) const { return data + rows_before / kRows * k * kRowStep; }
  // Packs columns [c, c + n) of `rows` rows that start at `row`, a multiple of kRows; from: row-major, `ld` apart.
  template <class T>
  void put(const T* from, int64_t ld, int64_t row, int64_t rows, int64_t c, int64_t n) const {
    pack_panel<typename Multiply<T>::R, 1, kRowStep>(from, ld, 1, rows, rows, n, panel(row) + c * kRowStep);
  }
  // Packs the whole of h [batch, k].
  template <class T>
  void put_all(const T* h, int64_t batch) const {
    for (int64_t row = 0; row < batch; row += kRows) put(h + row * k, k, row, std::min<int64_t>(kRows, batch - row), 0, k);
  }
};

// The weights [gates H, H] for a step forward: a panel [H][U] for every block of U units and gate.
template <class T>
inline void pack_by_gate(const ik_runtime* rt, const T* weight, int64_t gates, int64_t H, T* to) {
  constexpr int64_t U = kCols<typename Multiply<T>::E>;
  parallel_for(rt, ceil_div(H, U) * gates, [&](int64_t task, int32_t) {
    const int64_t u0 = task / gates * U, n = std::min(U, H - u0);
    pack_panel<typename Multiply<T>::R, 1, U>(weight + (task % gates * H + u0) * H, H, 1, n, n, H, to + task * H * U);
  });
}
// And for a step back: a panel [gates H][U] for every block.
template <class T>
inline void pack_by_unit(const ik_runtime* rt, const T* weight, int64_t gates, int64_t H, T* to) {
  constexpr int64_t U = kCols<typename Multiply<T>::E>;
  const int64_t K = gates * H;
  parallel_for(rt, ceil_div(H, U), [&](int64_t block, int32_t) {
    const int64_t u0 = block * U, n = std::min(U, H - u0);
    pack_panel<typename Multiply<T>::R, 1, U>(weight + u0, 1, H, n, n, K, to + block * K * U);
  });
}

// to[r][0 .. kCols) = add[r][..] + state panel times weight panel [k][kCols].
template <class E>
inline void product(int64_t rows, const typename E::Unit* state, const typename E::Unit* weight, int64_t k, typename E::Acc* to,
                    const typename E::Acc* add, int64_t add_ld) {
  int64_t u = 0;
  do {
    kMicroKernels<E, 1>[rows](std::min(kRun, k - u), state + u * kRowStep, kRowStep, weight + u * kCols<E>, to, kCols<E>, add, add_ld);
    add = to;
    add_ld = kCols<E>;
    u += kRun;
  } while (u < k);
}

// Rows a product's epilogue will touch: `n` elements each, too short and too far apart for the hardware to foresee.
template <bool kWrite, class T>
inline void prefetch_rows(const T* p, int64_t rows, int64_t ld, int64_t n) {
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t i = 0; i < n; i += 64 / static_cast<int64_t>(sizeof(T))) __builtin_prefetch(p + r * ld + i, kWrite);
}

// Runs body(task, worker) for the blocks of one step; small steps stay on the calling thread.
constexpr double kSerialStep = 1 << 17;
template <class Body>
inline void for_blocks(const ik_runtime* rt, int64_t tasks, double work, Body&& body) {
  for_tasks(work <= kSerialStep ? nullptr : rt, tasks, body);
}

}  // namespace ik
