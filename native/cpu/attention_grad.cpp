// Attention backward, recomputing the probabilities from lse: FlashAttention-2, Dao, 2023,
// https://arxiv.org/abs/2307.08691, algorithm 2. With P = exp(scale q k - lse) and delta = sum(dy * y):
//   dv = P^T dy,  ds = P * (dy v^T - delta),  dq = scale ds k,  dk = scale ds^T q.
#include <limits>

#include "cpu/attention.h"

namespace {

using namespace ik;

// Keys of a block are rows of dk and dv, and columns of the scores: a multiple of both panel widths.
constexpr int64_t kBlockKeys = kRows == 14 ? 224 : 192;
constexpr int64_t kBlockRows = kRows == 14 ? 112 : 96;
constexpr int64_t kTasksWanted = 4;

template <class T, class E>
class Backward {
  using Acc = typename E::Acc;
  using Unit = typename E::Unit;
  static_assert(sizeof(Unit) == sizeof(Acc));
  static constexpr int64_t P = E::kPer;
  using V = typename E::Vector;
  static constexpr int W = E::kWide;
  static constexpr int64_t C = kCols<E>;
  static_assert(kBlockKeys % C == 0 && kBlockKeys % kRows == 0 && kRows % P == 0 && kBlockRows % kRows == 0);

 public:
  Backward(const ik_view* in, const ik_view* out, int32_t n_out, const ik_attrs_sdpa_grad& attrs)
      : q_(in[0]), k_(in[1]), v_(in[2]), y_(in[3]), lse_(in[4]), dy_(in[5]), dq_(out[0]), dk_(out[1]), dv_(out[2]),
        dbias_(n_out > 3 ? static_cast<Acc*>(out[3].data) : nullptr), n_(q_, k_, Masks(in, 6, attrs)), scale_(static_cast<Acc>(attrs.scale)), panels_(ceil_div(n_.width, C)),
        padded_(panels_ * C), row_panels_(ceil_div(n_.rows, kRows)), units_(ceil_div(n_.width, P)) {}

  int32_t run(const ik_runtime* rt) {
    const int64_t pairs = n_.batch * n_.groups;
    if (pairs == 0) return IK_OK;
    if (!n_.prepare(rt)) return IK_OOM;
    if (dbias_)
      parallel_rows(rt, n_.batch * n_.heads * n_.queries, n_.keys,
                    [&](int64_t begin, int64_t end) { std::fill_n(dbias_ + begin * n_.keys, (end - begin) * n_.keys, Acc{}); });
    const int64_t blocks = ceil_div(n_.keys, kBlockKeys);
    // With few pairs the key blocks of one are divided too; the parts' dq are then added in order.
    const int64_t parts = std::clamp<int64_t>(ceil_div(kTasksWanted, pairs), 1, std::max<int64_t>(1, blocks));
    using A = Arena<Acc>;
    const int64_t own = Worker::size(n_.rows, row_panels_, units_, padded_);
    Acc* const scratch = static_cast<Acc*>(rt->scratch(rt, static_cast<size_t>(own * rt->threads) * sizeof(Acc)));
    if (!scratch) return IK_OOM;
    const int64_t dq_size = A::whole(n_.rows * padded_);
    Acc* const all_dq = static_cast<Acc*>(
        rt->scratch(rt, static_cast<size_t>(dq_size * (parts > 1 ? pairs * parts : rt->threads)) * sizeof(Acc)));
    if (!all_dq) return IK_OOM;

    parallel_for(rt, pairs * parts, [&](int64_t task, int32_t worker) {
      Worker w(scratch + worker * own, n_.rows, row_panels_, units_, padded_);
      const int64_t b = task / parts / n_.groups, group = task / parts % n_.groups;
      Acc* const dq = all_dq + (parts > 1 ? task : worker) * dq_size;
      std::fill_n(dq, n_.rows * padded_, Acc{});
      pack_rows(w, b, group);
      for (int64_t i = task % parts; i < blocks; i += parts) {
        const int64_t j0 = i * kBlockKeys, keys = std::min(kBlockKeys, n_.keys - j0);
        pack_keys(w, b, group, j0, keys);
        std::fill_n(w.dk, kBlockKeys * padded_, Acc{});
        std::fill_n(w.dv, kBlockKeys * padded_, Acc{});
        for (int64_t r = 0; r < n_.rows; r += kBlockRows)
          tile(w, b, group, r, std::min(kBlockRows, n_.rows - r), j0, keys, dq);
        for (int64_t j = 0; j < keys; ++j) {
          scatter_row(w.dk + j * padded_, scale_, n_.width, key_row(dk_, b, group, j0 + j));
          scatter_row(w.dv + j * padded_, Acc{1}, n_.width, key_row(dv_, b, group, j0 + j));
        }
      }
      if (parts == 1)
        for (int64_t r = 0; r < n_.rows; ++r) scatter_row(dq + r * padded_, scale_, n_.width, n_.row<T>(dq_, b, group, r));
    });
    if (parts == 1) return IK_OK;
    parallel_rows(rt, pairs * n_.rows, parts * padded_, [&](int64_t begin, int64_t end) {
      for (int64_t x = begin; x < end; ++x) {
        const int64_t pair = x / n_.rows, r = x % n_.rows;
        Acc* const first = all_dq + pair * parts * dq_size + r * padded_;
        for (int64_t part = 1; part < parts; ++part)
          for (int64_t d = 0; d < padded_; ++d) first[d] += first[part * dq_size + d];
        scatter_row(first, scale_, n_.width, n_.row<T>(dq_, pair / n_.groups, pair % n_.groups, r));
      }
    });
    return IK_OK;
  }

