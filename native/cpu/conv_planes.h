// Convolution of groups with few outputs (depthwise): one product for every tap, so that what counts is how often an
// element is loaded. The lines a task needs are copied once into the first cache with the zeros around them (and, where
// the stride is above 1, every stride-th element side by side), and several output lines share the lines they see.
#pragma once
#include "cpu/correlation.h"

namespace ik {

constexpr int64_t kPlaneBytes = 24 << 10;    // of lines, where one channel is enough: within the first cache
constexpr int64_t kPlanesBytes = 256 << 10;  // where several are summed: within the second
constexpr int64_t kPlaneWork = 1 << 18;      // products a task is worth

// Lines of an image around a band of output lines: [line][step][length].
struct Lines {
  int64_t first_row, rows_seen;  // offsets of the taps
  int64_t first_column, step, length;
  Lines(const Patches& p, int64_t lanes) {
    const Extent row(p.row, p.rows), column(p.column, p.columns);
    first_row = row.first;
    rows_seen = row.size() + 1;
    first_column = column.first;
    step = p.stride_w;
    length = column.size() / step + std::max(p.width, lanes);
  }
  int64_t ld() const { return step * length; }
  int64_t count(const Patches& p, int64_t band) const { return (band - 1) * p.stride_h + rows_seen; }
  // Where the taps of a column lie in a line.
  int64_t offset(int64_t column) const { return (column - first_column) % step * length + (column - first_column) / step; }
  // As many output lines as fit, a multiple of `together` where more than one fits.
  int64_t band(const Patches& p, int64_t bytes_a_line, int64_t budget, int64_t together) const {
    const int64_t fit = (budget / std::max<int64_t>(1, bytes_a_line) - rows_seen) / p.stride_h + 1;
    const int64_t whole = ceil_div(p.height, together) * together;
    // Bands of about one size.
    const int64_t bands = ceil_div(whole, std::clamp(fit, together, whole));
    return ceil_div(ceil_div(p.height, bands), together) * together;
  }
  template <class R, class T>
  void copy(const Patches& p, const T* channel, int64_t t0, int64_t band, typename R::Unit* to) const {
    for (int64_t l = 0; l < count(p, band); ++l) {
      const int64_t row = t0 * p.stride_h + first_row + l;
      const bool there = row >= 0 && row < p.image_h;
      pad_line_apart<R>(there ? channel + row * p.image_w : nullptr, p.image_w, first_column, step, length, to + l * ld());
    }
  }
};

// ---- y, and the gradient of the input -----------------------------------------------------------------------------

template <class T>
class FewOutputs {
  using E = typename Multiply<T>::E;
  using R = typename Multiply<T>::R;
  using Acc = typename E::Acc;
  using V = typename E::Vector;
  static constexpr int64_t L = E::kWide;
  template <int M>
  static constexpr int kTogether = kRows >= 14 || M <= 2 ? 4 : 2;  // output lines in registers

 public:
  explicit FewOutputs(const Correlation<T>& c) : c_(c), p_(c.patches), lines_(p_, L) {
    // Rows of taps one line apart, down or up: output lines share what they load.
    int64_t way = p_.rows > 1 && p_.stride_h == 1 ? p_.row[1] - p_.row[0] : 0;
    for (int64_t i = 1; i < p_.rows; ++i)
      if (p_.row[i] - p_.row[i - 1] != way) way = 0;
    consecutive_ = way == 1 || way == -1;
    up_ = way == -1;
    const int64_t line_bytes = std::max<int64_t>(1, p_.channels) * lines_.ld() * static_cast<int64_t>(sizeof(Acc));
    band_ = lines_.band(p_, line_bytes, p_.channels == 1 ? kPlaneBytes : kPlanesBytes, c.m <= 2 ? kTogether<1> : kTogether<4>);
  }

