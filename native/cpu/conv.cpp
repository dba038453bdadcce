// conv2d and its gradient with respect to the input: both correlate patches of an image with weights.
#include "cpu/conv_planes.h"
#include "cpu/conv_tiles.h"

namespace ik {
namespace {

constexpr int64_t kDirectRows = 4;   // few enough outputs that packing patches would cost more than it gains
constexpr int64_t kDirectTaps = 1024;
constexpr int64_t kPassTaps = 1024;  // as long as a run of taps of a panel stays in L1
constexpr int64_t kChunkBytes = 384 << 10;
constexpr int64_t kMaxChunk = 8;

// ---- as a matrix product: weights [m, taps] by patches [taps, positions] ---------------------------------------

template <class T>
class PatchGemm {
  using E = typename Multiply<T>::E;
  using R = typename Multiply<T>::R;
  using Acc = typename E::Acc;
  using Unit = typename E::Unit;
  static constexpr int64_t kPanel = kCols<E>;
  static constexpr bool kInPlace = std::is_same_v<T, Acc>;  // partial sums may lie in the output

 public:
  explicit PatchGemm(const Correlation<T>& c) : c_(c), p_(c.patches) {
    window_ = p_.rows * p_.columns;
    a_panels_ = ceil_div(c.m, kRows);
    b_panels_ = ceil_div(p_.count(), kPanel);
    pass_channels_ = kInPlace ? std::max<int64_t>(1, kPassTaps / std::max<int64_t>(1, window_)) : p_.channels;
    pass_channels_ = std::min(pass_channels_, p_.channels);
    const int64_t panel_bytes = std::max<int64_t>(1, pass_channels_ * window_ * kPanel * static_cast<int64_t>(sizeof(Unit)));
    chunk_ = std::clamp<int64_t>(kChunkBytes / panel_bytes, 1, kMaxChunk);
    chunk_ = std::min(chunk_, std::max<int64_t>(1, b_panels_ * c.groups / 16));
  }

  int32_t run(const ik_runtime* rt) {
    const int64_t group_units = a_panels_ * p_.taps() * kRowStep;
    const int64_t panel_units = pass_channels_ * window_ * kPanel, bits = p_.columns * kPanel;
    const int64_t worker_bytes = (chunk_ * panel_units * static_cast<int64_t>(sizeof(Unit)) + bits * 4 + 63) / 64 * 64;
    Unit* const a = static_cast<Unit*>(rt->scratch(rt, std::max<size_t>(64, c_.groups * group_units * sizeof(Unit))));
    char* const own = static_cast<char*>(rt->scratch(rt, worker_bytes * rt->threads));
    Acc* const bias = c_.bias ? static_cast<Acc*>(rt->scratch(rt, c_.groups * c_.m * kPanel * sizeof(Acc))) : nullptr;
    if (!a || !own || (c_.bias && !bias)) return IK_OOM;
    if (bias)
      for (int64_t r = 0; r < c_.groups * c_.m; ++r) std::fill_n(bias + r * kPanel, kPanel, static_cast<Acc>(widen(c_.bias[r])));

    parallel_for(rt, c_.groups * a_panels_, [&](int64_t task, int32_t) {
      pack_weights(task / a_panels_, task % a_panels_, a + task * p_.taps() * kRowStep);
    });
    const int64_t chunks = ceil_div(b_panels_, chunk_);
    parallel_for(rt, c_.groups * chunks, [&](int64_t task, int32_t worker) {
      Unit* const mine = reinterpret_cast<Unit*>(own + worker * worker_bytes);
      const int64_t g = task / chunks, first = task % chunks * chunk_;
      multiply(g, first, std::min(b_panels_, first + chunk_), a + g * group_units, bias ? bias + g * c_.m * kPanel : nullptr, mine,
               reinterpret_cast<uint32_t*>(mine + chunk_ * panel_units));
    });
    return IK_OK;
  }

 private:
  struct Panel {
    int64_t n;  // positions
    bool dense;  // one row of the output holds them one after the other
    int64_t place[kPanel];
  };

  void pack_weights(int64_t g, int64_t panel, Unit* to) const {
    const T* const from = c_.weight + g * c_.weight_group + panel * kRows * c_.weight_m;
    const int64_t rows = std::min<int64_t>(kRows, c_.m - panel * kRows);
    bool plain = c_.weight_c == window_;
    for (int64_t t = 0; plain && t < window_; ++t) plain = c_.tap[t] == t;
    if (plain) return pack_panel<R, 1, kRowStep>(from, c_.weight_m, 1, rows, rows, p_.taps(), to);
    for (int64_t c = 0; c < p_.channels; ++c)
      for (int64_t t = 0; t < window_; ++t, to += kRowStep) {
        const T* const at = from + c * c_.weight_c + c_.tap[t];
        for (int64_t r = 0; r < kRowStep; ++r) to[r] = r < rows ? widen(at[r * c_.weight_m]) : Unit{};
      }
  }

