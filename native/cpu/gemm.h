// C = A B with a prologue and an epilogue for one pair of strided matrices: the blocking around the micro kernel.
//
// The smaller of A and B is packed once, by all workers, and shared. The other is packed a chunk at a time by the
// worker that multiplies the chunk, while it is warm in that worker's cache, so the large operand is read from
// memory exactly once and its packed form never goes back there. Every element of C is summed in one fixed order
// (runs of kRun, see gemm_kernel.h), whatever chunk or worker it falls to.
#pragma once
#include <algorithm>
#include <type_traits>

#include "cpu/gemm_epilogue.h"
#include "cpu/gemm_pack.h"
#include "cpu/parallel.h"

namespace ik {

// parallel_for, or on the calling thread as worker 0 when rt is null.
template <class Body>
inline void for_tasks(const ik_runtime* rt, int64_t tasks, Body&& body) {
  if (rt) return parallel_for(rt, tasks, body);
  for (int64_t t = 0; t < tasks; ++t) body(t, 0);
}

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// An operand: `outer` is the stride of its rows (A) or columns (B), `inner` the stride of k.
template <class T>
struct Operand {
  const T* data;
  int64_t outer, inner;
};

// A matrix as an operand, `outer` being the axis of its rows (A) or columns (B). An axis of one element has a stride that
// means nothing: it gets the one the fast paths look for.
template <class T>
Operand<T> operand(const ik_view& v, int outer, int inner) {
  Operand<T> o{static_cast<const T*>(v.data), v.stride[outer], v.stride[inner]};
  if (v.shape[inner] == 1 && o.outer != 1) o.inner = 1;
  if (v.shape[outer] == 1 && o.inner != 1) o.outer = 1;
  return o;
}

// B packed beforehand, panel after panel, each with all units of k.
template <class E>
struct Panels {
  const typename E::Unit* data;
  int64_t units;
  const typename E::Unit* panel(int64_t p, int64_t u0) const { return data + (p * units + u0) * kCols<E>; }
};

// E multiplies, R reads memory of type T into units, O is what C is stored as. Finish has a row `bias` of C or null, in
// E::Acc, and finish(from, to, at, n, row), which writes n elements of a row to `to`, element `at` of C; from and to may be one.
// Where it changes every element it is kBuffered: sums then reach C only through it, since the rows of a tile, a power of
// two apart, do not stay in the first cache.
template <class E, class R, class T, class O, class Finish = Epilogue<typename E::Acc, O>>
class Gemm {
 public:
  using Unit = typename E::Unit;
  using Acc = typename E::Acc;
  // pack_panel with its reader chosen: what the elements of an operand go through is paid once, as they are packed.
  using Packer = void (*)(const T*, int64_t, int64_t, int64_t, int64_t, int64_t, Unit*);
  template <class Reader>
  void read_a_with(Reader) { pack_a_ = pack_panel<Reader, E::kPer, kRowStep, T>; }
  template <class Reader>
  void read_b_with(Reader) { pack_b_ = pack_panel<Reader, E::kPer, kCols<E>, T>; }

  // packed_b: run will be given Panels.
  Gemm(int64_t m, int64_t n, int64_t k, bool packed_b = false) : m_(m), n_(n), k_(k) {
    a_panels_ = ceil_div(m, kRows);
    b_panels_ = ceil_div(n, kCols<E>);
    const int64_t units = ceil_div(k, E::kPer);
    // 16-bit results are rounded once, so all of k goes through one pass.
    int64_t passes = std::is_same_v<O, Acc> ? std::max<int64_t>(1, ceil_div(units, kPassUnits)) : 1;
    // Where nothing of B is packed, one pass will do for as much of A as stays in the second cache.
    if (packed_b) passes = std::clamp<int64_t>(a_panels_ * units * kRowStep * sizeof(Unit) / kPassBytes, 1, passes);
    pass_units_ = ceil_div(ceil_div(units, passes), kRun) * kRun;
    if (passes == 1) pass_units_ = units;
    share_a_ = n >= m;
    // A few rows of A alone, without the room for others beside them: reading those would take half as long as B.
    if (packed_b && share_a_ && m <= kRows) a_step_ = m;
    const int64_t shared = share_a_ ? a_panels_ : b_panels_, chunked = share_a_ ? b_panels_ : a_panels_;
    const int64_t shared_bytes = std::max<int64_t>(1, pass_units_ * shared_step() * static_cast<int64_t>(sizeof(Unit)));
    const int64_t chunk_bytes = std::max<int64_t>(1, pass_units_ * chunk_step() * static_cast<int64_t>(sizeof(Unit)));
    shared_block_ = std::clamp<int64_t>(kSharedBytes / shared_bytes, 1, std::max<int64_t>(1, shared));
    int64_t chunk = std::clamp<int64_t>(kChunkBytes / chunk_bytes, 1, kChunkPanels);
    chunk = std::min(chunk, std::max<int64_t>(1, chunked / kChunksWanted));
    chunk_panels_ = chunk;
    chunks_ = ceil_div(chunked, chunk);
  }