 private:
  // A panels are [k][kRowStep] for the left operand, B panels [k][C] for the right one, P k's to a unit.
  struct Worker {
    Unit *q_a, *dy_a, *q_b, *dy_b;  // of every row
    Acc *lse, *delta;
    Unit *k_t, *v_t, *k_b;  // of a block of keys
    Acc *dk, *dv, *p, *ds, *row;
    Unit *p_rows, *ds_rows;  // P and ds with rows as k: themselves, or pairs of rows
    static int64_t size(int64_t rows, int64_t row_panels, int64_t units, int64_t padded) {
      using A = Arena<Acc>;
      return 2 * A::whole(row_panels * units * kRowStep) + 2 * A::whole(ceil_div(rows, P) * padded) + 2 * A::whole(rows) +
             2 * A::whole(kBlockKeys * units) + A::whole(kBlockKeys / P * padded) + 2 * A::whole(kBlockKeys * padded) +
             2 * A::whole(kBlockRows * kBlockKeys) + A::whole(kRows * padded) +
             (P == 1 ? 0 : 2 * A::whole(kBlockRows / P * kBlockKeys));
    }
    Worker(Acc* memory, int64_t rows, int64_t row_panels, int64_t units, int64_t padded) {
      Arena<Acc> a(memory);
      const auto take = [&](int64_t n) { return reinterpret_cast<Unit*>(a.take(n)); };
      q_a = take(row_panels * units * kRowStep);
      dy_a = take(row_panels * units * kRowStep);
      q_b = take(ceil_div(rows, P) * padded);
      dy_b = take(ceil_div(rows, P) * padded);
      lse = a.take(rows);
      delta = a.take(rows);
      k_t = take(kBlockKeys * units);
      v_t = take(kBlockKeys * units);
      k_b = take(kBlockKeys / P * padded);
      dk = a.take(kBlockKeys * padded);
      dv = a.take(kBlockKeys * padded);
      p = a.take(kBlockRows * kBlockKeys);
      ds = a.take(kBlockRows * kBlockKeys);
      row = a.take(kRows * padded);
      p_rows = P == 1 ? reinterpret_cast<Unit*>(p) : take(kBlockRows / P * kBlockKeys);
      ds_rows = P == 1 ? reinterpret_cast<Unit*>(ds) : take(kBlockRows / P * kBlockKeys);
    }
  };

