// Checks the kernels over rows (reductions, softmax, norms, cross-entropy, indexing, sampling, AdamW) against double
// references, then times them.
#include <array>
#include <set>

#include "reference.h"

using namespace lab;

namespace {

Check check;
std::mt19937_64 rng(20240608);
double gaussian(double std = 1.0) { return std::normal_distribution<double>(0.0, std)(rng); }
int64_t below(int64_t n) { return static_cast<int64_t>(rng() % static_cast<uint64_t>(n)); }

// Relative error of one rounding to the dtype, with room for the sums before it.
double precision(int32_t dtype) {
  return dtype == IK_F64 ? 1e-12 : dtype == IK_F32 ? 2e-6 : dtype == IK_F16 ? 1.1e-3 : 8e-3;
}
const std::vector<int32_t> kFloats = {IK_F32, IK_F64, IK_BF16, IK_F16};

Tensor random_tensor(int32_t dtype, std::vector<int64_t> shape, double std = 1.0) {
  Tensor t(dtype, shape);
  return t.fill([&] {
    return dtype == IK_I32 ? static_cast<double>(below(200) - 100) : dtype == IK_U8 ? static_cast<double>(below(256))
         : dtype == IK_BOOL ? static_cast<double>(below(2)) : gaussian(std);
  });
}
// Rows with a gap behind each.
Tensor padded_rows(int32_t dtype, int64_t n, int64_t c, double std = 1.0) {
  Tensor t = random_tensor(dtype, {n, c + 3}, std);
  t.shape[1] = c;
  return t;
}
int32_t statistics(int32_t dtype) { return dtype == IK_F64 ? IK_F64 : IK_F32; }

// Runs a kernel with one and with two threads: same bits, nothing written past an end.
Host* one;
Host* two;
bool run(ik_kernel_id id, const std::vector<ik_view>& in, std::vector<Tensor*> out, const void* attrs, const std::string& what) {
  std::vector<Tensor> again;
  std::vector<ik_view> views, again_views;
  for (Tensor* t : out) again.push_back(*t), views.push_back(t->view());
  for (Tensor& t : again) again_views.push_back(t.view());
  const int32_t status = two->launch(id, in, views, attrs);
  const int32_t single = one->launch(id, in, again_views, attrs);
  bool ok = status == IK_OK && single == IK_OK;
  for (size_t i = 0; i < out.size(); ++i) ok &= out[i]->bytes == again[i].bytes && !out[i]->overrun();
  check.that(ok, what + ": status " + std::to_string(status) + ", or one and two threads differ, or an overrun");
  return ok;
}

void check_reduce() {
  const std::vector<std::vector<int64_t>> shapes = {{5, 7, 3}, {1, 1, 1}, {3, 70, 300}, {2, 5000, 33}, {40, 2, 2100}, {0, 3, 4}, {3, 0, 4},
                                                    {1, 3, 70000}, {300, 90, 8}};
  for (const int32_t dtype : {IK_F32, IK_F64, IK_BF16, IK_F16, IK_I32, IK_U8, IK_BOOL})
    for (const auto& s : shapes)
      for (const auto& order : std::vector<std::vector<int>>{{0, 1, 2}, {2, 0, 1}, {1, 2, 0}, {2, 1, 0}, {0, 2, 1}})
        for (int64_t axes = 0; axes <= 3; ++axes) {
          Tensor memory = random_tensor(dtype, s);
          if (dtype <= IK_F16 && memory.numel() > 50 && axes % 2) memory.set(17, kNaN), memory.set(30, kInf);
          const Tensor x = memory.permuted(order);
          int64_t outputs = 1, inner = 1;
          std::vector<int64_t> kept;
          for (int d = 0; d < 3; ++d) {
            if (d < 3 - axes) kept.push_back(x.shape[d]), outputs *= x.shape[d];
            else inner *= x.shape[d];
          }
          const bool integers = dtype >= IK_I32;
          const std::string what = std::string("reduce ") + kDtypeNames[dtype] + " " + std::to_string(s[1]) + " " + std::to_string(order[0]) + std::to_string(order[1]) + " axes " + std::to_string(axes);
          Tensor sum(integers ? IK_I32 : dtype, kept), largest(dtype, kept), smallest(dtype, kept);
          const ik_attrs_reduce_sum a{axes};
          if (!run(IK_KERNEL_reduce_sum, {x.view()}, {&sum}, &a, what) || !run(IK_KERNEL_reduce_max, {x.view()}, {&largest}, &a, what) ||
              !run(IK_KERNEL_reduce_min, {x.view()}, {&smallest}, &a, what))
            continue;
          for (int64_t o = 0; o < outputs; ++o) {
            double total = 0, scale = 0, high = -kInf, low = kInf;
            for (int64_t i = 0; i < inner; ++i) {
              const double v = x.at(o * inner + i);
              total += v;
              scale += std::fabs(v);
              high = v != v || high != high ? kNaN : std::max(high, v);
              low = v != v || low != low ? kNaN : std::min(low, v);
            }
            if (inner == 0 && integers) high = dtype == IK_I32 ? -2147483648.0 : 0, low = dtype == IK_I32 ? 2147483647.0 : 255;
            // The sum of absolute values times a few roundings of f32, and one of the dtype.
            const double bound = integers ? 0 : scale * (dtype == IK_F64 ? 1e-14 : 4e-7) + std::fabs(total) * precision(dtype);
            check.near(sum.get(o), total, bound, what + " sum");
            check.near(largest.get(o), high, 0, what + " max");
            check.near(smallest.get(o), low, 0, what + " min");
          }
        }
  // Long sums keep their precision, 1e-6 of the total, where plain f32 addition loses a tenth of it.
  Tensor ones(IK_F32, {1 << 24});
  ones.fill([] { return 1.1; });
  Tensor total(IK_F32, {});
  const ik_attrs_reduce_sum a{1};
  run(IK_KERNEL_reduce_sum, {ones.view()}, {&total}, &a, "long sum");
  check.near(total.get(0), (1 << 24) * static_cast<double>(1.1f), 18.0, "long sum");
}

void check_softmax() {
  for (const int32_t dtype : kFloats)
    for (const auto& [n, c] : std::vector<std::pair<int64_t, int64_t>>{{3, 1}, {5, 7}, {33, 100}, {2, 5001}, {0, 5}, {70, 1030}}) {
      Tensor x = padded_rows(dtype, n, c, 3.0), y(dtype, {n, c}), l(dtype, {n, c}), dx(dtype, {n, c}), dl(dtype, {n, c});
      const Tensor dy = padded_rows(dtype, n, c);
      if (n > 4 && c > 4) {
        for (int64_t i = 0; i < c; ++i) x.set(x.place(i), -kInf);  // nothing allowed: NaN
        for (int64_t i = 0; i < c - 2; ++i) x.set(x.place(c + i), -kInf);
        x.set(x.place(2 * c + 3), kNaN);
        x.set(x.place(3 * c + 1), kInf);
        x.set(x.place(4 * c + 1), dtype == IK_F16 ? 6e4 : 1e30);
      }
      const std::string what = std::string("softmax ") + kDtypeNames[dtype] + " " + std::to_string(c);
      run(IK_KERNEL_softmax, {x.view()}, {&y}, nullptr, what);
      run(IK_KERNEL_log_softmax, {x.view()}, {&l}, nullptr, what);
      run(IK_KERNEL_softmax_grad, {y.view(), dy.view()}, {&dx}, nullptr, what);
      run(IK_KERNEL_log_softmax_grad, {l.view(), dy.view()}, {&dl}, nullptr, what);
      for (int64_t r = 0; r < n; ++r) {
        double top = -kInf, sum = 0, dot = 0, total = 0, size = 0;
        bool bad = false;
        for (int64_t i = 0; i < c; ++i) bad |= x.at(r * c + i) != x.at(r * c + i), top = std::max(top, x.at(r * c + i));
        bad |= std::isinf(top);
        for (int64_t i = 0; i < c; ++i) sum += std::exp(x.at(r * c + i) - top);
        for (int64_t i = 0; i < c; ++i) dot += y.at(r * c + i) * dy.at(r * c + i), total += dy.at(r * c + i), size += std::fabs(dy.at(r * c + i));
        for (int64_t i = 0; i < c; ++i) {
          const double p = bad ? kNaN : std::exp(x.at(r * c + i) - top) / sum, lp = bad ? kNaN : x.at(r * c + i) - top - std::log(sum);
          check.near(y.at(r * c + i), p, p * precision(dtype) + (dtype == IK_F16 ? 6e-8 : 1e-30), what);
          if (x.at(r * c + i) == -kInf && bad && top == kInf) continue;  // NaN or -infinity
          check.near(l.at(r * c + i), lp, std::fabs(lp) * precision(dtype) + precision(dtype) * 0.2, "log_" + what);
          if (bad) continue;
          const double g = y.at(r * c + i) * (dy.at(r * c + i) - dot);
          check.near(dx.at(r * c + i), g, std::fabs(g) * precision(dtype) + y.at(r * c + i) * 2e-6 + (dtype == IK_F16 ? 6e-8 : 0), what + " gradient");
          const double gl = dy.at(r * c + i) - std::exp(l.at(r * c + i)) * total;
          check.near(dl.at(r * c + i), gl, std::fabs(gl) * precision(dtype) + 1e-6 * (1 + size), "log_" + what + " gradient");
        }
      }
    }
}

void check_norms() {
  for (const int32_t dtype : kFloats)
    for (const bool center : {true, false})
      for (const auto& [n, c] : std::vector<std::pair<int64_t, int64_t>>{{3, 1}, {5, 7}, {200, 65}, {2, 5001}, {0, 5}, {65, 768}}) {
        const std::string what = std::string(center ? "layer_norm " : "rms_norm ") + kDtypeNames[dtype] + " " + std::to_string(c);
        Tensor x = padded_rows(dtype, n, c), weight = random_tensor(dtype, {c}), bias = random_tensor(dtype, {c});
        for (int64_t i = 0; i < n * c; ++i) x.set(x.place(i), x.at(i) + 2.0);
        const Tensor dy = padded_rows(dtype, n, c);
        const int32_t s = statistics(dtype);
        Tensor y(dtype, {n, c}), mean(s, {n}), rstd(s, {n}), dx(dtype, {n, c}), dweight(dtype, {c}), dbias(dtype, {c});
        const double eps = 1e-5;
        const ik_attrs_layer_norm a{eps};
        if (center) {
          run(IK_KERNEL_layer_norm, {x.view(), weight.view(), bias.view()}, {&y, &mean, &rstd}, &a, what);
          run(IK_KERNEL_layer_norm_grad, {x.view(), weight.view(), mean.view(), rstd.view(), dy.view()}, {&dx, &dweight, &dbias}, nullptr, what);
        } else {
          run(IK_KERNEL_rms_norm, {x.view(), weight.view()}, {&y, &rstd}, &a, what);
          run(IK_KERNEL_rms_norm_grad, {x.view(), weight.view(), rstd.view(), dy.view()}, {&dx, &dweight}, nullptr, what);
        }
        std::vector<double> dw(c), db(c), size(c);
        for (int64_t r = 0; r < n; ++r) {
          double m = 0, square = 0, g1 = 0, g2 = 0;
          if (center)
            for (int64_t i = 0; i < c; ++i) m += x.at(r * c + i) / c;
          for (int64_t i = 0; i < c; ++i) square += (x.at(r * c + i) - m) * (x.at(r * c + i) - m) / c;
          const double scale = 1 / std::sqrt(square + eps);
          if (center) check.near(mean.get(r), m, std::fabs(m) * 1e-6 + 1e-6, what + " mean");
          check.near(rstd.get(r), scale, scale * (c == 1 ? 1e-2 : 1e-6), what + " rstd");
          for (int64_t i = 0; i < c; ++i) {
            const double h = (x.at(r * c + i) - m) * scale, d = dy.at(r * c + i);
            const double v = h * weight.get(i) + (center ? bias.get(i) : 0);
            check.near(y.at(r * c + i), v, std::fabs(v) * precision(dtype) + 1e-6 * (1 + std::fabs(h * weight.get(i)) + scale) * (dtype == IK_F64 ? 1e-7 : 1), what);
            dw[i] += d * h, db[i] += d, size[i] += std::fabs(d * h) + std::fabs(d);
            g1 += d * weight.get(i) / c, g2 += d * weight.get(i) * h / c;
          }
          for (int64_t i = 0; i < c && c > 1; ++i) {
            const double h = (x.at(r * c + i) - m) * scale, v = scale * (dy.at(r * c + i) * weight.get(i) - (center ? g1 : 0) - h * g2);
            check.near(dx.at(r * c + i), v, std::fabs(v) * precision(dtype) + 3e-6 * (1 + scale) * (dtype == IK_F64 ? 1e-7 : 1), what + " dx");
          }
        }
        for (int64_t i = 0; i < c && c > 1; ++i) {
          check.near(dweight.get(i), dw[i], std::fabs(dw[i]) * precision(dtype) + 1e-6 * size[i], what + " dweight");
          if (center) check.near(dbias.get(i), db[i], std::fabs(db[i]) * precision(dtype) + 1e-6 * size[i], what + " dbias");
        }
      }
}

void check_cross_entropy() {
  for (const int32_t dtype : kFloats)
    for (const double smoothing : {0.0, 0.1})
      for (const auto& [n, c] : std::vector<std::pair<int64_t, int64_t>>{{1, 1}, {5, 7}, {33, 100}, {3, 50257}, {0, 5}}) {
        const std::string what = std::string("cross_entropy ") + kDtypeNames[dtype] + " " + std::to_string(c);
        Tensor x = padded_rows(dtype, n, c, 3.0), target(IK_I32, {n});
        target.fill([&] { return static_cast<double>(below(c)); });
        if (n > 2) target.set(1, -100);
        const int32_t s = statistics(dtype);
        Tensor loss(s, {n}), lse(s, {n}), dx(dtype, {n, c});
        Tensor dloss = random_tensor(s, {n});
        const ik_attrs_cross_entropy a{-100, smoothing};
        run(IK_KERNEL_cross_entropy, {x.view(), target.view()}, {&loss, &lse}, &a, what);
        run(IK_KERNEL_cross_entropy_grad, {x.view(), target.view(), lse.view(), dloss.view()}, {&dx}, &a, what);
        for (int64_t r = 0; r < n; ++r) {
          double top = -kInf, sum = 0, smooth = 0;
          for (int64_t i = 0; i < c; ++i) top = std::max(top, x.at(r * c + i));
          for (int64_t i = 0; i < c; ++i) sum += std::exp(x.at(r * c + i) - top);
          const double total = top + std::log(sum);
          for (int64_t i = 0; i < c; ++i) smooth += (total - x.at(r * c + i)) / c;
          const int64_t t = static_cast<int64_t>(target.get(r));
          const bool ignored = t == -100;
          const double exact = ignored ? 0 : (1 - smoothing) * (total - x.at(r * c + t)) + smoothing * smooth;
          const double rounding = dtype == IK_F64 ? 1e-12 : 2e-6;
          check.near(lse.get(r), total, std::fabs(total) * rounding + rounding, what + " lse");
          check.near(loss.get(r), exact, std::fabs(exact) * rounding + rounding, what);
          for (int64_t i = 0; i < c; ++i) {
            const double p = std::exp(x.at(r * c + i) - total), d = dloss.get(r);
            const double g = ignored ? 0 : d * (p - (i == t ? 1 - smoothing : 0) - smoothing / c);
            check.near(dx.at(r * c + i), g, std::fabs(g) * precision(dtype) + rounding * std::fabs(d) + (dtype == IK_F16 ? 6e-8 : 0), what + " gradient");
          }
        }
        // A target outside, and nothing written.
        if (n == 0) continue;
        Tensor before = loss;
        target.set(n - 1, static_cast<double>(c));
        check.that(two->launch(IK_KERNEL_cross_entropy, {x.view(), target.view()}, {loss.view(), lse.view()}, &a) == IK_BAD_INDEX &&
                       loss.bytes == before.bytes,
                   what + ": bad target");
        target.set(n - 1, -1);
        check.that(two->launch(IK_KERNEL_cross_entropy_grad, {x.view(), target.view(), lse.view(), dloss.view()}, {dx.view()}, &a) == IK_BAD_INDEX,
                   what + ": bad target in the gradient");
      }
}

void check_indexing() {
  for (const int32_t dtype : kFloats)
    for (const auto& [vocabulary, c, n] : std::vector<std::array<int64_t, 3>>{{7, 5, 100}, {1000, 300, 77}, {3, 64, 0}, {2, 1, 4000}}) {
      const std::string what = std::string("embedding ") + kDtypeNames[dtype];
      const Tensor table = padded_rows(dtype, vocabulary, c), dy = random_tensor(dtype, {n, c});
      Tensor ids(IK_I32, {n}), y(dtype, {n, c}), dtable(dtype, {vocabulary, c});
      ids.fill([&, v = vocabulary] { return static_cast<double>(below(v)); });
      run(IK_KERNEL_embedding, {table.view(), ids.view()}, {&y}, nullptr, what);
      const ik_attrs_embedding_grad fresh{0};
      run(IK_KERNEL_embedding_grad, {dy.view(), ids.view()}, {&dtable}, &fresh, what);
      std::vector<double> sums(vocabulary * c), size(vocabulary * c);
      for (int64_t i = 0; i < n; ++i)
        for (int64_t k = 0; k < c; ++k) {
          const int64_t id = static_cast<int64_t>(ids.get(i));
          check.near(y.get(i * c + k), table.at(id * c + k), 0, what);
          sums[id * c + k] += dy.get(i * c + k);
          size[id * c + k] += std::fabs(dy.get(i * c + k));
        }
      for (int64_t i = 0; i < vocabulary * c; ++i)
        check.near(dtable.get(i), sums[i], std::fabs(sums[i]) * precision(dtype) + size[i] * (dtype == IK_F64 ? 1e-14 : 1e-6), what + " gradient");
      if (n == 0) continue;
      const Tensor before = y;
      for (const double wrong : {-1.0, static_cast<double>(vocabulary)}) {
        ids.set(n / 2, wrong);
        check.that(two->launch(IK_KERNEL_embedding, {table.view(), ids.view()}, {y.view()}, nullptr) == IK_BAD_INDEX && y.bytes == before.bytes, what + ": bad id");
        check.that(two->launch(IK_KERNEL_embedding_grad, {dy.view(), ids.view()}, {dtable.view()}, &fresh) == IK_BAD_INDEX, what + ": bad id");
      }
    }
  for (const int32_t dtype : {IK_F32, IK_F64, IK_BF16, IK_F16, IK_I32, IK_U8, IK_BOOL})
    for (int64_t axis = 0; axis < 3; ++axis)
      for (const bool turned : {false, true}) {
        const std::vector<int64_t> s = {6, 40, 90};
        std::vector<int64_t> picked = {5, 37, 80};
        picked[axis] = 120;
        const std::vector<int64_t> back = {s[2], s[0], s[1]}, picked_back = {picked[2], picked[0], picked[1]};
        const Tensor x = turned ? random_tensor(dtype, back).permuted({1, 2, 0}) : random_tensor(dtype, s);
        Tensor index = turned ? Tensor(IK_I32, picked_back).permuted({1, 2, 0}) : Tensor(IK_I32, picked);
        index.fill([&] { return static_cast<double>(below(s[axis])); });
        Tensor y(dtype, picked);
        const std::string what = std::string("gather ") + kDtypeNames[dtype] + " axis " + std::to_string(axis);
        const ik_attrs_gather a{axis};
        run(IK_KERNEL_gather, {x.view(), index.view()}, {&y}, &a, what);
        const Tensor dy = turned ? random_tensor(dtype, picked_back).permuted({1, 2, 0}) : random_tensor(dtype, picked);
        Tensor dx(dtype, s);
        const bool adds = dtype <= IK_I32;
        if (adds) run(IK_KERNEL_scatter_add, {dy.view(), index.view()}, {&dx}, &a, "scatter_add " + what);
        std::vector<double> sums(dx.numel()), size(dx.numel());
        for (int64_t i = 0; i < y.numel(); ++i) {
          int64_t at[3] = {i / (picked[1] * picked[2]), i / picked[2] % picked[1], i % picked[2]};
          at[axis] = static_cast<int64_t>(index.at(i));
          const int64_t flat = (at[0] * s[1] + at[1]) * s[2] + at[2];
          check.near(y.get(i), x.at(flat), 0, what);
          sums[flat] += dy.at(i);
          size[flat] += std::fabs(dy.at(i));
        }
        for (int64_t i = 0; i < dx.numel() && adds; ++i)
          check.near(dx.get(i), sums[i], dtype == IK_I32 ? 0 : std::fabs(sums[i]) * precision(dtype) + size[i] * (dtype == IK_F64 ? 1e-14 : 1e-6), "scatter_add " + what);
        index.set(index.place(1234), static_cast<double>(s[axis]));
        check.that(two->launch(IK_KERNEL_gather, {x.view(), index.view()}, {y.view()}, &a) == IK_BAD_INDEX, what + ": bad index");
      }
}

void check_sampling() {
  for (const int32_t dtype : {IK_F32, IK_F64, IK_BF16, IK_F16, IK_I32})
    for (const auto& [n, c] : std::vector<std::pair<int64_t, int64_t>>{{3, 1}, {5, 7}, {70, 1000}, {2, 50257}, {0, 4}}) {
      Tensor x = padded_rows(dtype, n, c);
      if (dtype <= IK_F16 && n > 4) {
        x.set(x.place(3), kNaN), x.set(x.place(5), kNaN), x.set(x.place(2 * c + 4), kInf), x.set(x.place(3 * c + 1), -kInf);
        for (int64_t i = 0; i < c; ++i) x.set(x.place(4 * c + i), i % 2 ? -0.0 : 0.0);
      }
      const std::string what = std::string("sampling ") + kDtypeNames[dtype] + " " + std::to_string(c);
      Tensor high(IK_I32, {n}), low(IK_I32, {n}), running(dtype, {n, c});
      run(IK_KERNEL_argmax, {x.view()}, {&high}, nullptr, what);
      run(IK_KERNEL_argmin, {x.view()}, {&low}, nullptr, what);
      run(IK_KERNEL_cumsum, {x.view()}, {&running}, nullptr, what);
      const auto row = [&](int64_t r) {
        std::vector<double> v(c);
        for (int64_t i = 0; i < c; ++i) v[i] = x.at(r * c + i);
        return v;
      };
      for (int64_t r = 0; r < n; ++r) {
        const auto v = row(r);
        int64_t most = 0, least = 0;
        double sum = 0, size = 0;
        for (int64_t i = 0; i < c; ++i) {
          if (v[most] == v[most] && (v[i] > v[most] || v[i] != v[i])) most = i;
          if (v[least] == v[least] && (v[i] < v[least] || v[i] != v[i])) least = i;
          sum += v[i], size += std::fabs(v[i]);
          check.near(running.get(r * c + i), sum, dtype == IK_I32 ? 0 : std::fabs(sum) * precision(dtype) + size * 1e-12, what + " cumsum");
        }
        check.that(high.get(r) == most && low.get(r) == least, what + " argmax, argmin");
      }
      for (const int64_t k : {int64_t{1}, int64_t{5}, c / 2, c}) {
        if (k > c || k == 0) continue;
        Tensor values(dtype, {n, k}), indices(IK_I32, {n, k});
        const ik_attrs_topk a{k};
        run(IK_KERNEL_topk, {x.view()}, {&values, &indices}, &a, what);
        for (int64_t r = 0; r < n; ++r) {
          const auto v = row(r);
          std::vector<int64_t> order(c);
          for (int64_t i = 0; i < c; ++i) order[i] = i;
          std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
            const bool an = v[a] != v[a], bn = v[b] != v[b];
            return an != bn ? an : !an && v[a] > v[b];
          });
          bool same = true;
          for (int64_t i = 0; i < k; ++i) {
            const double got = values.get(r * k + i), exact = v[order[i]];
            same &= indices.get(r * k + i) == order[i] && (got == exact || (got != got && exact != exact));
          }
          check.that(same, what + " topk " + std::to_string(k));
        }
      }
    }
  // multinomial: frequencies of the first draw, no repetition, zeros never drawn, bad rows refused.
  const int64_t n = 60000, c = 1300;
  Tensor w(IK_F32, {n, c});
  for (int64_t i = 0; i < c; ++i) w.set(i, i % 3 == 1 ? 0.0 : std::exp(gaussian()));
  w.shape = {n, c}, w.stride = {0, 1};
  for (const int64_t k : {1, 3}) {
    Tensor out(IK_I32, {n, k});
    const ik_attrs_multinomial a{123456789012345, 17};
    run(IK_KERNEL_multinomial, {w.view()}, {&out}, &a, "multinomial");
    std::vector<double> count(c);
    double total = 0, chi = 0;
    bool fine = true;
    for (int64_t i = 0; i < c; ++i) total += w.get(i);
    for (int64_t r = 0; r < n; ++r) {
      std::set<double> seen;
      for (int64_t j = 0; j < k; ++j) {
        const double i = out.get(r * k + j);
        fine &= i >= 0 && i < c && w.get(static_cast<int64_t>(i)) > 0 && seen.insert(i).second;
      }
      ++count[static_cast<int64_t>(out.get(r * k))];
    }
    check.that(fine, "multinomial draws positive weights, each once");
    for (int64_t i = 0; i < c; ++i)
      if (const double expected = n * w.get(i) / total; expected > 0) chi += (count[i] - expected) * (count[i] - expected) / expected;
    // About c 2/3 - 1 = 866 degrees of freedom: mean 866, standard deviation 42.
    check.that(chi > 866 - 6 * 42 && chi < 866 + 6 * 42, "multinomial frequencies: chi-squared " + std::to_string(chi));
  }
  Tensor few(IK_F32, {2, 700}), all(IK_I32, {2, 5});
  few.fill([] { return 0.0; });
  for (int64_t i = 0; i < 5; ++i) few.set(i * 140, 1.0 + i), few.set(700 + 699 - i, 2.0);
  const ik_attrs_multinomial a{5, 0};
  run(IK_KERNEL_multinomial, {few.view()}, {&all}, &a, "multinomial of exactly k weights");
  std::set<double> drawn;
  for (int64_t i = 0; i < 5; ++i) drawn.insert(all.get(i));
  check.that(drawn == std::set<double>{0, 140, 280, 420, 560}, "multinomial of exactly k weights");
  for (const double wrong : {kNaN, -1.0, kInf, 0.0}) {
    Tensor bad = few;
    bad.set(700 + 699, wrong);
    check.that(two->launch(IK_KERNEL_multinomial, {bad.view()}, {all.view()}, &a) == IK_BAD_INDEX, "multinomial of a bad row");
  }
}

