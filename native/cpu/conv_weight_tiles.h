// The gradient of a convolution's weights as tiles of taps by outputs: a tap's elements are broadcast, straight from the
// lines of the image, and vectors run over outputs. dy is transposed once; patches are neither copied nor transposed.
#pragma once
#include "cpu/conv_tiles.h"

namespace ik {

constexpr int kLineTaps = kRows < 7 ? kRows : 7;  // columns of a kernel, at most
constexpr int64_t kLineOutputs = 256;             // beyond, packing patches is paid back by so many outputs
constexpr int64_t kLineTasks = 32;
constexpr int64_t kLineBytes = 48 << 20;          // of image and dy at a time

// Positions that are summed from zero before they join the rest: whole lines, or a part of one.
struct Span {
  int64_t lines, width;  // positions
  int64_t line_step;     // elements of the image between lines
  int64_t step;          // and between positions
};

// to[i * J + j][0 .. W kLanes) += sum over positions of x[i][position + j] dy[position][..], rows of `to` 2 kLanes apart.
template <int I, int J, int W>
void line_kernel(const float* const* x, const Span& span, const float* dy, float* to) {
  vf acc[I * J][W];
#pragma GCC unroll 16
  for (int r = 0; r < I * J; ++r)
#pragma GCC unroll 2
    for (int w = 0; w < W; ++w) acc[r][w] = vf{};
  for (int64_t t = 0; t < span.lines; ++t) {
    const float* at[I];
#pragma GCC unroll 8
    for (int i = 0; i < I; ++i) at[i] = x[i] + t * span.line_step;
    for (int64_t u = 0; u < span.width * span.step; u += span.step) {
      vf d[W];
#pragma GCC unroll 2
      for (int w = 0; w < W; ++w) {
        d[w] = load(dy + w * kLanes);
        __builtin_prefetch(dy + (kTilePrefetch * W + w) * kLanes);
      }
      dy += W * kLanes;
#pragma GCC unroll 8
      for (int i = 0; i < I; ++i)
#pragma GCC unroll 8
        for (int j = 0; j < J; ++j) {
          const vf v = broadcast(at[i][u + j]);
#pragma GCC unroll 2
          for (int w = 0; w < W; ++w) acc[i * J + j][w] += v * d[w];
        }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < I * J; ++r)
#pragma GCC unroll 2
    for (int w = 0; w < W; ++w) store(to + (r * 2 + w) * kLanes, load(to + (r * 2 + w) * kLanes) + acc[r][w]);
}

using LineKernel = void (*)(const float* const*, const Span&, const float*, float*);
template <int J, int W>
inline constexpr auto kLineKernels = []<int... I>(std::integer_sequence<int, I...>) {
  return std::array<LineKernel, kRows / 2 + 1>{nullptr, line_kernel<I + 1, J, W>...};
}(std::make_integer_sequence<int, kRows / J>{});

template <class T>
class TileWeights {
  static constexpr int64_t L = kLanes;
  using R = ReaderF32<T, false>;

 public:
  static bool suits(const ConvShape& s) {
    const int64_t m = s.out_group();
    return s.kw >= 2 && s.kw <= kLineTaps && s.dilation_w == 1 && m <= kLineOutputs && 5 * m >= 4 * ceil_div(m, L) * L;
  }

  TileWeights(const ConvShape& s, const Patches& p, const T* x, const T* dy, T* dweight)
      : s_(s), p_(p), frame_(p, s.c), x_(x), dy_(dy), dweight_(dweight), m_(s.out_group()), area_(p.height * p.width) {
    panels_ = ceil_div(m_, 2 * L);
    lines_ = s.in_group() * s.kh;
    together_ = kRows / s.kw;
    groups_ = ceil_div(lines_, together_);
    taps_ = groups_ * together_ * s.kw;  // with what the last group has in excess
    const int64_t image_bytes = (frame_.image_step() + s.groups * panels_ * 2 * L * area_) * static_cast<int64_t>(sizeof(float));
    pass_ = std::clamp<int64_t>(kLineBytes / std::max<int64_t>(1, image_bytes), 1, p.images);
    // Tasks: blocks of line groups, and of positions where those are few.
    block_ = std::clamp<int64_t>(groups_ / 8, 1, 8);
    blocks_ = ceil_div(groups_, block_);
    span_lines_ = std::max<int64_t>(1, kRun / p.width);
    span_width_ = std::min(p.width, kRun);
    const int64_t spans = pass_ * ceil_div(p.height, span_lines_);
    chunks_ = std::clamp<int64_t>(kLineTasks / (blocks_ * s.groups), 1, std::min<int64_t>(8, spans));
  }

  int32_t run(const ik_runtime* rt) {
    const int64_t panel_sums = taps_ * 2 * L, chunk_sums = s_.groups * panels_ * panel_sums;
    float* const framed = static_cast<float*>(rt->scratch(rt, frame_.units(pass_) * sizeof(float)));
    float* const turned = static_cast<float*>(rt->scratch(rt, s_.groups * panels_ * pass_ * area_ * 2 * L * sizeof(float)));
    float* const sums = static_cast<float*>(rt->scratch(rt, chunks_ * chunk_sums * sizeof(float)));
    if (!framed || !turned || !sums) return IK_OOM;
    std::fill_n(sums, chunks_ * chunk_sums, 0.0f);

    for (int64_t first = 0; first < p_.images; first += pass_) {
      Patches pass = p_;
      pass.images = std::min(pass_, p_.images - first);
      frame_.template fill<R>(rt, pass, x_ + first * p_.image_step, s_.c, framed);
      turn(rt, first, pass.images, turned);
      parallel_for(rt, s_.groups * blocks_ * chunks_, [&](int64_t task, int32_t) {
        const int64_t chunk = task % chunks_, block = task / chunks_ % blocks_, g = task / chunks_ / blocks_;
        add(pass.images, g, block, chunk, turned, sums + chunk * chunk_sums + g * panels_ * panel_sums);
      });
    }
    const int64_t tap_blocks = ceil_div(lines_ * s_.kw, L);
    parallel_for(rt, s_.groups * panels_ * tap_blocks, [&](int64_t task, int32_t) {
      const int64_t g = task / tap_blocks / panels_, panel = task / tap_blocks % panels_;
      write(g, panel, task % tap_blocks * L, sums + (g * panels_ + panel) * panel_sums, chunk_sums);
    });
    return IK_OK;
  }

 private:
  int64_t vectors(int64_t panel) const { return m_ - panel * 2 * L > L ? 2 : 1; }
  // dy of one panel, [position][vectors L], the positions of this pass's images counted through.
  float* panel_of(float* turned, int64_t g, int64_t panel) const { return turned + (g * panels_ + panel) * pass_ * area_ * 2 * L; }

  void turn(const ik_runtime* rt, int64_t first, int64_t images, float* turned) const {
    constexpr int64_t kPositions = 512;
    const int64_t parts = ceil_div(area_, kPositions);
    parallel_for(rt, s_.groups * panels_ * images * parts, [&](int64_t task, int32_t) {
      const int64_t q0 = task % parts * kPositions, n = std::min(kPositions, area_ - q0), image = task / parts % images;
      const int64_t panel = task / parts / images % panels_, g = task / parts / images / panels_;
      const int64_t rows = std::min<int64_t>(2 * L, m_ - panel * 2 * L), step = vectors(panel) * L;
      const T* const from = dy_ + ((first + image) * s_.o + g * m_ + panel * 2 * L) * area_ + q0;
      float* const to = panel_of(turned, g, panel) + (image * area_ + q0) * step;
      if (step == L) pack_panel<R, 1, L>(from, area_, 1, rows, rows, n, to);
      else pack_panel<R, 1, 2 * L>(from, area_, 1, rows, rows, n, to);
    });
  }

  // Adds the positions of one chunk to the taps of one block of line groups, for all outputs of group g.
  void add(int64_t images, int64_t g, int64_t block, int64_t chunk, float* turned, float* sums) const {
    const int64_t per_image = ceil_div(p_.height, span_lines_), spans = images * per_image;
    const int64_t g1 = std::min(groups_, (block + 1) * block_);
    for (int64_t s = spans * chunk / chunks_; s < spans * (chunk + 1) / chunks_; ++s) {
      const int64_t image = s / per_image, t = s % per_image * span_lines_;
      const float* const from = frame_.data + image * frame_.image_step() + t * s_.stride_h * frame_.row_step() + g * s_.in_group() * frame_.length;
      for (int64_t u = 0; u < p_.width; u += span_width_) {
        const Span span{std::min(span_lines_, p_.height - t), std::min(span_width_, p_.width - u), s_.stride_h * frame_.row_step(), s_.stride_w};
        for (int64_t panel = 0; panel < panels_; ++panel) {
          const int64_t w = vectors(panel);
          const float* const dy = panel_of(turned, g, panel) + (image * area_ + t * p_.width + u) * w * L;
          for (int64_t k = block * block_; k < g1; ++k) {
            const int64_t line = k * together_, n = std::min(together_, lines_ - line);
            const float* x[kRows];
            for (int64_t i = 0; i < n; ++i)
              x[i] = from + (line + i) / s_.kh * frame_.length + (line + i) % s_.kh * s_.dilation_h * frame_.row_step() + u * s_.stride_w;
            kernel(w, n)(x, span, dy, sums + (panel * taps_ + line * s_.kw) * 2 * L);
          }
        }
      }
    }
  }

  LineKernel kernel(int64_t w, int64_t lines) const {
    LineKernel found = nullptr;
    [&]<int... J>(std::integer_sequence<int, J...>) {
      (void)((s_.kw == J + 2 && (found = w == 2 ? kLineKernels<J + 2, 2>[lines] : kLineKernels<J + 2, 1>[lines], true)) || ...);
    }(std::make_integer_sequence<int, kLineTaps - 1>{});
    return found;
  }

  // dweight of L taps and one panel of outputs: the chunks' sums added in order, and transposed.
  void write(int64_t g, int64_t panel, int64_t tap, const float* sums, int64_t chunk_sums) const {
    const int64_t taps = lines_ * s_.kw, n = std::min<int64_t>(L, taps - tap);
    for (int64_t w = 0; w < vectors(panel); ++w) {
      vf rows[L];
      for (int64_t k = 0; k < L; ++k) {
        rows[k] = vf{};
        if (k >= n) continue;
        const float* const from = sums + ((tap + k) * 2 + w) * L;
        for (int64_t c = 0; c < chunks_; ++c) rows[k] += load(from + c * chunk_sums);
      }
      transpose(rows);
      const int64_t o0 = (panel * 2 + w) * L;
      for (int64_t o = 0; o < std::min<int64_t>(L, m_ - o0); ++o) store_lanes(dweight_ + (g * m_ + o0 + o) * taps + tap, rows[o], n, 1);
    }
  }

  const ConvShape& s_;
  const Patches& p_;
  Framed<MulF32> frame_;
  const T *x_, *dy_;
  T* dweight_;
  int64_t m_, area_, panels_, lines_, together_, groups_, taps_, pass_, block_, blocks_, span_lines_, span_width_, chunks_;
};

}  // namespace ik