  static T* key_row(const ik_view& x, int64_t b, int64_t group, int64_t j) {
    return static_cast<T*>(x.data) + b * x.stride[0] + j * x.stride[1] + group * x.stride[2];
  }

  void pack_left(const Acc* gathered, int64_t r, int64_t n, Unit* a) const {
    pack_panel<Units<E, Acc>, P, kRowStep>(gathered, padded_, 1, n, n, n_.width, a + r / kRows * units_ * kRowStep);
  }
  void pack_right(const Acc* gathered, int64_t r, int64_t n, Unit* b) const {
    for (int64_t d = 0; d < padded_; d += C)
      pack_panel<Units<E, Acc>, P, C>(gathered + d, 1, padded_, C, C, n, b + d * ceil_div(n_.rows, P) + r / P * C);
  }

  void pack_rows(Worker& w, int64_t b, int64_t group) const {
    const auto gather = [&](const ik_view& x, int64_t r, int64_t n, Acc factor, Acc* to) {
      for (int64_t i = 0; i < n; ++i) gather_row(n_.row<T>(x, b, group, r + i), factor, n_.width, padded_, to + i * padded_);
    };
    Acc* const other = w.p;  // not needed yet
    for (int64_t r = 0; r < n_.rows; r += kRows) {
      const int64_t n = std::min<int64_t>(kRows, n_.rows - r);
      for (int64_t next = r + n; next < std::min<int64_t>(n_.rows, r + 2 * kRows); ++next)
        for (const ik_view* x : {&q_, &dy_, &y_}) prefetch_row(n_.row<T>(*x, b, group, next), n_.width);
      gather(q_, r, n, static_cast<Acc>(scale_ * kLog2E), w.row);
      pack_left(w.row, r, n, w.q_a);
      gather(q_, r, n, Acc{1}, w.row);
      pack_right(w.row, r, n, w.q_b);
      gather(dy_, r, n, Acc{1}, w.row);
      pack_left(w.row, r, n, w.dy_a);
      pack_right(w.row, r, n, w.dy_b);
      gather(y_, r, n, Acc{1}, other);
      for (int64_t i = 0; i < n; ++i) {
        V delta{};
        for (int64_t d = 0; d < padded_; d += W)
          delta += load_bits<V>(w.row + i * padded_ + d) * load_bits<V>(other + i * padded_ + d);
        Acc total{};
        for (int x = 0; x < W; ++x) total += delta[x];
        w.delta[r + i] = total;
        const Acc lse = static_cast<const Acc*>(lse_.data)[n_.flat(b, group, r + i)];
        // A row whose keys all score -inf has weights 2^(-inf - 0) = 0.
        w.lse[r + i] = lse == -std::numeric_limits<Acc>::infinity() ? Acc{} : static_cast<Acc>(lse * kLog2E);
      }
    }
  }

  void pack_keys(Worker& w, int64_t b, int64_t group, int64_t j0, int64_t keys) const {
    const T* const k = key_row(k_, b, group, j0);
    const T* const v = key_row(v_, b, group, j0);
    for (int64_t j = 0; j < keys; j += C) {
      const int64_t left = keys - j, n = std::min(C, left);
      for (int64_t next = j + C; next < std::min(keys, j + 2 * C); ++next) {
        prefetch_row(k + next * k_.stride[1], n_.width);
        prefetch_row(v + next * v_.stride[1], n_.width);
      }
      pack_panel<Units<E, T>, P, C>(k + j * k_.stride[1], k_.stride[1], 1, n, left, n_.width, w.k_t + j * units_);
      pack_panel<Units<E, T>, P, C>(v + j * v_.stride[1], v_.stride[1], 1, n, left, n_.width, w.v_t + j * units_);
      for (int64_t d = 0; d < n_.width; d += C)
        pack_panel<Units<E, T>, P, C>(k + j * k_.stride[1] + d, 1, k_.stride[1], std::min(C, n_.width - d), n_.width - d, n,
                                      w.k_b + d * (kBlockKeys / P) + j / P * C);
    }
  }