void check_optimizer() {
  const std::vector<int64_t> sizes = {1, 17, 40000, 0, 300};
  for (const int32_t gradient : kFloats) {
    const int32_t dtype = gradient == IK_F64 ? IK_F64 : IK_F32;
    std::vector<Tensor> g, state;
    for (const int64_t n : sizes) g.push_back(random_tensor(gradient, {n}));
    for (int part = 0; part < 3; ++part)
      for (const int64_t n : sizes) {
        state.push_back(random_tensor(dtype, {n}, part ? 0.1 : 1.0));
        if (part == 2)
          for (int64_t i = 0; i < n; ++i) state.back().set(i, std::fabs(state.back().get(i)));
      }
    const auto before = state;
    std::vector<ik_view> gradients;
    std::vector<Tensor*> outputs;
    for (Tensor& t : g) gradients.push_back(t.view());
    for (Tensor& t : state) outputs.push_back(&t);
    const size_t count = sizes.size();
    // The second parameter is not decayed, and learns twice as fast.
    Tensor rates(IK_F64, {static_cast<int64_t>(count), 2});
    for (size_t t = 0; t < count; ++t) rates.set(2 * t, t == 1 ? 2e-3 : 1e-3), rates.set(2 * t + 1, t == 1 ? 0.0 : 0.1);
    const ik_attrs_adamw a{0.9, 0.999, 1e-8, 0.5, 3};
    auto inputs = gradients;
    inputs.push_back(rates.view());
    run(IK_KERNEL_adamw, inputs, outputs, &a, "adamw");
    double squares = 0;
    for (size_t t = 0; t < count; ++t)
      for (int64_t i = 0; i < sizes[t]; ++i) {
        const double lr = rates.get(2 * t), decay = rates.get(2 * t + 1);
        const double whole = g[t].get(i), d = 0.5 * whole, m = 0.9 * before[count + t].get(i) + 0.1 * d, v = 0.999 * before[2 * count + t].get(i) + 0.001 * d * d;
        const double p = before[t].get(i) * (1 - lr * decay) -
                         lr / (1 - std::pow(0.9, 3)) * m / (std::sqrt(v / (1 - std::pow(0.999, 3))) + 1e-8);
        const double r = dtype == IK_F64 ? 1e-14 : 3e-7;
        check.near(state[count + t].get(i), m, r, "adamw m");
        check.near(state[2 * count + t].get(i), v, r * (v + 0.01), "adamw v");
        check.near(state[t].get(i), p, r * (1 + std::fabs(p)), "adamw p");
        squares += whole * whole;
      }
    Tensor norm(IK_F64, {1});
    run(IK_KERNEL_sum_squares, gradients, {&norm}, nullptr, "sum_squares");
    check.near(norm.get(0), squares, squares * 1e-12, "sum_squares");
    auto scaled = g;
    std::vector<ik_view> views;
    for (Tensor& t : scaled) views.push_back(t.view());
    const ik_attrs_scale s{0.3};
    check.that(two->launch(IK_KERNEL_scale, {}, views, &s) == IK_OK, "scale");
    for (size_t t = 0; t < count; ++t)
      for (int64_t i = 0; i < sizes[t]; ++i)
        check.near(scaled[t].get(i), 0.3 * g[t].get(i), precision(gradient) * std::fabs(0.3 * g[t].get(i)) + (gradient == IK_F16 ? 6e-8 : 0), "scale");
  }
}

