// Attention forward with the online softmax: FlashAttention, Dao et al., 2022, https://arxiv.org/abs/2205.14135,
// algorithm 1; keys are split among workers when there are few queries, as in Flash-Decoding.
#include "cpu/attention_decode.h"

namespace {

using namespace ik;

constexpr int64_t kBlockRows = 4 * kRows;  // queries that pass over a block of keys together
constexpr int64_t kBlockKeys = 256;
// A row of scores is a cache line longer than it need be, or its rows would share too few sets of the L1 cache.
constexpr int64_t kScoreRow = kBlockKeys + 16;
constexpr int64_t kTasksWanted = 8;
constexpr int64_t kSplitKeys = 256;  // the fewest keys worth a task of their own

template <class T, class E>
class Forward {
  using Acc = typename E::Acc;
  using Unit = typename E::Unit;
  static_assert(sizeof(Unit) == sizeof(Acc));
  static constexpr int64_t P = E::kPer;
  using V = typename E::Vector;
  static constexpr int W = E::kWide;
  static constexpr int64_t C = kCols<E>;
  static constexpr Acc kNone = kNoScore<Acc>;

 public:
  Forward(const ik_view* in, const ik_view* out, const ik_attrs_sdpa& attrs)
      : q_(in[0]), k_(in[1]), v_(in[2]), y_(out[0]), lse_(static_cast<Acc*>(out[1].data)), n_(q_, k_, Masks(in, 3, attrs)),
        scale_(static_cast<Acc>(attrs.scale * kLog2E)), panels_(ceil_div(n_.width, C)), padded_(panels_ * C), units_(ceil_div(n_.width, P)) {}

  int32_t run(const ik_runtime* rt) {
    const int64_t pairs = n_.batch * n_.groups;
    if (pairs * n_.rows == 0) return IK_OK;
    if (!n_.prepare(rt)) return IK_OOM;
    const int64_t blocks = ceil_div(n_.rows, kBlockRows);
    // Split queries while there are enough of them, else keys.
    int64_t query_parts = std::clamp<int64_t>(ceil_div(kTasksWanted, pairs), 1, blocks), key_parts = 1;
    if (pairs * query_parts < kTasksWanted) {
      query_parts = 1;
      key_parts = std::clamp<int64_t>(n_.keys / kSplitKeys, 1, ceil_div(2 * kTasksWanted, pairs));
    }
    const int64_t part_keys = ceil_div(ceil_div(n_.keys, key_parts), kBlockKeys) * kBlockKeys;
    key_parts = std::max<int64_t>(1, ceil_div(n_.keys, std::max<int64_t>(1, part_keys)));
    const int64_t packed_keys = std::min(part_keys, ceil_div(n_.keys, C) * C);

    using A = Arena<Acc>;
    const int64_t own = A::whole(packed_keys * units_) + A::whole(packed_keys * padded_) + A::whole(kBlockRows * padded_) +
                        A::whole(4 * units_ * kRowStep) + A::whole(kRows * kScoreRow) + A::whole(kBlockRows * padded_) +
                        2 * A::whole(4 * kRowStep);
    Acc* const scratch = static_cast<Acc*>(rt->scratch(rt, static_cast<size_t>(own * rt->threads) * sizeof(Acc)));
    if (!scratch) return IK_OOM;
    const int64_t record = padded_ + 2;  // a row's partial result: output, maximum, sum
    Acc* partial = nullptr;
    if (key_parts > 1) {
      partial = static_cast<Acc*>(rt->scratch(rt, static_cast<size_t>(pairs * key_parts * n_.rows * record) * sizeof(Acc)));
      if (!partial) return IK_OOM;
    }

    parallel_for(rt, pairs * query_parts * key_parts, [&](int64_t task, int32_t worker) {
      Worker w(scratch + worker * own, packed_keys, units_, padded_);
      const int64_t pair = task / (query_parts * key_parts), part = task % (query_parts * key_parts);
      const int64_t b = pair / n_.groups, group = pair % n_.groups;
      // Of the part's keys, those that any row sees.
      const int64_t part0 = key_parts > 1 ? part * part_keys : 0;
      const Range all = n_.seen(b, 0, n_.rows).within(part0, std::min(part_keys, n_.keys - part0));
      const int64_t k0 = part0 + all.first, k1 = part0 + all.last;
      pack_keys(w, b, group, k0, k1);
      // Interleaved, because under a causal mask later blocks cost more.
      for (int64_t i = key_parts > 1 ? 0 : part; i < blocks; i += query_parts) {
        const int64_t r0 = i * kBlockRows, r1 = std::min(n_.rows, r0 + kBlockRows);
        block(w, b, group, r0, r1, k0, k1);
        for (int64_t r = r0; r < r1; ++r) {
          const Acc* const o = w.out + (r - r0) * padded_;
          const int64_t at = (r - r0) / kRows * kRowStep + (r - r0) % kRows;
          const Acc top = w.top[at], total = w.total[at];
          if (partial) {
            Acc* const to = partial + ((pair * key_parts + part) * n_.rows + r) * record;
            std::copy_n(o, padded_, to);
            to[padded_] = top;
            to[padded_ + 1] = total;
          } else {
            finish(b, group, r, o, top, total);
          }
        }
      }
    });
    if (!partial) return IK_OK;
    parallel_rows(rt, pairs * n_.rows, key_parts * padded_, [&](int64_t begin, int64_t end) {
      for (int64_t x = begin; x < end; ++x) {
        const int64_t pair = x / n_.rows, r = x % n_.rows;
        Acc* const first = partial + (pair * key_parts * n_.rows + r) * record;
        for (int64_t part = 1; part < key_parts; ++part) merge_parts(first, first + part * n_.rows * record, padded_);
        finish(pair / n_.groups, pair % n_.groups, r, first, first[padded_], first[padded_ + 1]);
      }
    });
    return IK_OK;
  }

