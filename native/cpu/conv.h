// The geometry of a convolution as a matrix product, and the packing of its image operand: the patches (im2col) of a
// few output positions at a time, in the order the micro kernel reads, straight from the image. No patch matrix exists.
#pragma once
#include "cpu/gemm.h"
#include "cpu/lanes.h"

namespace ik {

// Which micro kernel multiplies elements stored as T, and what reads them while packing.
template <class T>
struct Multiply {
  using E = MulF32;
  using R = ReaderF32<T, false>;
};
template <>
struct Multiply<double> {
  using E = MulF64;
  using R = ReaderF64<>;
};
template <class T>
inline auto widen(T x) {
  if constexpr (std::is_same_v<T, double>) return x;
  else return to_float(x);
}
template <class Acc, class T>
inline void narrow(Acc x, T& to) {
  if constexpr (std::is_same_v<T, double>) to = x;
  else from_float(x, to);
}

// Output positions (n, t, u), and for each the taps (c, i, j) that read image[n, c, t stride_h + row[i], u stride_w +
// column[j]], or 0 outside the image. The positions of all images are counted through: one axis of length `count()`.
struct Patches {
  int64_t images, height, width;  // positions
  int64_t channels, rows, columns;  // taps
  const int64_t *row, *column;
  int64_t stride_h, stride_w;
  int64_t image_h, image_w, image_step;  // elements between images

  int64_t count() const { return images * height * width; }
  int64_t taps() const { return channels * rows * columns; }
  int64_t plane() const { return image_h * image_w; }
};

// The lanes of one vector of positions: runs within one line of one image each.
template <class V>
struct Runs {
  static constexpr int L = sizeof(V) / sizeof(V{}[0]);
  struct Run {
    int64_t base;        // of lane 0's element for a tap at (0, 0), counted from the first image
    int64_t top, left;   // of the first lane's patch
    int32_t first, last;  // lanes
  };
  Run run[L];
  int count = 0;

  // Positions [q, q + n) of the patches, n <= L.
  void find(const Patches& p, int64_t q, int64_t n) {
    count = 0;
    int64_t u = q % p.width, line = q / p.width;
    for (int64_t lane = 0; lane < n;) {
      const int64_t length = std::min(n - lane, p.width - u), t = line % p.height, image = line / p.height;
      Run& r = run[count++];
      r.top = t * p.stride_h;
      r.left = u * p.stride_w;
      r.base = image * p.image_step + r.top * p.image_w + r.left - lane * p.stride_w;
      r.first = static_cast<int32_t>(lane);
      r.last = static_cast<int32_t>(lane + length);
      lane += length;
      u = 0;
      ++line;
    }
  }

  // Which lanes of run r lie inside the image for a tap in this column.
  uint32_t inside(const Patches& p, int r, int64_t column) const {
    const int64_t at = run[r].left + column, last = run[r].last, first = run[r].first;
    const int64_t skip = at >= 0 ? 0 : ceil_div(-at, p.stride_w);
    const int64_t fit = at >= p.image_w ? 0 : (p.image_w - at + p.stride_w - 1) / p.stride_w;
    return lane_bits(first + std::min(skip, last - first), std::min(last, first + fit));
  }

  // The vector for one tap of one channel; `bits` is inside() of every run for its column.
  template <class T>
  V load(const Patches& p, const T* channel, int64_t row, int64_t column, const uint32_t* bits) const {
    V v{};
    for (int r = 0; r < count; ++r) {
      if (static_cast<uint64_t>(run[r].top + row) >= static_cast<uint64_t>(p.image_h) || bits[r] == 0) continue;
      const V part = load_lanes<V>(channel + (run[r].base + row * p.image_w + column), bits[r], p.stride_w);
      v = r == 0 ? part : v + part;
    }
    return v;
  }
};

constexpr int64_t kAheadTaps = 32;  // between the prefetch of an element and its use

// Packs the patches of positions [q, q + n), n <= kCols<E>, for channels [c0, c1): [tap][kCols<E>].
// `bits` has room for columns * 2 L entries.
template <class E, class T>
void pack_patches(const Patches& p, const T* image, int64_t q, int64_t n, int64_t c0, int64_t c1, uint32_t* bits,
                  typename E::Unit* to) {
  using V = typename E::Vector;
  constexpr int64_t L = Runs<V>::L;
  Runs<V> half[2];
  half[0].find(p, q, std::min(n, L));
  half[1].find(p, q + L, std::max<int64_t>(0, n - L));
  for (int64_t j = 0; j < p.columns; ++j)
    for (int h = 0; h < 2; ++h)
      for (int r = 0; r < half[h].count; ++r) bits[(j * 2 + h) * L + r] = half[h].inside(p, r, p.column[j]);
  // Lines of one channel after another are too short for the hardware to foresee.
  const int64_t ahead = ceil_div(kAheadTaps, std::max<int64_t>(1, p.rows * p.columns)) * p.plane();
  for (int64_t c = c0; c < c1; ++c) {
    const T* const channel = image + c * p.plane();
    for (int h = 0; h < 2; ++h)
      for (int r = 0; r < half[h].count; ++r) __builtin_prefetch(channel + ahead + half[h].run[r].base + half[h].run[r].first * p.stride_w);
    for (int64_t i = 0; i < p.rows; ++i)
      for (int64_t j = 0; j < p.columns; ++j) {
        for (int h = 0; h < 2; ++h) {
          const V v = half[h].load(p, channel, p.row[i], p.column[j], bits + (j * 2 + h) * L);
          std::memcpy(to + h * L, &v, sizeof v);
        }
        to += 2 * L;
      }
  }
}

// The sizes and steps of one launch.
struct ConvShape {
  int64_t n, c, h, w;     // x
  int64_t o, kh, kw;      // weight
  int64_t oh, ow;         // y
  int64_t groups, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;
  int64_t in_group() const { return c / groups; }
  int64_t out_group() const { return o / groups; }
};

template <class Attributes>
ConvShape conv_shape(const ik_view& x, const ik_view& weight, const ik_view& y, const Attributes& a) {
  ConvShape s{x.shape[0],      x.shape[1], x.shape[2], x.shape[3], weight.shape[0], weight.shape[2], weight.shape[3], y.shape[2],
              y.shape[3],      a.groups,   a.stride_h, a.stride_w, a.pad_h,         a.pad_w,         a.dilation_h,    a.dilation_w};
  // A plain matrix product: every line is part of one long one.
  if (s.kh == 1 && s.kw == 1 && s.stride_h == 1 && s.stride_w == 1 && s.pad_h == 0 && s.pad_w == 0 && s.h == s.oh && s.w == s.ow) {
    s.w *= s.h;
    s.ow *= s.oh;
    s.h = s.oh = 1;
  }
  return s;
}

// The patches that the forward pass reads of one group; `offsets` has room for kh + kw entries.
inline Patches forward_patches(const ConvShape& s, int64_t* offsets) {
  for (int64_t i = 0; i < s.kh; ++i) offsets[i] = i * s.dilation_h - s.pad_h;
  for (int64_t j = 0; j < s.kw; ++j) offsets[s.kh + j] = j * s.dilation_w - s.pad_w;
  return {s.n,        s.oh,       s.ow, s.in_group(), s.kh,          s.kw, offsets, offsets + s.kh,
          s.stride_h, s.stride_w, s.h,  s.w,          s.c * s.h * s.w};
}

}  // namespace ik
