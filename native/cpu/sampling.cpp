// argmax, argmin, cumsum, topk, multinomial and sample_logits: along the last axis of a view whose last stride is 1.
#include <functional>

#include "elementwise.h"
#include "random.h"
#include "softmax.h"

namespace ik {
namespace {

// The rows of a view of any rank: an offset for each, in the order of the dense output.
struct Lines {
  Layout outer;
  int64_t length;
  int64_t offset(int64_t row) const {
    int64_t at[IK_MAX_RANK];
    outer.locate(row, at);
    return outer.offset(0, at);
  }
};
Lines lines_of(const ik_view& v) {
  const ik_view* views[] = {&v};
  return {make_layout(views, 1, 0, v.rank - 1, false), v.shape[v.rank - 1]};
}

template <class Body>
int32_t for_number_dtype(int32_t dtype, Body&& body) {
  if (dtype == IK_I32) return body(int32_t{});
  if (dtype == IK_U8 || dtype == IK_BOOL) return body(uint8_t{});
  return for_float_dtype(dtype, body);
}

// ---- argmax, argmin: a NaN comes before everything in both, as in reduce_max and reduce_min ----
template <class T, class Pick>
int32_t first_extreme(const T* x, int64_t n, Pick pick) {
  using S = scalar<T>;
  const S extreme = extreme_of(x, n, value_of(x[0]), pick);
  const bool nan = extreme != extreme;
  constexpr int64_t kLook = 128;  // elements compared together
  for (int64_t begin = 0; begin < n; begin += kLook) {
    const int64_t end = std::min(n, begin + kLook);
    int32_t hit = 0;
    for (int64_t i = begin; i < end; ++i) hit |= value_of(x[i]) == extreme || (nan && value_of(x[i]) != value_of(x[i]));
    if (!hit) continue;
    for (int64_t i = begin; i < end; ++i)
      if (value_of(x[i]) == extreme || (nan && value_of(x[i]) != value_of(x[i]))) return static_cast<int32_t>(i);
  }
  return 0;
}

template <class Pick>
int32_t arg_extreme(const ik_runtime* rt, const ik_view& x, const ik_view& out, Pick pick) {
  if (out.dtype != IK_I32) return IK_UNSUPPORTED;
  const Lines lines = lines_of(x);
  if (lines.outer.numel == 0) return IK_OK;
  if (lines.length == 0) return IK_BAD_INDEX;  // no index would be right
  int32_t* y = static_cast<int32_t*>(out.data);
  return for_number_dtype(x.dtype, [&]<class T>(T) {
    const T* base = static_cast<const T*>(x.data);
    parallel_rows(rt, lines.outer.numel, lines.length, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) y[r] = first_extreme(base + lines.offset(r), lines.length, pick);
    });
    return IK_OK;
  });
}

// ---- topk ----
// The largest k so far, a heap with the least of them on top: one comparison rejects almost every later element.
template <class S>
struct Candidate {
  S value;
  int32_t index;
};
// Descending, equal values by lower index, a NaN before everything.
template <class S>
bool before(const Candidate<S>& a, const Candidate<S>& b) {
  const bool a_nan = a.value != a.value, b_nan = b.value != b.value;
  if (a_nan != b_nan) return a_nan;
  if (!a_nan && a.value != b.value) return a.value > b.value;
  return a.index < b.index;
}

template <class T>
void topk_row(const T* x, int64_t n, int64_t k, Candidate<scalar<T>>* heap, T* values, int32_t* indices) {
  using S = scalar<T>;
  for (int64_t i = 0; i < k; ++i) heap[i] = {value_of(x[i]), static_cast<int32_t>(i)};
  std::make_heap(heap, heap + k, before<S>);
  constexpr int64_t kSkip = 64;  // elements looked at together
  for (int64_t i = k; i < n; i += kSkip) {
    const int64_t m = std::min(kSkip, n - i);
    // A later element enters only if larger than the least, or a NaN.
    int32_t any = 0;
    for (int64_t j = 0; j < m; ++j) any |= !(value_of(x[i + j]) <= heap[0].value);
    if (!any) continue;
    for (int64_t j = 0; j < m; ++j) {
      const Candidate<S> c{value_of(x[i + j]), static_cast<int32_t>(i + j)};
      if (!before(c, heap[0])) continue;
      std::pop_heap(heap, heap + k, before<S>);
      heap[k - 1] = c;
      std::push_heap(heap, heap + k, before<S>);
    }
  }
  std::sort_heap(heap, heap + k, before<S>);
  for (int64_t i = 0; i < k; ++i) {
    values[i] = x[heap[i].index];
    indices[i] = heap[i].index;
  }
}