  // Rows [r0, r0 + rows) against the packed keys [j0, j0 + keys).
  void tile(Worker& w, int64_t b, int64_t group, int64_t r0, int64_t rows, int64_t j0, int64_t keys, Acc* dq) const {
    Range each[kBlockRows];
    Range all{keys, 0};  // keys of the block that any of these rows sees
    for (int64_t r = 0; r < rows; ++r) {
      each[r] = n_.seen(b, r0 + r).within(j0, keys);
      if (each[r].first < each[r].last) all = {std::min(all.first, each[r].first), std::max(all.last, each[r].last)};
    }
    if (all.first >= all.last) return;
    for (int64_t r = 0; r < rows; r += kRows) {
      const int64_t n = std::min<int64_t>(kRows, rows - r);
      Range seen{keys, 0};
      for (int64_t i = r; i < r + n; ++i)
        if (each[i].first < each[i].last) seen = {std::min(seen.first, each[i].first), std::max(seen.last, each[i].last)};
      if (seen.first >= seen.last) {
        // These rows take part in the sums over rows below, with nothing.
        std::fill_n(w.p_rows + r / P * kBlockKeys, ceil_div(n, P) * kBlockKeys, Unit{});
        std::fill_n(w.ds_rows + r / P * kBlockKeys, ceil_div(n, P) * kBlockKeys, Unit{});
        continue;
      }
      seen.first = seen.first / C * C;
      scores(w, b, group, r0 + r, r, n, j0, seen, each + r);
      const auto mix = kMicroKernels<E, kBlockKeys>[n];
      for (int64_t d = 0; d < padded_; d += C) {
        Acc* const to = dq + (r0 + r) * padded_ + d;
        mix(ceil_div(seen.last - seen.first, P), reinterpret_cast<const Unit*>(w.ds + r * kBlockKeys) + seen.first / P, 1,
            w.k_b + d * (kBlockKeys / P) + seen.first / P * C, to, padded_, to, padded_);
      }
    }
    for (int64_t j = all.first / kRows * kRows; j < all.last; j += kRows) {
      const int64_t n = std::min<int64_t>(kRows, keys - j);
      const auto sees = [&](int64_t r) { return each[r].first < std::min(each[r].last, j + n) && each[r].last > j; };
      int64_t first = 0, last = rows;  // rows that see any of these keys
      while (first < last && !sees(first)) ++first;
      while (last > first && !sees(last - 1)) --last;
      if (first == last) continue;
      first = first / P * P;
      const auto mix = kMicroKernels<E, 1>[n];
      for (int64_t d = 0; d < padded_; d += C) {
        Acc* const dv = w.dv + j * padded_ + d;
        Acc* const dk = w.dk + j * padded_ + d;
        const int64_t at = d * ceil_div(n_.rows, P) + (r0 + first) / P * C, from = first / P * kBlockKeys + j;
        const int64_t units = ceil_div(last - first, P);
        mix(units, w.p_rows + from, kBlockKeys, w.dy_b + at, dv, padded_, dv, padded_);
        mix(units, w.ds_rows + from, kBlockKeys, w.q_b + at, dk, padded_, dk, padded_);
      }
    }
  }

