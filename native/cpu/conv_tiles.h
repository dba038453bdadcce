// Convolution with many outputs, without packing patches: tiles of positions by outputs, in which elements of the image
// are broadcast, straight from its lines, and vectors run over outputs. Neighbouring positions' patches overlap and are
// never copied; what is copied, once, is the image with the zeros around it, [image][row][channel][column], so that the
// lines a tile reads lie together. After "High Performance Zero-Memory Overhead Direct Convolutions" (Zhang et al., 2018).
#pragma once
#include "cpu/correlation.h"

namespace ik {

constexpr int64_t kTileTaps = 512;            // of one channel, at most
constexpr int64_t kTileStride = 2;
constexpr int64_t kStripTiles = 8;            // tiles of one line that are handed out together
constexpr int64_t kWeightsTogether = 768 << 10;  // bytes of packed weights that every task passes over
constexpr int64_t kTilePrefetch = 16;         // units of the sum between the prefetch of a weight and its use

// The image with zeros around it, as units of E::kPer channels: all that the taps of `p` read.
template <class E>
struct Framed {
  using Unit = typename E::Unit;
  const Unit* data = nullptr;
  int64_t first_row, first_column, rows, length, channels;  // channels in units
  explicit Framed(const Patches& p, int64_t all_channels) {
    const Extent row(p.row, p.rows), column(p.column, p.columns);
    first_row = row.first;
    first_column = column.first;
    rows = (p.height - 1) * p.stride_h + row.size() + 1;
    length = (p.width - 1) * p.stride_w + column.size() + 1;
    channels = ceil_div(all_channels, E::kPer);
  }
  int64_t row_step() const { return channels * length; }
  int64_t image_step() const { return rows * row_step(); }
  // A vector may be read past the last element.
  size_t units(int64_t images) const { return static_cast<size_t>(images * image_step() + 64); }

  template <class R, class T>
  void fill(const ik_runtime* rt, const Patches& p, const T* image, int64_t all_channels, Unit* to) {
    data = to;
    parallel_rows(rt, p.images * rows, row_step(), [&](int64_t begin, int64_t end) {
      for (int64_t l = begin; l < end; ++l) {
        const int64_t row = l % rows + first_row, n = l / rows;
        const bool there = row >= 0 && row < p.image_h;
        for (int64_t c = 0; c < channels; ++c) {
          const T* const line = image + n * p.image_step + c * E::kPer * p.plane() + row * p.image_w;
          pad_line<R>(there ? line : nullptr, p.image_w, first_column, length, to + l * row_step() + c * length,
                      E::kPer > 1 ? p.plane() : 0, std::min<int64_t>(E::kPer, all_channels - c * E::kPer));
        }
      }
    });
  }
};

// How a tile's sum walks: channels one after another, in each the taps' offsets.
struct Walk {
  int64_t channels, channel_step, window;
  const int64_t* offset;
  int64_t run;  // channels summed from zero before they join the rest
};

// to[g * J + r][0 .. W kWide) = sum over channels and taps of a[g][.. + r S] b[..], for G lines of J positions each.
template <class E, int G, int J, int S, int W>
void tile_kernel(const typename E::Unit* const* a, const Walk& walk, const typename E::Unit* b, typename E::Acc* to) {
  using V = typename E::Vector;
  constexpr int L = E::kWide;
  const int64_t second = G > 1 ? a[1] - a[0] : 0;
  for (int64_t c0 = 0; c0 < walk.channels; c0 += walk.run) {
    const int64_t c1 = std::min(walk.channels, c0 + walk.run);
    V acc[G * J][W];
#pragma GCC unroll 16
    for (int r = 0; r < G * J; ++r)
#pragma GCC unroll 2
      for (int w = 0; w < W; ++w) acc[r][w] = V{};
    for (int64_t c = c0; c < c1; ++c) {
      const typename E::Unit* const channel = a[0] + c * walk.channel_step;
      for (int64_t t = 0; t < walk.window; ++t) {
        const typename E::Unit* const at = channel + walk.offset[t];
        decltype(E::operand(b)) column[W];
#pragma GCC unroll 2
        for (int w = 0; w < W; ++w) {
          column[w] = E::operand(b + w * L);
          __builtin_prefetch(b + (kTilePrefetch * W + w) * L);
        }
#pragma GCC unroll 16
        for (int r = 0; r < G * J; ++r) {
          const auto x = E::spread(at + r % J * S + (r >= J ? second : 0));
#pragma GCC unroll 2
          for (int w = 0; w < W; ++w) acc[r][w] = E::add(acc[r][w], x, column[w]);
        }
        b += W * L;
      }
    }
#pragma GCC unroll 16
    for (int r = 0; r < G * J; ++r)
#pragma GCC unroll 2
      for (int w = 0; w < W; ++w) {
        V v = acc[r][w];
        if (c0 > 0) v += load_bits<V>(to + (r * W + w) * L);
        std::memcpy(to + (r * W + w) * L, &v, sizeof v);
      }
  }
}

template <class E>
using TileKernel = void (*)(const typename E::Unit* const*, const Walk&, const typename E::Unit*, typename E::Acc*);
// For 1 .. kRows positions of one line, or 1 .. kRows / 2 of each of two.
template <class E, int G, int S, int W>
inline constexpr auto kTileKernels = []<int... J>(std::integer_sequence<int, J...>) {
  return std::array<TileKernel<E>, sizeof...(J) + 1>{nullptr, tile_kernel<E, G, J + 1, S, W>...};
}(std::make_integer_sequence<int, kRows / G>{});

template <class E, class R, class T>
class TileConv {
  using Unit = typename E::Unit;
  using Acc = typename E::Acc;
  using V = typename E::Vector;
  static constexpr int64_t L = E::kWide;