// ---- multinomial ----
// Weights of one row, summed in blocks, so that a draw finds its block and then its element.
constexpr int64_t kBlockWeights = 512;

double sum_weights(const float* w, int64_t n) {
  constexpr int64_t kParts = 16;
  double acc[kParts] = {};
  int64_t i = 0;
  for (; i + kParts <= n; i += kParts)
    for (int64_t k = 0; k < kParts; ++k) acc[k] += static_cast<double>(w[i + k]);
  for (; i < n; ++i) acc[i % kParts] += static_cast<double>(w[i]);
  for (int64_t width = kParts / 2; width > 0; width /= 2)
    for (int64_t k = 0; k < width; ++k) acc[k] += acc[k + width];
  return acc[0];
}

// Finite, non-negative, and at least k of them positive.
bool can_draw(const float* w, int64_t n, int64_t k) {
  vi positive = {}, wrong = {};  // a true comparison is -1
  for_vectors<float>(n, [&](int64_t i, auto get, auto) {
    const vf x = get(w + i);
    positive -= x > 0.0f;
    wrong |= ~((x >= 0.0f) & (x < kInfinity));
  });
  int64_t count = 0;
  for (int i = 0; i < kLanes; ++i) count += positive[i];
  return !any(wrong) && count >= k;
}

// The element where the running sum of weights passes u times their total. `w` may have zeros, which are never drawn.
int64_t draw(const float* w, const double* block_sum, int64_t n, double u) {
  const int64_t blocks = (n + kBlockWeights - 1) / kBlockWeights;
  double total = 0.0;
  for (int64_t b = 0; b < blocks; ++b) total += block_sum[b];
  double left = u * total;
  // Rounding may leave a little at the end: then it is the last positive weight.
  int64_t found = -1;
  for (int64_t b = 0; b < blocks; ++b) {
    if (block_sum[b] <= 0.0) continue;
    if (left >= block_sum[b] && b + 1 < blocks) {
      left -= block_sum[b];
      found = -(b + 2);  // the last block with a weight, in case none follows
      continue;
    }
    for (int64_t i = b * kBlockWeights; i < std::min(n, (b + 1) * kBlockWeights); ++i) {
      if (w[i] <= 0.0f) continue;
      found = i;
      left -= static_cast<double>(w[i]);
      if (left < 0.0) return i;
    }
    return found;
  }
  const int64_t b = -found - 2;
  for (int64_t i = std::min(n, (b + 1) * kBlockWeights) - 1; i >= b * kBlockWeights; --i)
    if (w[i] > 0.0f) return i;
  return -1;
}

// k draws by the inverse of the distribution function, each drawn weight then set to 0. Draw j of row r takes the
// 53-bit uniform r k + j of the stream, two to a block.
void multinomial_row(float* w, double* block_sum, int64_t n, int64_t k, int64_t row, const ik_attrs_multinomial& a,
                     int32_t* out) {
  const int64_t blocks = (n + kBlockWeights - 1) / kBlockWeights;
  const auto sum_block = [&](int64_t b) {
    return sum_weights(w + b * kBlockWeights, std::min(kBlockWeights, n - b * kBlockWeights));
  };
  for (int64_t b = 0; b < blocks; ++b) block_sum[b] = sum_block(b);
  for (int64_t j = 0; j < k; ++j) {
    const int64_t element = row * k + j;
    uint32_t words[4];
    philox<1>(philox_key(a.seed), static_cast<uint64_t>(a.offset + element / 2), words);
    const int64_t half = element % 2 * 2;
    const int64_t i = draw(w, block_sum, n, uniform53(words[half], words[half + 1]));
    out[j] = static_cast<int32_t>(i);
    w[i] = 0.0f;
    block_sum[i / kBlockWeights] = sum_block(i / kBlockWeights);
  }
}

// ---- sample_logits: temperature, top-k, top-p and min-p, then one draw, without sorting the row ----
// Elements fall into bins by their distance from the largest; only the bin that a threshold cuts is looked at closely.
constexpr int64_t kBins = 2048;
constexpr float kBinsPerUnit = 64.0f;