  int32_t run(const ik_runtime* rt) {
    const int64_t each = p_.taps() * c_.m, lines = lines_.count(p_, band_);
    const int64_t worker_units = ceil_div(p_.channels * lines * lines_.ld(), 16) * 16 + 16;
    Acc* const weights = static_cast<Acc*>(rt->scratch(rt, std::max<int64_t>(1, c_.groups * each) * sizeof(Acc)));
    Acc* const own = static_cast<Acc*>(rt->scratch(rt, worker_units * rt->threads * sizeof(Acc)));
    int64_t* const offset = static_cast<int64_t*>(rt->scratch(rt, (p_.rows + p_.columns + 1) * sizeof(int64_t)));
    if (!weights || !own || !offset) return IK_OOM;
    columns_ = offset;
    rows_ = offset + p_.columns;
    for (int64_t j = 0; j < p_.columns; ++j) offset[j] = lines_.offset(p_.column[j]);
    for (int64_t i = 0; i < p_.rows; ++i) offset[p_.columns + i] = p_.row[up_ ? p_.rows - 1 - i : i] - lines_.first_row;
    for (int64_t g = 0; g < c_.groups; ++g) order_weights(g, weights + g * each);

    const auto band = pick();
    const int64_t bands = ceil_div(p_.height, band_), tasks = p_.images * c_.groups * bands;
    const int64_t work = std::max<int64_t>(1, band_ * p_.width * each);
    parallel_for(rt, ceil_div(tasks, std::max<int64_t>(1, kPlaneWork / work)), [&](int64_t block, int32_t worker) {
      const int64_t grain = std::max<int64_t>(1, kPlaneWork / work);
      Acc* const mine = own + worker * worker_units;
      for (int64_t task = block * grain; task < std::min(tasks, (block + 1) * grain); ++task) {
        const int64_t t0 = task % bands * band_, g = task / bands % c_.groups, image = task / bands / c_.groups;
        const T* const from = c_.image + g * c_.image_group + image * p_.image_step;
        for (int64_t c = 0; c < p_.channels; ++c) lines_.template copy<R>(p_, from + c * p_.plane(), t0, band_, mine + c * lines * lines_.ld());
        (this->*band)(mine, lines, weights + g * each, c_.bias ? c_.bias + g * c_.m : nullptr,
                      c_.out + g * c_.out_group + image * c_.out_image + t0 * c_.out_line, std::min(band_, p_.height - t0));
      }
    });
    return IK_OK;
  }

 private:
  using Band = void (FewOutputs::*)(const Acc*, int64_t, const Acc*, const T*, T*, int64_t) const;

  // [channel][row of taps, downwards][column][output]
  void order_weights(int64_t g, Acc* to) const {
    const T* const from = c_.weight + g * c_.weight_group;
    for (int64_t c = 0; c < p_.channels; ++c)
      for (int64_t i = 0; i < p_.rows; ++i)
        for (int64_t j = 0; j < p_.columns; ++j) {
          const T* const at = from + c * c_.weight_c + c_.tap[(up_ ? p_.rows - 1 - i : i) * p_.columns + j];
          for (int64_t m = 0; m < c_.m; ++m) *to++ = widen(at[m * c_.weight_m]);
        }
  }

  Band pick() const {
    switch (c_.m) {
      case 1: return pick_window<1>();
      case 2: return pick_window<2>();
      case 3: return pick_window<3>();
      default: return pick_window<4>();
    }
  }
  template <int M>
  Band pick_window() const {
    if constexpr (std::is_same_v<Acc, float>) {
      if (consecutive_) {
        if (p_.rows == 3 && p_.columns == 3) return &FewOutputs::template band<M, 3, 3>;
        switch (p_.rows) {
          case 2: return &FewOutputs::template band<M, 2, 0>;
          case 3: return &FewOutputs::template band<M, 3, 0>;
          case 4: return &FewOutputs::template band<M, 4, 0>;
          case 5: return &FewOutputs::template band<M, 5, 0>;
          case 7: return &FewOutputs::template band<M, 7, 0>;
        }
      }
    }
    return &FewOutputs::template band<M, 0, 0>;
  }

  // `rows` output lines from the lines of all channels. kHeight consecutive rows of taps (0: any) of kWidth columns
  // (0: any).
  template <int M, int kHeight, int kWidth>
  void band(const Acc* lines, int64_t count, const Acc* weights, const T* bias, T* out, int64_t rows) const {
    constexpr int K = kTogether<M>;
    const int64_t ld = lines_.ld(), columns = kWidth ? kWidth : p_.columns;
    const int64_t *const column = columns_, *const row = rows_;
    for (int64_t t = 0; t < rows; t += K)
      for (int64_t at = 0; at < p_.width; at += L) {
        // The last vector of a line overlaps the one before it.
        const int64_t u = std::min(at, std::max<int64_t>(0, p_.width - L));
        V acc[M][K];
#pragma GCC unroll 4
        for (int m = 0; m < M; ++m)
#pragma GCC unroll 4
          for (int k = 0; k < K; ++k) acc[m][k] = bias ? broadcast(widen(bias[m])) : V{};
        const Acc* w = weights;
        for (int64_t c = 0; c < p_.channels; ++c) {
          const Acc* const from = lines + (c * count + t * p_.stride_h) * ld + u;
          if constexpr (kHeight > 0) {
#pragma GCC unroll 16
            for (int r = 0; r < kHeight + K - 1; ++r) {
              const auto sum = [&](int64_t j) __attribute__((always_inline)) {
                const V v = load_bits<V>(from + r * ld + column[j]);
#pragma GCC unroll 4
                for (int k = 0; k < K; ++k)
                  if (r - k >= 0 && r - k < kHeight)
#pragma GCC unroll 4
                    for (int m = 0; m < M; ++m) acc[m][k] += broadcast(w[((r - k) * columns + j) * M + m]) * v;
              };
              if constexpr (kWidth > 0) {
#pragma GCC unroll 4
                for (int j = 0; j < kWidth; ++j) sum(j);
              } else {
                for (int64_t j = 0; j < columns; ++j) sum(j);
              }
            }
            w += kHeight * columns * M;
          } else {
            for (int64_t i = 0; i < p_.rows; ++i)
              for (int64_t j = 0; j < columns; ++j, w += M)
#pragma GCC unroll 4
                for (int k = 0; k < K; ++k) {
                  const V v = load_bits<V>(from + (row[i] + k * p_.stride_h) * ld + column[j]);
#pragma GCC unroll 4
                  for (int m = 0; m < M; ++m) acc[m][k] += broadcast(w[m]) * v;
                }
          }
        }
        for (int k = 0; k < std::min<int64_t>(K, rows - t); ++k)
          for (int m = 0; m < M; ++m)
            store_lanes(out + m * c_.out_m + (t + k) * c_.out_line + u * c_.out_column, acc[m][k], std::min(L, p_.width), c_.out_column);
      }
  }