 public:
  static bool suits(const Correlation<T>& c) {
    const Patches& p = c.patches;
    const int64_t window = p.rows * p.columns;
    // Lanes past the last output, and positions too few to hide an addition's latency, are wasted.
    return window > 1 && window <= kTileTaps && p.channels > 0 && p.stride_w <= kTileStride && p.width >= 4 && 5 * c.m >= 4 * ceil_div(c.m, L) * L;
  }

  explicit TileConv(const Correlation<T>& c) : c_(c), p_(c.patches), frame_(p_, p_.channels) {
    window_ = p_.rows * p_.columns;
    panels_ = ceil_div(c.m, 2 * L);
    const bool pairs = 2 * p_.width <= kRows;
    lines_ = pairs ? 2 : 1;
    const int64_t tiles = ceil_div(p_.width, pairs ? p_.width : kRows);
    strips_ = ceil_div(tiles, kStripTiles);
    tiles_ = tiles;
    line_blocks_ = ceil_div(p_.height, lines_);
  }

  // Groups one after another: each has many outputs.
  int32_t run(const ik_runtime* rt) {
    const int64_t taps = frame_.channels * window_;
    Unit* const framed = static_cast<Unit*>(rt->scratch(rt, frame_.units(p_.images) * sizeof(Unit)));
    Unit* const weights = static_cast<Unit*>(rt->scratch(rt, (panels_ * taps * 2 + 2 * kTilePrefetch) * L * sizeof(Unit)));
    int64_t* const offset = static_cast<int64_t*>(rt->scratch(rt, window_ * sizeof(int64_t)));
    if (!framed || !weights || !offset) return IK_OOM;
    for (int64_t i = 0; i < p_.rows; ++i)
      for (int64_t j = 0; j < p_.columns; ++j)
        offset[i * p_.columns + j] = (p_.row[i] - frame_.first_row) * frame_.row_step() + p_.column[j] - frame_.first_column;
    walk_ = {frame_.channels, frame_.length, window_, offset, std::max<int64_t>(1, kRun / window_)};

    const int64_t units = p_.images * line_blocks_ * strips_;
    const bool together = panels_ * taps * 2 * L * static_cast<int64_t>(sizeof(Unit)) <= kWeightsTogether;
    const int64_t rows = together ? 1 : panels_, columns = std::min(units, ceil_div(48, rows));
    const int64_t each = ceil_div(units, columns);
    for (int64_t g = 0; g < c_.groups; ++g) {
      frame_.template fill<R>(rt, p_, c_.image + g * c_.image_group, p_.channels, framed);
      constexpr int64_t kPackTaps = 1024;
      const int64_t step = std::max<int64_t>(1, kPackTaps / window_), parts = ceil_div(frame_.channels, step);
      parallel_for(rt, panels_ * parts, [&](int64_t task, int32_t) {
        const int64_t first = task % parts * step;
        pack(g, task / parts, first, std::min(frame_.channels, first + step), weights + task / parts * taps * 2 * L);
      });
      parallel_for(rt, rows * columns, [&](int64_t task, int32_t) {
        const int64_t u0 = task % columns * each, u1 = std::min(units, u0 + each), row = task / columns;
        for (int64_t panel = row; panel < (together ? panels_ : row + 1); ++panel)
          for (int64_t u = u0; u < u1; ++u) strip(g, panel, u, weights + panel * taps * 2 * L);
      });
    }
    return IK_OK;
  }

 private:
  int64_t width(int64_t panel) const { return std::min<int64_t>(2 * L, c_.m - panel * 2 * L); }
  int64_t vectors(int64_t panel) const { return width(panel) > L ? 2 : 1; }