// Memory for one row of n elements.
struct SampleBuffers {
  double* mass;       // [kBins]
  double* block_sum;  // [blocks]
  Candidate<float>* cut;
  float* values;
  float* weights;
  int32_t* indices;
  static size_t bytes(int64_t n) {
    const int64_t blocks = (n + kBlockWeights - 1) / kBlockWeights;
    const int64_t whole = (kBins + blocks) * 8 + n * 20;
    return static_cast<size_t>((whole + 63) / 64 * 64);
  }
  SampleBuffers(void* memory, int64_t n) {
    mass = static_cast<double*>(memory);
    block_sum = mass + kBins;
    cut = reinterpret_cast<Candidate<float>*>(block_sum + (n + kBlockWeights - 1) / kBlockWeights);
    values = reinterpret_cast<float*>(cut + n);
    weights = values + n;
    indices = reinterpret_cast<int32_t*>(weights + n);
  }
};

// visit(bin, i) for every element; `scale` bins to a unit of x.
template <class Visit>
void for_bins(const float* x, int64_t n, float top, float scale, Visit&& visit) {
  int32_t bins[kBlockWeights];
  for (int64_t begin = 0; begin < n; begin += kBlockWeights) {
    const int64_t m = std::min(kBlockWeights, n - begin);
    for (int64_t i = 0; i < m; ++i)
      bins[i] = static_cast<int32_t>(std::min((top - x[begin + i]) * scale, static_cast<float>(kBins - 1)));
    for (int64_t i = 0; i < m; ++i) visit(bins[i], begin + i);
  }
}

// The k-th largest of n values, none of them above `top`.
float kth_largest(const float* x, int64_t n, int64_t k, float top, const SampleBuffers& b) {
  int64_t count[kBins] = {};
  for_bins(x, n, top, kBinsPerUnit, [&](int32_t bin, int64_t) { ++count[bin]; });
  int32_t bin = 0;
  for (; count[bin] < k; ++bin) k -= count[bin];
  int64_t m = 0;
  for_bins(x, n, top, kBinsPerUnit, [&](int32_t other, int64_t i) {
    if (other == bin) b.weights[m++] = x[i];
  });
  std::nth_element(b.weights, b.weights + (k - 1), b.weights + m, std::greater<>{});
  return b.weights[k - 1];
}

// Removes the least likely elements whose weights add up to at most `budget`, the first of equals first; at least one
// stays. Returns the smallest value left; removed elements that equal it have their weight set to 0.
float cut_mass(const float* x, float* w, int64_t n, float top, float scale, double p, const SampleBuffers& b) {
  std::fill(b.mass, b.mass + kBins, 0.0);
  for_bins(x, n, top, scale, [&](int32_t bin, int64_t i) { b.mass[bin] += static_cast<double>(w[i]); });
  double total = 0.0;
  for (int64_t bin = kBins - 1; bin >= 0; --bin) total += b.mass[bin];
  const double budget = (1.0 - p) * total;
  double removed = 0.0;
  int32_t bin = kBins - 1;
  for (; bin > 0 && removed + b.mass[bin] <= budget; --bin) removed += b.mass[bin];
  int64_t m = 0;
  for_bins(x, n, top, scale, [&](int32_t other, int64_t i) {
    if (other == bin) b.cut[m++] = {x[i], static_cast<int32_t>(i)};
  });
  std::sort(b.cut, b.cut + m, [](const auto& a, const auto& c) {
    return a.value != c.value ? a.value < c.value : a.index < c.index;
  });
  int64_t gone = 0;
  for (; gone < m; ++gone) {
    const double next = removed + static_cast<double>(w[b.cut[gone].index]);
    if (next > budget || (bin == 0 && gone + 1 == m)) break;
    removed = next;
  }
  // All of a bin may go by rounding; the bin's total said that they do not.
  if (gone == m) --gone;
  const float least = b.cut[gone].value;
  for (int64_t i = gone; i-- > 0 && b.cut[i].value == least;) w[b.cut[i].index] = 0.0f;
  return least;
}

// The smallest float that is not below x.
float round_up(double x) {
  const float y = static_cast<float>(x);
  return static_cast<double>(y) < x ? std::nextafter(y, kInfinity) : y;
}