 private:
  struct Worker {
    Unit *keys, *values, *queries;
    Acc *rows, *scores, *out, *top, *total;
    Worker(Acc* memory, int64_t packed_keys, int64_t units, int64_t padded) {
      Arena<Acc> a(memory);
      keys = reinterpret_cast<Unit*>(a.take(packed_keys * units));
      values = reinterpret_cast<Unit*>(a.take(packed_keys * padded));
      rows = a.take(kBlockRows * padded);
      queries = reinterpret_cast<Unit*>(a.take(4 * units * kRowStep));
      scores = a.take(kRows * kScoreRow);
      out = a.take(kBlockRows * padded);
      top = a.take(4 * kRowStep);
      total = a.take(4 * kRowStep);
    }
  };

  // Keys as [panel of C keys][d][C], values as [panel of C columns][key][C], P d's or keys to a unit.
  void pack_keys(Worker& w, int64_t b, int64_t group, int64_t k0, int64_t k1) const {
    const T* const k = static_cast<const T*>(k_.data) + b * k_.stride[0] + group * k_.stride[2];
    const T* const v = static_cast<const T*>(v_.data) + b * v_.stride[0] + group * v_.stride[2];
    for (int64_t j = k0; j < k1; j += C) {
      const int64_t left = k1 - j, n = std::min(C, left);
      for (int64_t next = j + C; next < std::min(k1, j + 2 * C); ++next) {
        prefetch_row(k + next * k_.stride[1], n_.width);
        prefetch_row(v + next * v_.stride[1], n_.width);
      }
      pack_panel<Units<E, T>, P, C>(k + j * k_.stride[1], k_.stride[1], 1, n, left, n_.width, w.keys + (j - k0) * units_);
      for (int64_t d = 0; d < n_.width; d += C)
        pack_panel<Units<E, T>, P, C>(v + j * v_.stride[1] + d, 1, v_.stride[1], std::min(C, n_.width - d), n_.width - d, n,
                                      w.values + d * ceil_div(k1 - k0, P) + (j - k0) / P * C);
    }
  }

  // Rows [r0, r1) against keys [k0, k1): unnormalised output, running maximum and sum.
  void block(Worker& w, int64_t b, int64_t group, int64_t r0, int64_t r1, int64_t k0, int64_t k1) const {
    const int64_t rows = r1 - r0;
    for (int64_t r = 0; r < rows; ++r) gather_row(n_.row<T>(q_, b, group, r0 + r), scale_, n_.width, padded_, w.rows + r * padded_);
    for (int64_t r = 0; r < rows; r += kRows)
      pack_panel<Units<E, Acc>, P, kRowStep>(w.rows + r * padded_, padded_, 1, std::min<int64_t>(kRows, rows - r), rows - r,
                                             n_.width, w.queries + r / kRows * units_ * kRowStep);
    for (int64_t r = r1; r < std::min(n_.rows, r1 + kBlockRows); ++r) prefetch_row(n_.row<T>(q_, b, group, r), n_.width);
    pass(w, b, group, r0, rows, k0, k1, false);
    // A key hidden from one row of a panel has weight 0 there, which an infinite or NaN value turns into NaN. Then
    // every row is done apart, over the keys it sees.
    V zero{};
    for (int64_t i = 0; i < rows * padded_; i += W) zero += load_bits<V>(w.out + i) * Acc{};
    bool finite = true;
    for (int i = 0; i < W; ++i) finite &= zero[i] == Acc{};
    if (!finite && n_.masked()) pass(w, b, group, r0, rows, k0, k1, true);
  }