  // P and ds of n rows (r in the tile, `row` in the list) for the keys `seen`; zeros elsewhere in the tile's row.
  void scores(Worker& w, int64_t b, int64_t group, int64_t row, int64_t r, int64_t n, int64_t j0, Range seen,
              const Range* each) const {
    const int64_t at = row / kRows * units_ * kRowStep;
    const auto product = kMicroKernels<E, 1>[n];
    Acc* const p = w.p + r * kBlockKeys;
    Acc* const ds = w.ds + r * kBlockKeys;
    for (int64_t j = seen.first; j < seen.last; j += C) {
      product(units_, w.q_a + at, kRowStep, w.k_t + j * units_, p + j, kBlockKeys, nullptr, 0);
      product(units_, w.dy_a + at, kRowStep, w.v_t + j * units_, ds + j, kBlockKeys, nullptr, 0);
    }
    for (int64_t i = 0; i < n; ++i) {
      Acc* const pi = p + i * kBlockKeys;
      Acc* const di = ds + i * kBlockKeys;
      const Range mine = each[i];
      n_.add_bias<T>(b, group, row + i, j0, seen.first, seen.last, pi);
      const V lse = broadcast(w.lse[row + i]), delta = broadcast(w.delta[row + i]);
      for (int64_t j = mine.first / W * W; j < mine.last; j += W) {
        const V x = exp2_negative(load_bits<V>(pi + j) - lse);
        const V y = x * (load_bits<V>(di + j) - delta);
        std::memcpy(pi + j, &x, sizeof x);
        std::memcpy(di + j, &y, sizeof y);
      }
      for (Acc* const list : {pi, di}) {
        std::fill(list, list + mine.first, Acc{});
        std::fill(list + mine.last, list + kBlockKeys, Acc{});
      }
      if (dbias_) std::copy(di + mine.first, di + mine.last, dbias_ + n_.flat(b, group, row + i) * n_.keys + j0 + mine.first);
    }
    if constexpr (P == 2) {
      for (int64_t i = 0; i < n; i += 2) {
        pair_rows(p + i * kBlockKeys, i + 1 < n, w.p_rows + (r + i) / 2 * kBlockKeys);
        pair_rows(ds + i * kBlockKeys, i + 1 < n, w.ds_rows + (r + i) / 2 * kBlockKeys);
      }
      // Pairs of keys take the first half of a row of ds.
      for (int64_t i = 0; i < n; ++i) {
        Acc* const di = ds + i * kBlockKeys;
        for (int64_t j = seen.first; j < seen.last; j += W) {
          const vh h = halves(load_bits<V>(di + j));
          std::memcpy(reinterpret_cast<bf16*>(di) + j, &h, sizeof h);
        }
      }
    }
  }

  // Two rows (the second zeros unless it is there) as units of one above the other.
  static void pair_rows(const Acc* rows, bool both, Unit* to) {
    const auto wide = [](const Acc* x) { return __builtin_convertvector(halves(load_bits<V>(x)), vu); };
    for (int64_t j = 0; j < kBlockKeys; j += W) {
      const vu low = wide(rows + j), unit = both ? low | (wide(rows + kBlockKeys + j) << 16) : low;
      std::memcpy(to + j, &unit, sizeof unit);
    }
  }

  const ik_view &q_, &k_, &v_, &y_, &lse_, &dy_, &dq_, &dk_, &dv_;
  Acc* const dbias_;  // dense [B, H, T, S], or null
  Heads n_;
  const Acc scale_;
  const int64_t panels_, padded_, row_panels_, units_;  // units of a row's width
};

}  // namespace

int32_t ik_cpu_sdpa_grad(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t n_out, const void* attrs) {
  const auto& a = *static_cast<const ik_attrs_sdpa_grad*>(attrs);
  const int32_t dtype = in[0].dtype;
  for (const ik_view* v : {&in[1], &in[2], &in[3], &in[5], &out[0], &out[1], &out[2]})
    if (v->dtype != dtype) return IK_UNSUPPORTED;
  return for_products(dtype, a.bf16 != 0,
                      [&]<class T, class E>(T, E) { return Backward<T, E>(in, out, n_out, a).run(rt); });
}