  size_t shared_units() const { return static_cast<size_t>(shared_block_ * pass_units_ * shared_step()); }
  size_t chunk_units() const { return static_cast<size_t>(chunk_panels_ * pass_units_ * chunk_step()); }
  // Units of scratch for `workers` workers; whole cache lines for each.
  static size_t whole_lines(size_t units) { return (units * sizeof(Unit) + 63) / 64 * 64 / sizeof(Unit); }
  size_t scratch_units(int32_t workers) const {
    return whole_lines(shared_units()) + static_cast<size_t>(workers) * whole_lines(chunk_units());
  }

  // C += A B instead of C = A B.
  void accumulate() { accumulate_ = true; }

  // All of B to `to`, which has room for packed_units(): what Panels reads.
  size_t packed_units() const { return static_cast<size_t>(b_panels_ * ceil_div(k_, E::kPer) * kCols<E>); }
  void pack_b(const ik_runtime* rt, const Operand<T>& b, Unit* to) const {
    const int64_t size = ceil_div(k_, E::kPer) * kCols<E>;
    const int64_t group = std::max<int64_t>(1, b_panels_ / 16);
    for_tasks(rt, ceil_div(b_panels_, group), [&](int64_t task, int32_t) {
      const int64_t p0 = task * group;
      pack_panels(false, {}, b, p0, std::min(b_panels_, p0 + group), 0, k_, size, kCols<E>, to + p0 * size);
    });
  }

  // B is an Operand<T>, or Panels<E>, or has pack(first column, columns, k0, k, units) of its own. rt null runs on the
  // calling thread.
  template <class B>
  void run(const ik_runtime* rt, Operand<T> a, const B& b, const Finish& finish, O* c, Unit* scratch) const {
    constexpr bool kPacked = std::is_same_v<B, Panels<E>>;
    const int64_t shared = share_a_ ? a_panels_ : b_panels_, chunked = share_a_ ? b_panels_ : a_panels_;
    const int64_t units = ceil_div(k_, E::kPer);
    Unit* const own = scratch + whole_lines(shared_units());
    int64_t u0 = 0;
    do {
      const int64_t k0 = u0 * E::kPer, pass = std::min(pass_units_, units - u0);
      const int64_t pass_k = std::min(k_ - k0, pass * E::kPer);
      for (int64_t s0 = 0; s0 < shared; s0 += shared_block_) {
        const int64_t s1 = std::min(shared, s0 + shared_block_);
        const int64_t group = std::max<int64_t>(1, (s1 - s0) / 16);
        if (share_a_ || !kPacked) for_tasks(rt, ceil_div(s1 - s0, group), [&](int64_t task, int32_t) {
          const int64_t p0 = s0 + task * group;
          pack_panels(share_a_, a, b, p0, std::min(s1, p0 + group), k0, pass_k, pass * shared_step(), shared_step(),
                      scratch + (p0 - s0) * pass * shared_step());
          if (a_step_ != kRowStep)
            for (int64_t u = 1; u < pass; ++u) std::copy_n(scratch + u * kRowStep, a_step_, scratch + u * a_step_);
        });
        for_tasks(rt, chunks_, [&](int64_t task, int32_t worker) {
          Unit* const mine = own + static_cast<size_t>(worker) * whole_lines(chunk_units());
          const int64_t p0 = task * chunk_panels_, p1 = std::min(chunked, p0 + chunk_panels_);
          if (!share_a_ || !kPacked) pack_panels(!share_a_, a, b, p0, p1, k0, pass_k, pass * chunk_step(), chunk_step(), mine);
          // The panel of the outer loop stays in L1 while the chunk, in L2, passes by it.
          for (int64_t s = s0; s < s1; ++s) {
            const Unit* one = scratch + (s - s0) * pass * shared_step();
            if constexpr (kPacked) one = share_a_ ? one : b.panel(s, u0);
            for (int64_t p = p0; p < p1; ++p) {
              const Unit* other = mine + (p - p0) * pass * chunk_step();
              if constexpr (kPacked) other = share_a_ ? b.panel(p, u0) : other;
              if (share_a_) tile(s, p, one, other, pass, u0 == 0 && !accumulate_, u0 + pass == units, finish, c);
              else tile(p, s, other, one, pass, u0 == 0 && !accumulate_, u0 + pass == units, finish, c);
            }
          }
        });
      }
      u0 += pass_units_;
    } while (u0 < units);
  }