void time_all() {
  Host& host = *two;
  const double limit = memory_bandwidth(host);
  std::printf("memory: %.1f GB/s with %d threads, %s\n", limit / 1e9, host.runtime.threads, host.backend->isa);
  const auto report = [&](const char* name, double bytes, ik_kernel_id id, std::vector<ik_view> in, std::vector<ik_view> out, const void* attrs) {
    const double s = median_seconds([&] { host.launch(id, in, out, attrs); });
    std::printf("%-36s %8.3f ms %7.1f GB/s %5.0f%%\n", name, s * 1e3, bytes / s / 1e9, 100 * bytes / s / limit);
  };
  const auto tensor = [](std::vector<int64_t> shape) {
    Tensor t(IK_F32, shape);
    const auto v = normal(static_cast<size_t>(t.numel()), 3);
    std::memcpy(t.bytes.data(), v.data(), v.size() * 4);
    return t;
  };
  {
    const int64_t n = 4096, c = 768;
    Tensor x = tensor({n, c}), dy = tensor({n, c}), w = tensor({c}), b = tensor({c}), y = tensor({n, c}), mean = tensor({n}), rstd = tensor({n}), dw = tensor({c}), db = tensor({c});
    const ik_attrs_layer_norm a{1e-5};
    const double size = 4.0 * n * c;
    report("layer_norm 4096x768", 2 * size, IK_KERNEL_layer_norm, {x.view(), w.view(), b.view()}, {y.view(), mean.view(), rstd.view()}, &a);
    report("layer_norm_grad 4096x768", 3 * size, IK_KERNEL_layer_norm_grad, {x.view(), w.view(), mean.view(), rstd.view(), dy.view()}, {y.view(), dw.view(), db.view()}, nullptr);
    report("rms_norm 4096x768", 2 * size, IK_KERNEL_rms_norm, {x.view(), w.view()}, {y.view(), rstd.view()}, &a);
    report("rms_norm_grad 4096x768", 3 * size, IK_KERNEL_rms_norm_grad, {x.view(), w.view(), rstd.view(), dy.view()}, {y.view(), dw.view()}, nullptr);
    Tensor ids(IK_I32, {n}), table = tensor({50257, c});
    ids.fill([] { return static_cast<double>(below(50257)); });
    report("embedding 4096 of 50257x768", 2 * size, IK_KERNEL_embedding, {table.view(), ids.view()}, {y.view()}, nullptr);
    const ik_attrs_embedding_grad fresh{0};
    report("embedding_grad 4096 of 50257x768", size + 4.0 * 50257 * c, IK_KERNEL_embedding_grad, {dy.view(), ids.view()}, {table.view()}, &fresh);
    const ik_attrs_reduce_sum one_axis{1};
    report("sum of rows 4096x768", size, IK_KERNEL_reduce_sum, {x.view()}, {mean.view()}, &one_axis);
    report("sum of columns 4096x768", size, IK_KERNEL_reduce_sum, {x.permuted({1, 0}).view()}, {dw.view()}, &one_axis);
  }
  {
    const int64_t n = 4096, c = 4096;
    Tensor x = tensor({n, c}), dy = tensor({n, c}), y = tensor({n, c}), target(IK_I32, {n}), loss = tensor({n}), lse = tensor({n}), column = tensor({c});
    target.fill([&] { return static_cast<double>(below(c)); });
    const double size = 4.0 * n * c;
    report("softmax 4096x4096", 2 * size, IK_KERNEL_softmax, {x.view()}, {y.view()}, nullptr);
    report("softmax_grad 4096x4096", 3 * size, IK_KERNEL_softmax_grad, {x.view(), dy.view()}, {y.view()}, nullptr);
    report("log_softmax 4096x4096", 2 * size, IK_KERNEL_log_softmax, {x.view()}, {y.view()}, nullptr);
    report("log_softmax_grad 4096x4096", 3 * size, IK_KERNEL_log_softmax_grad, {x.view(), dy.view()}, {y.view()}, nullptr);
    const ik_attrs_cross_entropy a{-100, 0.0};
    report("cross_entropy 4096x4096", size, IK_KERNEL_cross_entropy, {x.view(), target.view()}, {loss.view(), lse.view()}, &a);
    report("cross_entropy_grad 4096x4096", 2 * size, IK_KERNEL_cross_entropy_grad, {x.view(), target.view(), lse.view(), loss.view()}, {y.view()}, &a);
    const ik_attrs_reduce_sum one_axis{1}, both{2};
    report("sum of rows 4096x4096", size, IK_KERNEL_reduce_sum, {x.view()}, {loss.view()}, &one_axis);
    report("sum of columns 4096x4096", size, IK_KERNEL_reduce_sum, {x.permuted({1, 0}).view()}, {column.view()}, &one_axis);
    report("sum of all 4096x4096", size, IK_KERNEL_reduce_sum, {x.view()}, {column.view()}, &both);
    report("max of rows 4096x4096", size, IK_KERNEL_reduce_max, {x.view()}, {loss.view()}, &one_axis);
    Tensor index(IK_I32, {n});
    report("argmax 4096x4096", size, IK_KERNEL_argmax, {x.view()}, {index.view()}, nullptr);
    report("cumsum 4096x4096", 2 * size, IK_KERNEL_cumsum, {x.view()}, {y.view()}, nullptr);
    const ik_attrs_adamw opt{0.9, 0.999, 1e-8, 1.0, 3};
    Tensor rates(IK_F64, {1, 2});
    rates.set(0, 1e-3), rates.set(1, 0.1);
    Tensor m = tensor({n, c}), v = tensor({n, c});
    v.fill([] { return 0.01; });
    report("adamw 16.8M", 7 * size, IK_KERNEL_adamw, {dy.view(), rates.view()}, {x.view(), m.view(), v.view()}, &opt);
    Tensor norm(IK_F64, {1});
    report("sum_squares 16.8M", size, IK_KERNEL_sum_squares, {x.view()}, {norm.view()}, nullptr);
  }
  {
    const int64_t n = 512, c = 50257;
    Tensor x = tensor({n, c}), y = tensor({n, c}), target(IK_I32, {n}), loss = tensor({n}), lse = tensor({n});
    target.fill([&] { return static_cast<double>(below(c)); });
    const ik_attrs_cross_entropy a{-100, 0.0};
    report("cross_entropy 512x50257", 4.0 * n * c, IK_KERNEL_cross_entropy, {x.view(), target.view()}, {loss.view(), lse.view()}, &a);
    report("cross_entropy_grad 512x50257", 8.0 * n * c, IK_KERNEL_cross_entropy_grad, {x.view(), target.view(), lse.view(), loss.view()}, {y.view()}, &a);
  }
  {
    Tensor x = tensor({1, 150000}), values = tensor({1, 50}), indices(IK_I32, {1, 50}), drawn(IK_I32, {1, 1});
    const ik_attrs_topk k{50};
    report("topk 50 of 150000", 6e5, IK_KERNEL_topk, {x.view()}, {values.view(), indices.view()}, &k);
    x.fill([] { return std::exp(gaussian()); });
    const ik_attrs_multinomial a{1, 0};
    report("multinomial 1 of 150000", 6e5, IK_KERNEL_multinomial, {x.view()}, {drawn.view()}, &a);
  }
}

}  // namespace

int main(int argc, char** argv) {
  setenv("INKSTONE_THREADS", "1", 1);
  Host single;
  setenv("INKSTONE_THREADS", "2", 1);
  Host pair;
  one = &single, two = &pair;
  check_reduce();
  check_softmax();
  check_norms();
  check_cross_entropy();
  check_indexing();
  check_sampling();
  check_optimizer();
  if (const int failed = check.done("rows")) return failed;
  if (argc < 2 || std::string(argv[1]) != "check") time_all();
  return 0;
}