  void clear(Worker& w, int64_t rows) const {
    std::fill_n(w.out, rows * padded_, Acc{});
    std::fill_n(w.top, 4 * kRowStep, kNone);
    std::fill_n(w.total, 4 * kRowStep, Acc{});
  }

  void pass(Worker& w, int64_t b, int64_t group, int64_t r0, int64_t rows, int64_t k0, int64_t k1, bool apart) const {
    clear(w, rows);
    const Range all = n_.seen(b, r0, rows).within(k0, k1 - k0);
    for (int64_t j0 = k0 + all.first / kBlockKeys * kBlockKeys; j0 < k0 + all.last; j0 += kBlockKeys)
      for (int64_t r = 0; r < rows; r += kRows) {
        const int64_t n = std::min<int64_t>(kRows, rows - r);
        const Range seen = n_.seen(b, r0 + r, n).within(j0, std::min(kBlockKeys, k1 - j0));
        if (seen.first < seen.last)
          panel(w, b, group, r0 + r, r, n, j0, j0 - k0, k1 - k0, {seen.first / C * C, seen.last}, apart);
      }
  }

  // n rows (r in the block, `row` in the list) against the keys `seen` from j0, which is at `at` of the packed ones.
  void panel(Worker& w, int64_t b, int64_t group, int64_t row, int64_t r, int64_t n, int64_t j0, int64_t at, int64_t packed,
             Range seen, bool apart) const {
    const Unit* const queries = w.queries + r / kRows * units_ * kRowStep;
    const auto score = kMicroKernels<E, 1>[n];
    for (int64_t j = seen.first; j < seen.last; j += C)
      score(units_, queries, kRowStep, w.keys + (at + j) * units_, w.scores + j, kScoreRow, nullptr, 0);
    weigh(w, b, group, row, r, n, j0, seen);
    const auto mix = [&](int64_t i, int64_t count, Range keys) {
      const Unit* const weights = reinterpret_cast<const Unit*>(w.scores + i * kScoreRow) + keys.first / P;
      for (int64_t d = 0; d < padded_; d += C) {
        Acc* const o = w.out + (r + i) * padded_ + d;
        kMicroKernels<E, kScoreRow>[count](ceil_div(keys.last - keys.first, P), weights, 1,
                                           w.values + d * ceil_div(packed, P) + (at + keys.first) / P * C, o, padded_, o, padded_);
      }
    };
    if (!apart) return mix(0, n, seen);
    for (int64_t i = 0; i < n; ++i) {
      const Range mine = n_.seen(b, row + i).within(j0, seen.last);
      if constexpr (P == 1) {
        if (mine.first < mine.last) mix(i, 1, mine);
      } else {
        // Units hold keys that the row does not see.
        const bf16* const weights = reinterpret_cast<const bf16*>(w.scores + i * kScoreRow);
        for (int64_t j = mine.first; j < mine.last; ++j)
          for (int64_t d = 0; d < padded_; ++d) {
            const Unit* const unit = w.values + d / C * C * ceil_div(packed, P) + (at + j) / P * C + d % C;
            w.out[(r + i) * padded_ + d] += to_float(weights[j]) * to_float(reinterpret_cast<const bf16*>(unit)[(at + j) % P]);
          }
      }
    }
  }