  const Correlation<T>& c_;
  const Patches& p_;
  Lines lines_;
  int64_t band_;
  bool consecutive_, up_;
  const int64_t *columns_ = nullptr, *rows_ = nullptr;
};

// ---- the gradient of the weights ----------------------------------------------------------------------------------

// dweight[g, m, c, i, j] = sum over positions of dy[n, (g, m), t, u] patch[(n, t, u), (c, i, j)].
template <class T>
class FewWeights {
  using E = typename Multiply<T>::E;
  using R = typename Multiply<T>::R;
  using Acc = typename E::Acc;
  using V = typename E::Vector;
  static constexpr int64_t L = E::kWide;
  static constexpr int kColumns = 4;  // taps of one row summed together

 public:
  FewWeights(const Patches& p, int64_t groups, int64_t m, const T* x, const T* dy, T* dweight)
      : p_(p), lines_(p, L), groups_(groups), m_(m), x_(x), dy_(dy), dweight_(dweight) {
    ld_ = ceil_div(p.width, L) * L;
    lines_.length = lines_.length - std::max(p.width, L) + ld_;
    square_ = p.rows == 3 && p.columns == 3 && p.stride_h == 1 && p.row[1] == p.row[0] + 1 && p.row[2] == p.row[1] + 1;
    band_ = lines_.band(p, lines_.ld() * static_cast<int64_t>(sizeof(Acc)), kPlaneBytes / 2, 1);
  }

  int32_t run(const ik_runtime* rt) {
    const int64_t each = m_ * p_.taps(), line_units = lines_.count(p_, band_) * lines_.ld(), dy_units = band_ * ld_;
    const int64_t worker_bytes = (each * L * 8 + (line_units + dy_units) * static_cast<int64_t>(sizeof(Acc)) + 127) / 64 * 64;
    char* const own = static_cast<char*>(rt->scratch(rt, worker_bytes * rt->threads));
    int64_t* const offset = static_cast<int64_t*>(rt->scratch(rt, (p_.rows + p_.columns) * sizeof(int64_t)));
    if (!own || !offset) return IK_OOM;
    for (int64_t j = 0; j < p_.columns; ++j) offset[j] = lines_.offset(p_.column[j]);
    for (int64_t i = 0; i < p_.rows; ++i) offset[p_.columns + i] = (p_.row[i] - lines_.first_row) * lines_.ld();
    columns_ = offset;
    rows_ = offset + p_.columns;
    parallel_for(rt, groups_, [&](int64_t g, int32_t worker) {
      double* const total = reinterpret_cast<double*>(own + worker * worker_bytes);
      Acc* const lines = reinterpret_cast<Acc*>(total + each * L);
      std::fill_n(total, each * L, 0.0);
      for (int64_t image = 0; image < p_.images; ++image)
        for (int64_t t0 = 0; t0 < p_.height; t0 += band_) add_band(g, image, t0, lines, lines + line_units, total);
      for (int64_t k = 0; k < each; ++k) {
        double s = 0;
        for (int64_t l = 0; l < L; ++l) s += total[k * L + l];
        narrow(static_cast<Acc>(s), dweight_[g * each + k]);
      }
    });
    return IK_OK;
  }