 private:
  static constexpr int64_t kPassUnits = 1024;
  static constexpr int64_t kPassBytes = 512 << 10;
  static constexpr int64_t kSharedBytes = 32 << 20;
  static constexpr int64_t kChunkBytes = 384 << 10;
  static constexpr int64_t kChunkPanels = 8;
  static constexpr int64_t kChunksWanted = 16;
  static constexpr int64_t kSlice = 64;

  int64_t shared_step() const { return share_a_ ? kRowStep : kCols<E>; }
  int64_t chunk_step() const { return share_a_ ? kCols<E> : kRowStep; }

  // Panels p0 .. p1, `size` units each. Where the rows of k lie apart they are read a few at a time for all panels: a
  // panel of bytes is half a cache line wide.
  template <class B>
  void pack_panels(bool is_a, const Operand<T>& a, const B& b, int64_t p0, int64_t p1, int64_t k0, int64_t k, int64_t size,
                   int64_t step, Unit* to) const {
    int64_t inner = 1;
    if (is_a) inner = a.inner;
    else if constexpr (std::is_same_v<B, Operand<T>>) inner = b.inner;
    const int64_t slice = inner == 1 ? std::max<int64_t>(1, k) : kSlice;
    for (int64_t at = 0; at < k; at += slice)
      for (int64_t p = p0; p < p1; ++p)
        pack(is_a, a, b, p, k0 + at, std::min(slice, k - at), to + (p - p0) * size + at / E::kPer * step);
  }

  template <class B>
  void pack(bool is_a, const Operand<T>& a, const B& b, int64_t panel, int64_t k0, int64_t k, Unit* to) const {
    if (is_a) {
      const int64_t row = panel * kRows, left = m_ - row;
      pack_a_(a.data + row * a.outer + k0 * a.inner, a.outer, a.inner, std::min<int64_t>(kRows, left), left, k, to);
    } else {
      const int64_t column = panel * kCols<E>, left = n_ - column, width = std::min<int64_t>(kCols<E>, left);
      if constexpr (std::is_same_v<B, Panels<E>>) return;
      else if constexpr (std::is_same_v<B, Operand<T>>)
        pack_b_(b.data + column * b.outer + k0 * b.inner, b.outer, b.inner, width, left, k, to);
      else b.pack(column, width, k0, k, to);
    }
  }

  void tile(int64_t i, int64_t j, const Unit* a, const Unit* b, int64_t units, bool first, bool last,
            const Finish& finish, O* c) const {
    const int64_t rows = std::min<int64_t>(kRows, m_ - i * kRows), cols = std::min<int64_t>(kCols<E>, n_ - j * kCols<E>);
    const auto kernel = kMicroKernels<E, 1>[rows];
    const int64_t at = i * kRows * n_ + j * kCols<E>;
    O* const to = c + at;
    const Acc* add = finish.bias ? finish.bias + j * kCols<E> : nullptr;
    int64_t add_ld = 0;
    alignas(64) Acc edge[kRows * kCols<E>];
    Acc* out = edge;
    int64_t ld = kCols<E>;
    if constexpr (std::is_same_v<O, Acc>) {
      if (cols == kCols<E> && !Finish::kBuffered) {
        out = to;
        ld = n_;
      } else if (!first) {
        for (int64_t r = 0; r < rows; ++r) std::copy_n(to + r * n_, cols, edge + r * kCols<E>);
      }
      if (!first) {
        add = out;
        add_ld = ld;
      }
    }
    if (last) {
      // The micro kernel asks for what it writes to itself; here for the rest, that it be there when C is finished.
      if (static_cast<const void*>(out) != to)
        for (int64_t r = 0; r < rows; ++r) {
          __builtin_prefetch(to + r * n_, 1);
          __builtin_prefetch(to + r * n_ + cols - 1, 1);
        }
      for (int64_t r = 0; r < rows; ++r) finish.prefetch(at + r * n_, cols);
    }
    int64_t u = 0;
    do {
      kernel(std::min(kRun, units - u), a + u * a_step_, a_step_, b + u * kCols<E>, out, ld, add, add_ld);
      add = out;
      add_ld = ld;
      u += kRun;
    } while (u < units);
    if (last) {
      for (int64_t r = 0; r < rows; ++r) finish.finish(out + r * ld, to + r * n_, at + r * n_, cols, i * kRows + r);
    } else if constexpr (std::is_same_v<O, Acc>) {
      if (out == edge)
        for (int64_t r = 0; r < rows; ++r) std::copy_n(edge + r * kCols<E>, cols, to + r * n_);
    }
  }

  Packer pack_a_ = pack_panel<R, E::kPer, kRowStep, T>, pack_b_ = pack_panel<R, E::kPer, kCols<E>, T>;
  int64_t m_, n_, k_, a_step_ = kRowStep, a_panels_, b_panels_, pass_units_, shared_block_, chunk_panels_, chunks_;
  bool share_a_, accumulate_ = false;
};

}  // namespace ik