  // Weights of one panel of outputs as [channel][tap][vectors L], for channels [c0, c1) in units.
  void pack(int64_t g, int64_t panel, int64_t c0, int64_t c1, Unit* to) const {
    const int64_t n = width(panel), step = vectors(panel) * L;
    const T* const from = c_.weight + g * c_.weight_group + panel * 2 * L * c_.weight_m;
    to += c0 * window_ * step;
    if constexpr (E::kPer == 1) {
      bool plain = c_.weight_c == window_;
      for (int64_t t = 0; plain && t < window_; ++t) plain = c_.tap[t] == t;
      if (plain && step == 2 * L)
        return pack_panel<R, 1, 2 * L>(from + c0 * window_, c_.weight_m, 1, n, n, (c1 - c0) * window_, to);
    }
    for (int64_t c = c0; c < c1; ++c, to += window_ * step) {
      const T* const channel = from + c * E::kPer * c_.weight_c;
      const int64_t valid = std::min<int64_t>(E::kPer, p_.channels - c * E::kPer);
      for (int64_t r = 0; r < step; ++r)
        for (int64_t t = 0; t < window_; ++t)
          to[t * step + r] = r < n ? R::one(channel + c_.tap[t] + r * c_.weight_m, c_.weight_c, valid) : Unit{};
    }
  }

  // The tiles of one strip of one line, or of two.
  void strip(int64_t g, int64_t panel, int64_t unit, const Unit* weights) const {
    const int64_t block = unit / strips_, image = block / line_blocks_, t = block % line_blocks_ * lines_;
    const int64_t first = unit % strips_ * kStripTiles, last = std::min(tiles_, first + kStripTiles);
    const bool pair = lines_ == 2 && t + 1 < p_.height;
    const int64_t line_step = p_.stride_h * frame_.row_step();
    const Unit* const line = frame_.data + image * frame_.image_step() + t * line_step;
    for (int64_t tile = first; tile < last; ++tile) {
      // Tiles of about one width, none so narrow that it waits for its own sums.
      const int64_t u0 = p_.width * tile / tiles_, n = p_.width * (tile + 1) / tiles_ - u0;
      const Unit* const a[2] = {line + u0 * p_.stride_w, line + u0 * p_.stride_w + line_step};
      alignas(64) Acc sums[kRows * 2 * L];
      kernel(pair, n, vectors(panel))(a, walk_, weights, sums);
      T* const out = c_.out + g * c_.out_group + image * c_.out_image + t * c_.out_line + u0 * c_.out_column;
      if (pair && c_.out_line == n * c_.out_column) {
        finish(g, panel, sums, 2 * n, out);
      } else {
        finish(g, panel, sums, n, out);
        if (pair) finish(g, panel, sums + n * vectors(panel) * L, n, out + c_.out_line);
      }
    }
  }

  TileKernel<E> kernel(bool pair, int64_t n, int64_t w) const {
    const auto of = [&]<int G>(std::integral_constant<int, G>) {
      if (p_.stride_w == 1) return w == 2 ? kTileKernels<E, G, 1, 2>[n] : kTileKernels<E, G, 1, 1>[n];
      return w == 2 ? kTileKernels<E, G, 2, 2>[n] : kTileKernels<E, G, 2, 1>[n];
    };
    return pair ? of(std::integral_constant<int, 2>{}) : of(std::integral_constant<int, 1>{});
  }

  // Adds the bias to n positions' sums and writes them, transposed.
  void finish(int64_t g, int64_t panel, const Acc* sums, int64_t n, T* out) const {
    const int64_t ld = vectors(panel) * L;
    for (int64_t w = 0; w < vectors(panel); ++w) {
      const int64_t o0 = panel * 2 * L + w * L, outputs = std::min<int64_t>(L, c_.m - o0);
      for (int64_t r0 = 0; r0 < n; r0 += L) {
        V rows[L];
#pragma GCC unroll 16
        for (int64_t r = 0; r < L; ++r) rows[r] = r0 + r < n ? load_bits<V>(sums + (r0 + r) * ld + w * L) : V{};
        transpose(rows);
        for (int64_t o = 0; o < outputs; ++o) {
          const V v = c_.bias ? rows[o] + broadcast(widen(c_.bias[g * c_.m + o0 + o])) : rows[o];
          store_lanes(out + (o0 + o) * c_.out_m + r0 * c_.out_column, v, std::min<int64_t>(L, n - r0), c_.out_column);
        }
      }
    }
  }

  const Correlation<T>& c_;
  const Patches& p_;
  Framed<E> frame_;
  Walk walk_{};
  int64_t window_, panels_, lines_, strips_, tiles_, line_blocks_;
};

// What tiles of elements stored as T are multiplied with: pairs of channels where bf16 has an instruction for them.
template <class T>
struct Tiles {
  using Conv = TileConv<MulF32, ReaderF32<T, false>, T>;
};
#if defined(__AVX512BF16__)
template <>
struct Tiles<bf16> {
  using Conv = TileConv<MulBf16, ReaderBf16<bf16>, bf16>;
};
#endif

}  // namespace ik