  // Turns the scores of n rows for the keys `seen` into weights, and takes them into the rows' maxima and sums.
  void weigh(Worker& w, int64_t b, int64_t group, int64_t row, int64_t r, int64_t n, int64_t j0, Range seen) const {
    const int64_t first = seen.first, whole = ceil_div(seen.last, W) * W;
    for (int64_t i0 = 0; i0 < n; i0 += W) {
      const int64_t stats = r / kRows * kRowStep + i0, count = std::min<int64_t>(W, n - i0);
      V each[W];
      for (int64_t i = 0; i < W; ++i) {
        each[i] = broadcast(kNone);
        if (i >= count) continue;
        Acc* const s = w.scores + (i0 + i) * kScoreRow;
        n_.add_bias<T>(b, group, row + i0 + i, j0, seen.first, seen.last, s);
        // A hidden key scores -inf.
        const Range mine = n_.seen(b, row + i0 + i).within(j0, seen.last);
        for (int64_t j = first; j < mine.first; ++j) s[j] = kNone;
        for (int64_t j = std::max(first, mine.last); j < whole; ++j) s[j] = kNone;
        for (int64_t j = first; j < whole; j += W) each[i] = max(load_bits<V>(s + j), each[i]);
      }
      const V before = load_bits<V>(w.top + stats);
      const V top = max(fold_rows(each, [](V a, V b) { return max(a, b); }), before);
      // Nothing seen yet: any finite reference will do, the powers of -inf are 0.
      const V base = top == kNone ? V{} : top;
      const V shrink = exp2_negative(before - base);
      for (int64_t i = 0; i < W; ++i) {
        each[i] = V{};
        if (i >= count) continue;
        Acc* const s = w.scores + (i0 + i) * kScoreRow;
        const V mine = broadcast(base[i]);
        for (int64_t j = first; j < whole; j += W) {
          const V p = exp2_negative(load_bits<V>(s + j) - mine);
          put_weights(s, j, p);
          each[i] += p;
        }
        if (shrink[i] != Acc{1}) {
          const V by = broadcast(shrink[i]);
          Acc* const o = w.out + (r + i0 + i) * padded_;
          for (int64_t d = 0; d < padded_; d += W) {
            const V x = load_bits<V>(o + d) * by;
            std::memcpy(o + d, &x, sizeof x);
          }
        }
      }
      const V total = load_bits<V>(w.total + stats) * shrink + fold_rows(each, [](V a, V b) { return a + b; });
      std::memcpy(w.top + stats, &top, sizeof top);
      std::memcpy(w.total + stats, &total, sizeof total);
    }
  }

  // The weights of W keys, in place of their scores: pairs take the first half of a row.
  static void put_weights(Acc* row, int64_t j, V p) {
    if constexpr (P == 1) {
      std::memcpy(row + j, &p, sizeof p);
    } else {
      const vh h = halves(p);
      std::memcpy(reinterpret_cast<bf16*>(row) + j, &h, sizeof h);
    }
  }

  void finish(int64_t b, int64_t group, int64_t r, const Acc* o, Acc top, Acc total) const {
    const bool blind = top == kNone;
    scatter_row(o, blind ? Acc{} : 1 / total, n_.width, n_.row<T>(y_, b, group, r));
    lse_[n_.flat(b, group, r)] = blind ? kNone : log_total(top, total);
  }

  const ik_view &q_, &k_, &v_, &y_;
  Acc* const lse_;
  Heads n_;
  const Acc scale_;
  const int64_t panels_, padded_, units_;  // units of a key's or query's width
};

}  // namespace

int32_t ik_cpu_sdpa(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void* attrs) {
  const auto& a = *static_cast<const ik_attrs_sdpa*>(attrs);
  if (in[1].dtype != in[0].dtype || in[2].dtype != in[0].dtype || out[0].dtype != in[0].dtype) return IK_UNSUPPORTED;
  // One query a head, and few heads to a key: nothing is won by packing.
  const int64_t in_group = in[1].shape[2] ? in[0].shape[2] / in[1].shape[2] : 0;
  if (in[0].shape[1] == 1 && in_group <= kDecodeRows) {
    switch (in[0].dtype) {
      case IK_F32: return Decode<float, MulF32>(in, out, a).run(rt);
      case IK_F64: return Decode<double, MulF64>(in, out, a).run(rt);
      case IK_BF16: return Decode<bf16, MulF32>(in, out, a).run(rt);
      case IK_F16: return Decode<f16, MulF32>(in, out, a).run(rt);
      default: return IK_UNSUPPORTED;
    }
  }
  return for_products(in[0].dtype, a.bf16 != 0 && in[0].shape[1] > 1,
                      [&]<class T, class E>(T, E) { return Forward<T, E>(in, out, a).run(rt); });
}