// The index drawn, or -1 for a row without a finite maximum or with a NaN.
int64_t sample_row(const float* x, int64_t n, const ik_attrs_sample_logits& a, double u, const SampleBuffers& b) {
  vi wrong = {};  // NaN or +infinity
  for_vectors<float>(n, [&](int64_t i, auto get, auto) { wrong |= ~(get(x + i) < kInfinity); });
  const float top = extreme_of(x, n, -kInfinity, LargestNumber{});
  if (any(wrong) || top == -kInfinity) return -1;
  if (a.temperature == 0.0) return first_extreme(x, n, LargestNumber{});

  const int32_t* indices = nullptr;
  if (a.top_k > 0 && a.top_k < n) {
    const float least = kth_largest(x, n, a.top_k, top, b);
    int64_t m = 0;
    for (int64_t i = 0; i < n; ++i)
      if (x[i] >= least) {
        b.values[m] = x[i];
        b.indices[m++] = static_cast<int32_t>(i);
      }
    x = b.values;
    n = m;
    indices = b.indices;
  }
  // Finite, so that a distance of 0 stays 0.
  const float inverse = static_cast<float>(std::min(1.0 / a.temperature, 1e30));
  const vf shift = splat(top), scale = splat(inverse);
  float* w = b.weights;
  for_vectors<float>(n, [&](int64_t i, auto get, auto put) { put(w + i, exp_below((get(x + i) - shift) * scale)); });
  float least = -kInfinity;
  if (a.top_p < 1.0) least = cut_mass(x, w, n, top, inverse * kBinsPerUnit, a.top_p, b);
  if (a.min_p > 0.0)
    least = std::max(least, std::min(top, round_up(static_cast<double>(top) + a.temperature * std::log(a.min_p))));
  const vf floor = splat(least);
  for (int64_t begin = 0; begin < n; begin += kBlockWeights) {
    const int64_t m = std::min(kBlockWeights, n - begin);
    for_vectors<float>(m, [&](int64_t i, auto get, auto put) {
      put(w + begin + i, select(get(x + begin + i) < floor, splat(0.0f), get(w + begin + i)));
    });
    b.block_sum[begin / kBlockWeights] = sum_weights(w + begin, m);
  }
  const int64_t i = draw(w, b.block_sum, n, u);
  return indices ? indices[i] : i;
}

}  // namespace
}  // namespace ik

int32_t ik_cpu_argmax(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void*) {
  return ik::arg_extreme(rt, in[0], out[0], ik::Largest{});
}

int32_t ik_cpu_argmin(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void*) {
  return ik::arg_extreme(rt, in[0], out[0], ik::Smallest{});
}

int32_t ik_cpu_cumsum(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void*) {
  using namespace ik;
  if (out[0].dtype != in[0].dtype || in[0].dtype == IK_BOOL || in[0].dtype == IK_U8) return IK_UNSUPPORTED;
  const Lines lines = lines_of(in[0]);
  return for_number_dtype(in[0].dtype, [&]<class T>(T) {
    const T* base = static_cast<const T*>(in[0].data);
    T* y = static_cast<T*>(out[0].data);
    parallel_rows(rt, lines.outer.numel, lines.length, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const T* x = base + lines.offset(r);
        T* to = y + r * lines.length;
        if constexpr (std::is_integral_v<T>) {
          uint32_t total = 0;
          for (int64_t i = 0; i < lines.length; ++i) to[i] = static_cast<T>(total += static_cast<uint32_t>(x[i]));
        } else {
          double total = 0.0;
          for (int64_t i = 0; i < lines.length; ++i) set_value(total += static_cast<double>(value_of(x[i])), to[i]);
        }
      }
    });
    return IK_OK;
  });
}

