// Checks sdpa, its gradient and rope against plain double arithmetic, then times them. usage: lab_attention [check | time]
#include <cmath>
#include <limits>

#include "cpu/simd.h"
#include "host.h"
#include "peak.h"

using namespace lab;

namespace {

int failures = 0;
using Doubles = std::vector<double>;

double read(const void* p, int dtype, size_t i) {
  switch (dtype) {
    case IK_F32: return static_cast<const float*>(p)[i];
    case IK_F64: return static_cast<const double*>(p)[i];
    case IK_BF16: return ik::to_float(static_cast<const ik::bf16*>(p)[i]);
    default: return ik::to_float(static_cast<const ik::f16*>(p)[i]);
  }
}
void write(void* p, int dtype, size_t i, double x) {
  switch (dtype) {
    case IK_F32: static_cast<float*>(p)[i] = static_cast<float>(x); break;
    case IK_F64: static_cast<double*>(p)[i] = x; break;
    case IK_BF16: ik::from_float(static_cast<float>(x), static_cast<ik::bf16*>(p)[i]); break;
    default: ik::from_float(static_cast<float>(x), static_cast<ik::f16*>(p)[i]);
  }
}
const char* dtype_name(int d) { return d == IK_F32 ? "f32" : d == IK_F64 ? "f64" : d == IK_BF16 ? "bf16" : "f16"; }

// [B, T, H, D] stored densely, with `pad` elements after each row, or as [B, H, T, D] transposed.
struct Tensor {
  int64_t b, t, h, d;
  int dtype, layout;
  Huge<char> bytes;
  std::vector<int64_t> stride;
  Tensor(int64_t b, int64_t t, int64_t h, int64_t d, int dtype, int layout, int seed) : b(b), t(t), h(h), d(d), dtype(dtype), layout(layout) {
    const int64_t row = d + (layout == 1 ? 3 : 0);
    stride = layout == 2 ? std::vector<int64_t>{h * t * row, row, t * row, 1} : std::vector<int64_t>{t * h * row, h * row, row, 1};
    const size_t n = b * t * h * row;
    bytes.assign((n + 64) * ik_dtype_bytes(dtype), 0x5a);
    if (seed) {
      const auto v = normal(n, seed);
      for (size_t i = 0; i < n; ++i) write(bytes.data(), dtype, i, v[i]);
    }
  }
  ik_view view() { return lab::view(bytes.data(), dtype, {b, t, h, d}, stride); }
  int64_t at(int64_t ib, int64_t it, int64_t ih, int64_t id) const { return ib * stride[0] + it * stride[1] + ih * stride[2] + id; }
  double get(int64_t ib, int64_t it, int64_t ih, int64_t id) const { return read(bytes.data(), dtype, at(ib, it, ih, id)); }
  void set(int64_t ib, int64_t it, int64_t ih, int64_t id, double x) { write(bytes.data(), dtype, at(ib, it, ih, id), x); }
};

struct Case {
  int64_t b, t, s, h, g, d;
  bool causal;
  int layout;
  int special = 0;  // 1 puts a NaN in k, 2 an infinity in v
};

struct Want {
  Doubles y, lse, dq, dk, dv, scale_y, scale_q, scale_k, scale_v;  // and the sizes of the terms summed
};

Want reference(const Case& c, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& dy, double scale) {
  Want w;
  const int64_t nq = c.b * c.t * c.h * c.d, nk = c.b * c.s * c.g * c.d;
  w.y.resize(nq), w.dq.resize(nq), w.scale_y.resize(nq), w.scale_q.resize(nq);
  w.dk.resize(nk), w.dv.resize(nk), w.scale_k.resize(nk), w.scale_v.resize(nk);
  w.lse.assign(c.b * c.h * c.t, -std::numeric_limits<double>::infinity());
  for (int64_t b = 0; b < c.b; ++b)
    for (int64_t h = 0; h < c.h; ++h)
      for (int64_t t = 0; t < c.t; ++t) {
        const int64_t g = h / (c.h / c.g), seen = c.causal ? std::clamp<int64_t>(t + c.s - c.t + 1, 0, c.s) : c.s;
        if (!seen) continue;
        Doubles s(seen), dp(seen), dp_size(seen);
        double top = -1e300, sum = 0;
        for (int64_t j = 0; j < seen; ++j) {
          for (int64_t d = 0; d < c.d; ++d) s[j] += q.get(b, t, h, d) * k.get(b, j, g, d);
          s[j] *= scale;
          top = std::max(top, s[j]);
        }
        for (auto& x : s) sum += x = std::exp(x - top);
        w.lse[(b * c.h + h) * c.t + t] = top + std::log(sum);
        double delta = 0, delta_size = 0;
        const int64_t row = ((b * c.t + t) * c.h + h) * c.d;
        for (int64_t j = 0; j < seen; ++j) {
          s[j] /= sum;
          for (int64_t d = 0; d < c.d; ++d) {
            w.y[row + d] += s[j] * v.get(b, j, g, d);
            w.scale_y[row + d] += std::abs(s[j] * v.get(b, j, g, d));
            dp[j] += dy.get(b, t, h, d) * v.get(b, j, g, d);
            dp_size[j] += std::abs(dy.get(b, t, h, d) * v.get(b, j, g, d));
          }
          delta += s[j] * dp[j];
          delta_size += s[j] * dp_size[j];
        }
        for (int64_t j = 0; j < seen; ++j) {
          const double ds = s[j] * (dp[j] - delta) * scale, size = s[j] * (dp_size[j] + delta_size) * scale;
          for (int64_t d = 0; d < c.d; ++d) {
            const int64_t key = ((b * c.s + j) * c.g + g) * c.d + d;
            w.dv[key] += s[j] * dy.get(b, t, h, d);
            w.scale_v[key] += std::abs(s[j] * dy.get(b, t, h, d));
            w.dq[row + d] += ds * k.get(b, j, g, d);
            w.scale_q[row + d] += size * std::abs(k.get(b, j, g, d));
            w.dk[key] += ds * q.get(b, t, h, d);
            w.scale_k[key] += size * std::abs(q.get(b, t, h, d));
          }
        }
      }
  return w;
}

double worst = 0;

void check(Host& host, Host& single, const Case& c, int dtype) {
  const double scale = 1 / std::sqrt(double(c.d));
  Tensor q(c.b, c.t, c.h, c.d, dtype, c.layout, 1), k(c.b, c.s, c.g, c.d, dtype, c.layout, 2), v(c.b, c.s, c.g, c.d, dtype, c.layout, 3);
  Tensor dy(c.b, c.t, c.h, c.d, dtype, c.layout, 4);
  if (c.special == 1) k.set(0, c.s / 2, 0, 0, std::numeric_limits<double>::quiet_NaN());
  if (c.special == 2) v.set(0, c.s / 2, 0, c.d - 1, std::numeric_limits<double>::infinity());
  const Want want = reference(c, q, k, v, dy, scale);
  const int wide = dtype == IK_F64 ? IK_F64 : IK_F32;
  const auto say = [&](const char* what, double got, double want, int64_t i) {
    if (++failures > 20) return;
    std::printf("FAIL %s B%lld T%lld S%lld H%lld G%lld D%lld causal %d layout %d special %d: %s at %lld: %g, want %g\n", dtype_name(dtype),
                (long long)c.b, (long long)c.t, (long long)c.s, (long long)c.h, (long long)c.g, (long long)c.d, c.causal, c.layout, c.special,
                what, (long long)i, got, want);
  };
  std::vector<Huge<char>> bits[2];
  for (int pass = 0; pass < 2; ++pass) {
    Host& on = pass ? single : host;
    Tensor y(c.b, c.t, c.h, c.d, dtype, 0, 0), dq(c.b, c.t, c.h, c.d, dtype, c.layout, 0);
    Tensor dk(c.b, c.s, c.g, c.d, dtype, c.layout, 0), dv(c.b, c.s, c.g, c.d, dtype, c.layout, 0);
    Huge<char> lse((c.b * c.h * c.t + 16) * ik_dtype_bytes(wide), 0x5a);
    const ik_view lse_view = view(lse.data(), wide, {c.b, c.h, c.t});
    const ik_attrs_sdpa attrs{c.causal, 0, 0, 0, 0, scale};
    const ik_attrs_sdpa_grad grad_attrs{c.causal, 0, 0, 0, 0, scale};
    int status = on.launch(IK_KERNEL_sdpa, {q.view(), k.view(), v.view()}, {y.view(), lse_view}, &attrs);
    if (status == IK_OK)
      status = on.launch(IK_KERNEL_sdpa_grad, {q.view(), k.view(), v.view(), y.view(), lse_view, dy.view()},
                         {dq.view(), dk.view(), dv.view()}, &grad_attrs);
    if (status != IK_OK) say("status", status, 0, 0);
    bits[pass] = {y.bytes, lse, dq.bytes, dk.bytes, dv.bytes};
    if (pass) continue;
    // y is rounded before the gradient sees it, which moves delta by half a unit of it.
    const double ulp = dtype == IK_F64 ? 0x1p-52 : dtype == IK_F32 ? 0x1p-23 : dtype == IK_F16 ? 0x1p-11 : 0x1p-8;
    const double run = dtype == IK_F64 ? 0x1p-52 : 0x1p-23;
    const auto compare = [&](const char* what, const Tensor& got, const Doubles& value, const Doubles& size, double slack) {
      int64_t i = 0;
      for (int64_t b = 0; b < got.b; ++b)
        for (int64_t t = 0; t < got.t; ++t)
          for (int64_t h = 0; h < got.h; ++h)
            for (int64_t d = 0; d < got.d; ++d, ++i) {
              const double x = got.get(b, t, h, d), limit = ulp * std::abs(value[i]) + slack * size[i] + (dtype == IK_F16 ? 0x1p-25 : 1e-30);
              if (std::isfinite(value[i])) worst = std::max(worst, std::abs(x - value[i]) / limit);
              const bool same = std::isfinite(value[i]) ? std::abs(x - value[i]) <= limit : !std::isfinite(x);
              if (!same) say(what, x, value[i], i);
            }
    };
    // Many queries of bf16 multiply in pairs of bf16, with weights rounded to it, and gradients always do.
    const double pairs = dtype == IK_BF16 ? 0x1p-7 : 0, slack = run * (16 + 2 * std::sqrt(double(c.s + c.d))) + (c.t > 1 || c.h > 16 * c.g ? pairs : 0);
    compare("y", y, want.y, want.scale_y, slack);
    for (size_t i = 0; i < want.lse.size(); ++i) {
      const double x = read(lse.data(), wide, i);
      const bool same = std::isfinite(want.lse[i]) ? std::abs(x - want.lse[i]) <= (run * 16 + (c.t > 1 || c.h > 16 * c.g ? pairs / 4 : 0)) * (std::abs(want.lse[i]) + 4)
                        : std::isnan(want.lse[i])  ? std::isnan(x)
                                                   : x == want.lse[i];
      if (!same) say("lse", x, want.lse[i], i);
    }
    if (!c.special) {
      compare("dq", dq, want.dq, want.scale_q, slack * 2 + pairs + (ulp > 1e-6 ? 4 * ulp : 0));
      compare("dk", dk, want.dk, want.scale_k, slack * 2 + pairs + (ulp > 1e-6 ? 4 * ulp : 0));
      compare("dv", dv, want.dv, want.scale_v, slack * 2 + pairs);
    }
    // Nothing but the views was written.
    if (c.layout == 1 && c.t && c.s && bits[0][2].size()) {
      for (int64_t j = 0; j < 3; ++j)
        for (size_t x = 0; x < ik_dtype_bytes(dtype); ++x)
          if (dq.bytes[(dq.at(0, 0, 0, c.d) + j) * ik_dtype_bytes(dtype) + x] != 0x5a) say("wrote between rows", 0, 0, j);
    }
    for (const auto* buffer : {&y.bytes, &lse, &dq.bytes, &dk.bytes, &dv.bytes})
      for (size_t i = buffer->size() - 32; i < buffer->size(); ++i)
        if ((*buffer)[i] != 0x5a) say("wrote past the end", 0, 0, i);
  }
  if (bits[0] != bits[1]) say("other bits on one thread", 0, 0, 0);
}

void check_rope(Host& host, Host& single, int64_t b, int64_t t, int64_t h, int64_t d, int64_t offset, bool inverse, int layout, int dtype) {
  Tensor x(b, t, h, d, dtype, layout, 1), y(b, t, h, d, dtype, 0, 0), z(b, t, h, d, dtype, 0, 0);
  const ik_attrs_rope attrs{10000.0, offset, inverse};
  host.launch(IK_KERNEL_rope, {x.view()}, {y.view()}, &attrs);
  single.launch(IK_KERNEL_rope, {x.view()}, {z.view()}, &attrs);
  if (y.bytes != z.bytes) std::printf("FAIL rope: other bits on one thread\n"), ++failures;
  const double ulp = dtype == IK_F64 ? 0x1p-49 : dtype == IK_F32 ? 0x1p-22 : dtype == IK_F16 ? 0x1p-10 : 0x1p-7;
  for (int64_t ib = 0; ib < b; ++ib)
    for (int64_t it = 0; it < t; ++it)
      for (int64_t ih = 0; ih < h; ++ih)
        for (int64_t i = 0; i < d / 2; ++i) {
          const double angle = (offset + it) * std::pow(10000.0, -2.0 * i / d) * (inverse ? -1 : 1);
          const double u = x.get(ib, it, ih, i), v = x.get(ib, it, ih, i + d / 2), c = std::cos(angle), s = std::sin(angle);
          const double e1 = std::abs(y.get(ib, it, ih, i) - (u * c - v * s)), e2 = std::abs(y.get(ib, it, ih, i + d / 2) - (v * c + u * s));
          if (!(std::max(e1, e2) <= (ulp + std::abs(angle) * 0x1p-51) * (std::abs(u) + std::abs(v))) && ++failures < 20)
            std::printf("FAIL rope %s T%lld D%lld offset %lld: off by %g\n", dtype_name(dtype), (long long)t, (long long)d,
                        (long long)offset, std::max(e1, e2));
        }
}

void check_all(Host& host, Host& single) {
  int cases = 0;
  for (int dtype : {IK_F32, IK_F64, IK_BF16, IK_F16}) {
    for (bool causal : {false, true})
      for (int layout : {0, 1, 2})
        for (const Case& c : {Case{1, 1, 1, 1, 1, 1, causal, layout}, Case{2, 3, 3, 2, 2, 7, causal, layout}, Case{1, 17, 17, 2, 1, 17, causal, layout},
                              Case{2, 65, 65, 3, 3, 32, causal, layout}, Case{1, 129, 129, 2, 2, 64, causal, layout}, Case{1, 1, 65, 4, 2, 64, causal, layout},
                              Case{1, 3, 700, 4, 1, 33, causal, layout}, Case{2, 1, 2100, 4, 2, 16, causal, layout}, Case{1, 1, 1030, 10, 2, 80, causal, layout}, Case{2, 1, 300, 21, 3, 37, causal, layout},
                              Case{1, 1, 700, 17, 1, 24, causal, layout}, Case{1, 1, 700, 4, 2, 40, causal, layout, 1}, Case{1, 1, 700, 4, 2, 40, causal, layout, 2}, Case{3, 40, 17, 4, 2, 8, causal, layout},
                              Case{1, 300, 300, 2, 1, 40, causal, layout}, Case{1, 500, 230, 1, 1, 24, causal, layout}, Case{1, 60, 450, 3, 1, 128, causal, layout},
                              Case{0, 4, 4, 2, 2, 8, causal, layout}, Case{2, 0, 5, 2, 2, 8, causal, layout}, Case{2, 5, 0, 2, 2, 8, causal, layout},
                              Case{1, 40, 40, 2, 2, 16, causal, layout, 1}, Case{1, 40, 40, 2, 2, 16, causal, layout, 2}})
          check(host, single, c, dtype), ++cases;
    for (int64_t t : {1, 5, 200})
      for (int64_t d : {2, 6, 64})
        for (int64_t offset : {0, 63, 1000})
          for (int inverse : {0, 1}) check_rope(host, single, 2, t, 3, d, offset, inverse, inverse + 1, dtype), ++cases;
  }
  std::printf("%s: %d cases, %d failures, largest error %.2f of the limit\n", host.backend->isa, cases, failures, worst);
}

void time_all(Host& host) {
  const double peak = fma_peak(host);
  std::printf("%s, %d threads, f32 FMA peak %.1f GFLOP/s\n", host.backend->isa, host.pool.threads(), peak);
  for (const Case& c : {Case{4, 1024, 1024, 12, 12, 64, true, 0}, Case{4, 1024, 1024, 12, 12, 64, false, 0}, Case{1, 256, 256, 12, 12, 64, true, 0},
                        Case{8, 256, 256, 6, 6, 64, true, 0}, Case{1, 4096, 4096, 8, 2, 128, true, 0}, Case{1, 1024, 1024, 1, 1, 64, true, 0},
                        Case{1, 1, 4096, 32, 8, 128, true, 0}, Case{1, 1, 16384, 32, 8, 128, true, 0}, Case{1, 1, 1024, 12, 12, 64, true, 0}})
    for (int dtype : {IK_F32, IK_BF16}) {
      if (const char* only = std::getenv("LAB_DECODE"); only && c.t > 1) continue;
      Tensor q(c.b, c.t, c.h, c.d, dtype, 0, 1), k(c.b, c.s, c.g, c.d, dtype, 0, 2), v(c.b, c.s, c.g, c.d, dtype, 0, 3);
      Tensor dy(c.b, c.t, c.h, c.d, dtype, 0, 4), y(c.b, c.t, c.h, c.d, dtype, 0, 0), dq(c.b, c.t, c.h, c.d, dtype, 0, 0);
      Tensor dk(c.b, c.s, c.g, c.d, dtype, 0, 0), dv(c.b, c.s, c.g, c.d, dtype, 0, 0);
      std::vector<float> lse(c.b * c.h * c.t);
      const ik_view lse_view = view(lse.data(), IK_F32, {c.b, c.h, c.t});
      const double scale = 1 / std::sqrt(double(c.d));
      const ik_attrs_sdpa attrs{c.causal, 0, 0, 0, 0, scale};
      const ik_attrs_sdpa_grad grad_attrs{c.causal, 0, 0, 0, 0, scale};
      const double flops = 4.0 * c.b * c.h * c.t * c.s * c.d * (c.causal && c.t > 1 ? 0.5 : 1);
      const double f = median_seconds([&] { host.launch(IK_KERNEL_sdpa, {q.view(), k.view(), v.view()}, {y.view(), lse_view}, &attrs); });
      std::printf("%-4s B%lld T%-4lld S%-4lld H%-2lld G%-2lld D%-3lld %s  forward %8.3f ms %6.1f GFLOP/s (%3.0f%%)", dtype_name(dtype), (long long)c.b,
                  (long long)c.t, (long long)c.s, (long long)c.h, (long long)c.g, (long long)c.d, c.causal ? "causal" : "full  ", f * 1e3,
                  flops / f / 1e9, 100 * flops / f / 1e9 / peak);
      if (c.t == 1) {
        std::printf("  %.1f GB/s\n", 2.0 * c.b * c.s * c.g * c.d * ik_dtype_bytes(dtype) / f / 1e9);
        continue;
      }
      const double g = median_seconds([&] {
        host.launch(IK_KERNEL_sdpa_grad, {q.view(), k.view(), v.view(), y.view(), lse_view, dy.view()}, {dq.view(), dk.view(), dv.view()}, &grad_attrs);
      });
      std::printf("  backward %8.3f ms %6.1f GFLOP/s (%3.0f%%)\n", g * 1e3, 2.5 * flops / g / 1e9, 250 * flops / g / 1e9 / peak);
      std::fflush(stdout);
    }
  for (int dtype : {IK_F32, IK_BF16}) {
    Tensor x(8, 256, 6, 64, dtype, 0, 1), y(8, 256, 6, 64, dtype, 0, 0);
    const ik_attrs_rope attrs{10000.0, 0, 0};
    const double s = median_seconds([&] { host.launch(IK_KERNEL_rope, {x.view()}, {y.view()}, &attrs); });
    std::printf("%-4s rope B8 T256 H6 D64 %.3f ms %.1f GB/s\n", dtype_name(dtype), s * 1e3, 2.0 * 8 * 256 * 6 * 64 * ik_dtype_bytes(dtype) / s / 1e9);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string only = argc > 1 ? argv[1] : "";
  Host host;
  if (only != "time") {
    Host single(1);
    check_all(host, single);
    if (failures) return 1;
  }
  if (only != "check") time_all(host);
  return 0;
}