 private:
  void add_band(int64_t g, int64_t image, int64_t t0, Acc* lines, Acc* dlines, double* total) const {
    const int64_t rows = std::min(band_, p_.height - t0), window = p_.rows * p_.columns;
    const T* const x = x_ + image * p_.image_step + g * p_.channels * p_.plane();
    const T* const dy = dy_ + (image * groups_ + g) * m_ * p_.height * p_.width;
    for (int64_t c = 0; c < p_.channels; ++c) {
      lines_.template copy<R>(p_, x + c * p_.plane(), t0, band_, lines);
      for (int64_t m = 0; m < m_; ++m) {
        for (int64_t t = 0; t < rows; ++t)
          pad_line<R>(dy + (m * p_.height + t0 + t) * p_.width, p_.width, 0, ld_, dlines + t * ld_);
        double* const to = total + (m * p_.channels + c) * window * L;
        if constexpr (std::is_same_v<Acc, float>) {
          if (square_) {
            sum_square(lines, dlines, rows, to);
            continue;
          }
        }
        for (int64_t i = 0; i < p_.rows; ++i)
          for (int64_t j = 0; j < p_.columns; j += kColumns) {
            double* const at = to + (i * p_.columns + j) * L;
            const Acc* const from = lines + rows_[i];
            switch (std::min<int64_t>(kColumns, p_.columns - j)) {
              case 1: sum_row<1>(from, columns_ + j, dlines, rows, at); break;
              case 2: sum_row<2>(from, columns_ + j, dlines, rows, at); break;
              case 3: sum_row<3>(from, columns_ + j, dlines, rows, at); break;
              default: sum_row<4>(from, columns_ + j, dlines, rows, at);
            }
          }
      }
    }
  }

  // The lanes of a line's vector at u that lie inside it; what lies outside may be another position's element, which
  // 0 of dy would not silence if it is not finite.
  V inside(int64_t u) const {
    Acc keep[L];
    for (int64_t l = 0; l < L; ++l) {
      keep[l] = 0;
      if (u + l < p_.width) std::memset(keep + l, 0xff, sizeof(Acc));
    }
    return load_bits<V>(keep);
  }
  static V mask(V v, V keep) { return (V)((vu)v & (vu)keep); }
  static void flush(V v, double* to) {
    Acc lanes[L];
    std::memcpy(lanes, &v, sizeof v);
    for (int64_t l = 0; l < L; ++l) to[l] += lanes[l];
  }

  // J taps of one row.
  template <int J>
  void sum_row(const Acc* lines, const int64_t* column, const Acc* dy, int64_t rows, double* to) const {
    V acc[J] = {};
    for (int64_t u = 0; u < p_.width; u += L) {
      const V keep = inside(u);
      for (int64_t t = 0; t < rows; ++t) {
        const V d = load_bits<V>(dy + t * ld_ + u);
#pragma GCC unroll 4
        for (int j = 0; j < J; ++j) acc[j] += d * mask(load_bits<V>(lines + t * p_.stride_h * lines_.ld() + column[j] + u), keep);
      }
    }
    for (int j = 0; j < J; ++j) flush(acc[j], to + j * L);
  }

  // All of 3 x 3 consecutive taps: every line of x is loaded once.
  void sum_square(const Acc* lines, const Acc* dy, int64_t rows, double* to) const {
    V acc[3][3] = {};
    for (int64_t u = 0; u < p_.width; u += L) {
      const auto pass = [&](auto keep) __attribute__((always_inline)) {
        V x[3][3];
        const auto read = [&](int64_t row, V (&v)[3]) __attribute__((always_inline)) {
          for (int j = 0; j < 3; ++j) v[j] = keep(load_bits<V>(lines + row * lines_.ld() + columns_[j] + u));
        };
        read(0, x[0]);
        read(1, x[1]);
        for (int64_t t = 0; t < rows; ++t) {
          read(t + 2, x[2]);
          const V d = load_bits<V>(dy + t * ld_ + u);
#pragma GCC unroll 4
          for (int i = 0; i < 3; ++i)
#pragma GCC unroll 4
            for (int j = 0; j < 3; ++j) acc[i][j] += d * x[i][j];
#pragma GCC unroll 4
          for (int j = 0; j < 3; ++j) {
            x[0][j] = x[1][j];
            x[1][j] = x[2][j];
          }
        }
      };
      if (u + L <= p_.width) {
        pass([](V v) { return v; });
      } else {
        const V keep = inside(u);
        pass([&](V v) { return mask(v, keep); });
      }
    }
    for (int i = 0; i < 3; ++i)
      for (int j = 0; j < 3; ++j) flush(acc[i][j], to + (i * 3 + j) * L);
  }

  const Patches& p_;
  Lines lines_;
  int64_t groups_, m_;
  const T *x_, *dy_;
  T* dweight_;
  int64_t ld_, band_;
  bool square_;
  const int64_t *columns_ = nullptr, *rows_ = nullptr;
};

}  // namespace ik