  void multiply(int64_t g, int64_t b0, int64_t b1, const Unit* a, const Acc* bias, Unit* own, uint32_t* bits) const {
    const T* const image = c_.image + g * c_.image_group;
    T* const out = c_.out + g * c_.out_group;
    const int64_t panel_units = pass_channels_ * window_ * kPanel;
    Panel panels[kMaxChunk];
    for (int64_t b = b0; b < b1; ++b) describe(b * kPanel, panels[b - b0]);
    int64_t c0 = 0;
    do {
      const int64_t c1 = std::min(p_.channels, c0 + pass_channels_), k = (c1 - c0) * window_;
      for (int64_t b = b0; b < b1; ++b)
        pack_patches<E>(p_, image, b * kPanel, panels[b - b0].n, c0, c1, bits, own + (b - b0) * panel_units);
      for (int64_t i = 0; i < a_panels_; ++i) {
        const Unit* const rows = a + (i * p_.taps() + c0 * window_) * kRowStep;
        for (int64_t b = 0; b < b1 - b0; ++b)
          tile(i, panels[b], rows, own + b * panel_units, k, c0 == 0, bias ? bias + i * kRows * kPanel : nullptr, out);
      }
      c0 += pass_channels_;
    } while (c0 < p_.channels);
  }

  void describe(int64_t q, Panel& panel) const {
    panel.n = std::min(kPanel, p_.count() - q);
    panel.dense = true;
    for (int64_t j = 0; j < panel.n; ++j) {
      panel.place[j] = c_.place(q + j);
      panel.dense = panel.dense && panel.place[j] == panel.place[0] + j;
    }
  }

  void tile(int64_t i, const Panel& panel, const Unit* a, const Unit* b, int64_t k, bool first, const Acc* bias, T* out) const {
    const int64_t rows = std::min<int64_t>(kRows, c_.m - i * kRows);
    T* const to = out + i * kRows * c_.out_m;
    alignas(64) Acc edge[kRows * kPanel];
    Acc* sums = edge;
    int64_t ld = kPanel;
    if constexpr (kInPlace) {
      if (panel.dense && panel.n == kPanel) {
        sums = to + panel.place[0];
        ld = c_.out_m;
      } else if (!first) {
        for (int64_t r = 0; r < rows; ++r)
          for (int64_t j = 0; j < panel.n; ++j) edge[r * kPanel + j] = to[r * c_.out_m + panel.place[j]];
      }
    }
    const Acc* add = first ? bias : sums;
    int64_t add_ld = first ? kPanel : ld, u = 0;
    do {
      kMicroKernels<E, 1>[rows](std::min(kRun, k - u), a + u * kRowStep, kRowStep, b + u * kPanel, sums, ld, add, add_ld);
      add = sums;
      add_ld = ld;
      u += kRun;
    } while (u < k);
    if (sums != edge) return;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t j = 0; j < panel.n; ++j) narrow(edge[r * kPanel + j], to[r * c_.out_m + panel.place[j]]);
  }