int32_t ik_cpu_topk(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void* attrs) {
  using namespace ik;
  const int64_t k = static_cast<const ik_attrs_topk*>(attrs)->k;
  if (out[0].dtype != in[0].dtype || out[1].dtype != IK_I32) return IK_UNSUPPORTED;
  const Lines lines = lines_of(in[0]);
  if (k < 0 || k > lines.length) return IK_INTERNAL;
  if (k == 0 || lines.outer.numel == 0) return IK_OK;
  return for_number_dtype(in[0].dtype, [&]<class T>(T) -> int32_t {
    using S = scalar<T>;
    auto* heaps = static_cast<Candidate<S>*>(
        rt->scratch(rt, static_cast<size_t>(rt->threads) * static_cast<size_t>(k) * sizeof(Candidate<S>)));
    if (!heaps) return IK_OOM;
    const T* base = static_cast<const T*>(in[0].data);
    T* values = static_cast<T*>(out[0].data);
    int32_t* indices = static_cast<int32_t*>(out[1].data);
    const int64_t grain = std::max<int64_t>(1, kGrain / lines.length), rows = lines.outer.numel;
    parallel_for(rt, (rows + grain - 1) / grain, [&](int64_t task, int32_t worker) {
      for (int64_t r = task * grain; r < std::min(rows, (task + 1) * grain); ++r)
        topk_row(base + lines.offset(r), lines.length, k, heaps + worker * k, values + r * k, indices + r * k);
    });
    return IK_OK;
  });
}

int32_t ik_cpu_multinomial(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t,
                           const void* attrs) {
  using namespace ik;
  const auto& a = *static_cast<const ik_attrs_multinomial*>(attrs);
  if (in[0].dtype != IK_F32 || out[0].dtype != IK_I32) return IK_UNSUPPORTED;
  const auto weights = rows_of<const float>(in[0]);
  const int64_t rows = in[0].shape[0], n = in[0].shape[1], k = out[0].shape[1];
  if (rows == 0 || k == 0) return IK_OK;
  // Per worker: the weights, which draws set to 0, and their block sums.
  const int64_t blocks = (n + kBlockWeights - 1) / kBlockWeights;
  const int64_t own = (n + 1) / 2 + blocks;  // in doubles
  auto* scratch = static_cast<double*>(rt->scratch(rt, static_cast<size_t>(rt->threads * own) * sizeof(double)));
  auto* valid = static_cast<uint8_t*>(rt->scratch(rt, static_cast<size_t>(rows)));
  if (!scratch || !valid) return IK_OOM;
  parallel_rows(rt, rows, n, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) valid[r] = can_draw(weights[r], n, k);
  });
  for (int64_t r = 0; r < rows; ++r)
    if (!valid[r]) return IK_BAD_INDEX;
  int32_t* to = static_cast<int32_t*>(out[0].data);
  const int64_t grain = std::max<int64_t>(1, kGrain / n);
  parallel_for(rt, (rows + grain - 1) / grain, [&](int64_t task, int32_t worker) {
    double* block_sum = scratch + worker * own;
    float* w = reinterpret_cast<float*>(block_sum + blocks);
    for (int64_t r = task * grain; r < std::min(rows, (task + 1) * grain); ++r) {
      std::memcpy(w, weights[r], static_cast<size_t>(n) * sizeof(float));
      multinomial_row(w, block_sum, n, k, r, a, to + r * k);
    }
  });
  return IK_OK;
}

int32_t ik_cpu_sample_logits(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t,
                             const void* attrs) {
  using namespace ik;
  const auto& a = *static_cast<const ik_attrs_sample_logits*>(attrs);
  if (in[0].dtype != IK_F32 || out[0].dtype != IK_I32) return IK_UNSUPPORTED;
  const auto logits = rows_of<const float>(in[0]);
  const int64_t rows = in[0].shape[0], n = in[0].shape[1];
  if (rows == 0) return IK_OK;
  if (n == 0) return IK_BAD_INDEX;
  const size_t own = SampleBuffers::bytes(n);
  auto* scratch = static_cast<char*>(rt->scratch(rt, static_cast<size_t>(rt->threads) * own));
  if (!scratch) return IK_OOM;
  int32_t* to = static_cast<int32_t*>(out[0].data);
  parallel_for(rt, rows, [&](int64_t r, int32_t worker) {
    uint32_t words[4];
    philox<1>(philox_key(a.seed), static_cast<uint64_t>(a.offset + r / 2), words);
    const int64_t half = r % 2 * 2;
    const SampleBuffers buffers(scratch + static_cast<size_t>(worker) * own, n);
    to[r] = static_cast<int32_t>(sample_row(logits[r], n, a, uniform53(words[half], words[half + 1]), buffers));
  });
  for (int64_t r = 0; r < rows; ++r)
    if (to[r] < 0) return IK_BAD_INDEX;
  return IK_OK;
}
