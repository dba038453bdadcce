// The gradient of conv2d with respect to the weights: dy [outputs, positions] by patches [positions, taps].
#include "cpu/conv_planes.h"
#include "cpu/conv_weight_tiles.h"

namespace ik {
namespace {

constexpr int64_t kPass = 1024;  // positions summed before partial sums return to memory
constexpr int64_t kDirectRows = 4, kDirectTaps = 128, kDirectGroups = 8;

template <class T>
struct Problem {
  ConvShape s;
  Patches patches;
  const T* x;
  const T* dy;
  T* dweight;
  int64_t m, taps;
};

// ---- as a matrix product ------------------------------------------------------------------------------------------

// Packs the patches of positions [q0, q1) for taps [k0, k0 + n), n <= kCols<E>, as [position][kCols<E>]: vectors of
// positions, transposed.
template <class E, class T>
void pack_taps(const Patches& p, const T* image, int64_t q0, int64_t q1, int64_t k0, int64_t n, uint32_t* bits, typename E::Unit* to) {
  using V = typename E::Vector;
  constexpr int64_t L = Runs<V>::L;
  const int64_t window = p.rows * p.columns;
  for (int64_t q = q0; q < q1; q += L, to += L * kCols<E>) {
    Runs<V> runs;
    runs.find(p, q, std::min(L, q1 - q));
    for (int64_t j = 0; j < p.columns; ++j)
      for (int r = 0; r < runs.count; ++r) bits[j * L + r] = runs.inside(p, r, p.column[j]);
    int64_t c = k0 / window, i = k0 % window / p.columns, j = k0 % p.columns;
    for (int64_t half = 0; half < 2; ++half) {
      V rows[L];
      for (int64_t l = 0; l < L; ++l) {
        rows[l] = V{};
        if (half * L + l >= n) continue;
        rows[l] = runs.load(p, image + c * p.plane(), p.row[i], p.column[j], bits + j * L);
        if (++j < p.columns) continue;
        j = 0;
        if (++i < p.rows) continue;
        i = 0;
        ++c;
      }
      transpose(rows);
      for (int64_t l = 0; l < std::min(L, q1 - q); ++l) std::memcpy(to + l * kCols<E> + half * L, &rows[l], sizeof(V));
    }
  }
}

template <class T>
int32_t multiply(const ik_runtime* rt, const Problem<T>& w) {
  using E = typename Multiply<T>::E;
  using R = typename Multiply<T>::R;
  using Acc = typename E::Acc;
  using Unit = typename E::Unit;
  constexpr int64_t kPanel = kCols<E>;
  constexpr bool kInPlace = std::is_same_v<T, Acc>;
  const Patches& p = w.patches;
  const int64_t area = p.height * p.width, positions = p.count(), groups = w.s.groups;
  const int64_t a_panels = ceil_div(w.m, kRows), b_panels = ceil_div(w.taps, kPanel), pass = std::min(kPass, positions);
  // 16-bit gradients are rounded once, so their sums lie beside them until then.
  Acc* sums;
  if constexpr (kInPlace) sums = w.dweight;
  else sums = static_cast<Acc*>(rt->scratch(rt, groups * w.m * w.taps * sizeof(Acc)));
  Unit* const a = static_cast<Unit*>(rt->scratch(rt, groups * a_panels * pass * kRowStep * sizeof(Unit)));
  const int64_t units = pass * kPanel, worker_bytes = (units * static_cast<int64_t>(sizeof(Unit)) + p.columns * kPanel * 4 + 63) / 64 * 64;
  char* const own = static_cast<char*>(rt->scratch(rt, worker_bytes * rt->threads));
  if (!sums || !a || !own) return IK_OOM;

  for (int64_t q0 = 0; q0 < positions; q0 += kPass) {
    const int64_t q1 = std::min(positions, q0 + kPass), k = q1 - q0;
    parallel_for(rt, groups * a_panels, [&](int64_t task, int32_t) {
      const int64_t g = task / a_panels, first = task % a_panels * kRows, rows = std::min<int64_t>(kRows, w.m - first);
      Unit* const to = a + task * pass * kRowStep;
      for (int64_t q = q0; q < q1;) {
        const int64_t image = q / area, at = q % area, n = std::min(q1 - q, area - at);
        const T* const from = w.dy + (image * w.s.o + g * w.m + first) * area + at;
        pack_panel<R, 1, kRowStep>(from, area, 1, rows, rows, n, to + (q - q0) * kRowStep);
        q += n;
      }
    });
    parallel_for(rt, groups * b_panels, [&](int64_t task, int32_t worker) {
      Unit* const b = reinterpret_cast<Unit*>(own + worker * worker_bytes);
      const int64_t g = task / b_panels, k0 = task % b_panels * kPanel, n = std::min(kPanel, w.taps - k0);
      pack_taps<E>(p, w.x + g * w.s.in_group() * p.plane(), q0, q1, k0, n, reinterpret_cast<uint32_t*>(b + units), b);
      for (int64_t i = 0; i < a_panels; ++i) {
        const int64_t rows = std::min<int64_t>(kRows, w.m - i * kRows);
        Acc* const to = sums + (g * w.m + i * kRows) * w.taps + k0;
        alignas(64) Acc edge[kRows * kPanel];
        Acc* const c = n == kPanel ? to : edge;
        const int64_t ld = n == kPanel ? w.taps : kPanel;
        if (c == edge && q0 > 0)
          for (int64_t r = 0; r < rows; ++r) std::copy_n(to + r * w.taps, n, edge + r * kPanel);
        const Acc* add = q0 > 0 ? c : nullptr;
        for (int64_t u = 0; u < k; u += kRun) {
          kMicroKernels<E, 1>[rows](std::min(kRun, k - u), a + ((g * a_panels + i) * pass + u) * kRowStep, kRowStep, b + u * kPanel, c,
                                    ld, add, ld);
          add = c;
        }
        if (c == edge)
          for (int64_t r = 0; r < rows; ++r) std::copy_n(edge + r * kPanel, n, to + r * w.taps);
      }
    });
  }
  if constexpr (!kInPlace)
    for (int64_t i = 0; i < groups * w.m * w.taps; ++i) narrow(sums[i], w.dweight[i]);
  return IK_OK;
}

template <class T>
int32_t grad_weight(const ik_runtime* rt, const ConvShape& s, const T* x, const T* dy, T* dweight) {
  const int64_t taps = s.in_group() * s.kh * s.kw;
  if (s.o * taps == 0) return IK_OK;
  if (s.n * s.oh * s.ow == 0) {
    std::fill_n(dweight, s.o * taps, T{});
    return IK_OK;
  }
  int64_t* const offsets = static_cast<int64_t*>(rt->scratch(rt, (s.kh + s.kw) * sizeof(int64_t)));
  if (!offsets) return IK_OOM;
  const Problem<T> w{s, forward_patches(s, offsets), x, dy, dweight, s.out_group(), taps};
  if (w.m <= kDirectRows && taps <= kDirectTaps && s.groups >= kDirectGroups) return FewWeights<T>(w.patches, s.groups, w.m, x, dy, dweight).run(rt);
  if constexpr (!std::is_same_v<T, double>)
    if (TileWeights<T>::suits(s)) return TileWeights<T>(s, w.patches, x, dy, dweight).run(rt);
  return multiply(rt, w);
}

}  // namespace
}  // namespace ik

int32_t ik_cpu_conv2d_grad_weight(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void* attrs) {
  using namespace ik;
  const int32_t dtype = in[0].dtype;
  if (in[1].dtype != dtype || out[0].dtype != dtype) return IK_UNSUPPORTED;
  const ConvShape s = conv_shape(in[0], out[0], in[1], *static_cast<const ik_attrs_conv2d_grad_weight*>(attrs));
  const auto run = [&]<class T>(T) {
    return grad_weight<T>(rt, s, static_cast<const T*>(in[0].data), static_cast<const T*>(in[1].data), static_cast<T*>(out[0].data));
  };
  switch (dtype) {
    case IK_F32: return run(float{});
    case IK_F64: return run(double{});
    case IK_BF16: return run(bf16{});
    case IK_F16: return run(f16{});
  }
  return IK_UNSUPPORTED;
}