  const Correlation<T>& c_;
  const Patches& p_;
  int64_t window_, a_panels_, b_panels_, pass_channels_, chunk_;
};

template <class T>
int32_t correlate(const ik_runtime* rt, const Correlation<T>& c) {
  if (c.groups * c.m * c.patches.count() == 0) return IK_OK;
  if (c.m <= kDirectRows && c.patches.taps() <= kDirectTaps) return FewOutputs<T>(c).run(rt);
  if constexpr (!std::is_same_v<T, double>)
    if (Tiles<T>::Conv::suits(c)) return typename Tiles<T>::Conv(c).run(rt);
  return PatchGemm<T>(c).run(rt);
}

// ---- the two kernels ---------------------------------------------------------------------------------------------

template <class T>
int32_t forward(const ik_runtime* rt, const ConvShape& s, const T* x, const T* weight, const T* bias, T* y) {
  int64_t* const offsets = static_cast<int64_t*>(rt->scratch(rt, (s.kh + s.kw + s.kh * s.kw) * sizeof(int64_t)));
  if (!offsets) return IK_OOM;
  int64_t* const tap = offsets + s.kh + s.kw;
  for (int64_t t = 0; t < s.kh * s.kw; ++t) tap[t] = t;
  const int64_t area = s.oh * s.ow, window = s.kh * s.kw;
  return correlate<T>(rt, {forward_patches(s, offsets), s.groups, x, s.in_group() * s.h * s.w, s.out_group(), weight,
                           s.out_group() * s.in_group() * window, s.in_group() * window, window, tap, bias, y,
                           s.out_group() * area, s.o * area, area, s.ow, 1});
}

// The positions of x at one remainder modulo the stride see the same taps: y at (position + pad - i dilation) / stride,
// where that is whole. Each remainder is a correlation of dy with those taps.
template <class T>
int32_t grad_input(const ik_runtime* rt, const ConvShape& s, const T* weight, const T* dy, T* dx) {
  int64_t* const offsets = static_cast<int64_t*>(rt->scratch(rt, (2 * (s.kh + s.kw) + s.kh * s.kw) * sizeof(int64_t)));
  if (!offsets) return IK_OOM;
  int64_t *const row = offsets, *const column = row + s.kh, *const row_tap = column + s.kw, *const column_tap = row_tap + s.kh;
  int64_t* const tap = column_tap + s.kw;
  const auto seen = [](int64_t at, int64_t pad, int64_t dilation, int64_t stride, int64_t taps, int64_t* offset, int64_t* which) {
    int64_t n = 0;
    for (int64_t i = 0; i < taps; ++i) {
      const int64_t d = at + pad - i * dilation;
      if (d % stride != 0) continue;
      offset[n] = d / stride;
      which[n++] = i;
    }
    return n;
  };
  const int64_t area = s.oh * s.ow, window = s.kh * s.kw;
  for (int64_t a = 0; a < std::min(s.stride_h, s.h); ++a)
    for (int64_t b = 0; b < std::min(s.stride_w, s.w); ++b) {
      const int64_t rows = seen(a, s.pad_h, s.dilation_h, s.stride_h, s.kh, row, row_tap);
      const int64_t columns = seen(b, s.pad_w, s.dilation_w, s.stride_w, s.kw, column, column_tap);
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < columns; ++j) tap[i * columns + j] = row_tap[i] * s.kw + column_tap[j];
      const Patches p{s.n, ceil_div(s.h - a, s.stride_h), ceil_div(s.w - b, s.stride_w), s.out_group(), rows, columns, row, column,
                      1,   1, s.oh, s.ow, s.o * area};
      const int32_t status = correlate<T>(
          rt, {p, s.groups, dy, s.out_group() * area, s.in_group(), weight, s.out_group() * s.in_group() * window, window,
               s.in_group() * window, tap, nullptr, dx + a * s.w + b, s.in_group() * s.h * s.w, s.c * s.h * s.w, s.h * s.w,
               s.stride_h * s.w, s.stride_w});
      if (status != IK_OK) return status;
    }
  return IK_OK;
}

template <class Body>
int32_t for_dtype(int32_t dtype, Body&& body) {
  switch (dtype) {
    case IK_F32: return body(float{});
    case IK_F64: return body(double{});
    case IK_BF16: return body(bf16{});
    case IK_F16: return body(f16{});
  }
  return IK_UNSUPPORTED;
}

}  // namespace
}  // namespace ik

int32_t ik_cpu_conv2d(const ik_runtime* rt, const ik_view* in, int32_t n_in, const ik_view* out, int32_t, const void* attrs) {
  using namespace ik;
  const int32_t dtype = in[0].dtype;
  if (in[1].dtype != dtype || out[0].dtype != dtype || (n_in > 2 && in[2].dtype != dtype)) return IK_UNSUPPORTED;
  const ConvShape s = conv_shape(in[0], in[1], out[0], *static_cast<const ik_attrs_conv2d*>(attrs));
  return for_dtype(dtype, [&]<class T>(T) {
    return forward<T>(rt, s, static_cast<const T*>(in[0].data), static_cast<const T*>(in[1].data),
                      n_in > 2 ? static_cast<const T*>(in[2].data) : nullptr, static_cast<T*>(out[0].data));
  });
}

int32_t ik_cpu_conv2d_grad_input(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void* attrs) {
  using namespace ik;
  const int32_t dtype = in[0].dtype;
  if (in[1].dtype != dtype || out[0].dtype != dtype) return IK_UNSUPPORTED;
  const ConvShape s = conv_shape(out[0], in[0], in[1], *static_cast<const ik_attrs_conv2d_grad_input*>(attrs));
  return for_dtype(dtype, [&]<class T>(T) {
    return grad_input<T>(rt, s, static_cast<const T*>(in[0].data), static_cast<const T*>(in[1].data), static_cast<T*>(out[0].data));
  });
}
