// Checks ik_cpu_matmul, and products with packed weights, against sums in double, then times them.
// usage: lab_matmul [check | time | packed]
#include <cmath>
#include <cstring>
#include <limits>

#include "cpu/simd.h"
#include "host.h"
#include "peak.h"

using namespace lab;

namespace {

int failures = 0;

// ---- values of any dtype as doubles ----
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
double round_bf16(double x) {
  ik::bf16 h;
  ik::from_float(static_cast<float>(x), h);
  return ik::to_float(h);
}

struct Buffer {
  std::vector<char> bytes;
  int dtype;
  Buffer(size_t n, int dtype, uint32_t seed) : bytes((n + 64) * ik_dtype_bytes(dtype), 0x5a), dtype(dtype) {
    const auto v = normal(n, seed);
    for (size_t i = 0; i < n; ++i) write(bytes.data(), dtype, i, v[i]);
  }
};

struct Case {
  int64_t batch, m, n, k;
  bool ta, tb;           // stored transposed
  int a_batch, b_batch;  // 0 broadcasts
  int64_t pad;           // extra elements between rows
  bool bias;
};

const char* dtype_name(int d) { return d == IK_F32 ? "f32" : d == IK_F64 ? "f64" : d == IK_BF16 ? "bf16" : "f16"; }

std::vector<char> launch(Host& host, const Case& s, int dtype, bool in_bf16, Buffer& a, Buffer& b, Buffer& bias) {
  const int64_t lda = (s.ta ? s.m : s.k) + s.pad, ldb = (s.tb ? s.k : s.n) + s.pad;
  const int64_t a_size = lda * (s.ta ? s.k : s.m), b_size = ldb * (s.tb ? s.n : s.k);
  std::vector<char> c((s.batch * s.m * s.n + 64) * ik_dtype_bytes(dtype), 0x5a);
  ik_attrs_matmul attrs{};
  attrs.bf16 = in_bf16;
  attrs.bias = s.bias;
  std::vector<int64_t> sa{s.m, s.k}, sb{s.k, s.n}, sc{s.m, s.n}, ta{s.ta ? 1 : lda, s.ta ? lda : 1}, tb{s.tb ? 1 : ldb, s.tb ? ldb : 1};
  if (s.batch != 1) {
    sa.insert(sa.begin(), s.batch), sb.insert(sb.begin(), s.batch), sc.insert(sc.begin(), s.batch);
    ta.insert(ta.begin(), s.a_batch * a_size), tb.insert(tb.begin(), s.b_batch * b_size);
  }
  std::vector<ik_view> in{view(a.bytes.data(), dtype, sa, ta), view(b.bytes.data(), dtype, sb, tb)};
  if (s.bias) in.push_back(view(bias.bytes.data(), dtype, {s.n}));
  const int status = host.launch(IK_KERNEL_matmul, in, {view(c.data(), dtype, sc)}, &attrs);
  if (status != IK_OK) std::printf("status %d\n", status), ++failures;
  return c;
}

// W packed once, and a function that multiplies with it.
struct Packed {
  std::vector<char, HugePages<char>> panels;
  Packed(Host& host, const ik_view& w, bool in_bf16) {
    const ik_attrs_pack_weight attrs{in_bf16};
    double bytes = 0;
    host.launch(IK_KERNEL_packed_weight_size, {w}, {lab::view(&bytes, IK_F64, {1})}, &attrs);
    panels.resize(static_cast<size_t>(bytes));
    host.launch(IK_KERNEL_pack_weight, {w}, {view()}, &attrs);
  }
  ik_view view() { return lab::view(panels.data(), IK_U8, {static_cast<int64_t>(panels.size())}); }
};

std::vector<char> launch_packed(Host& host, const Case& s, int dtype, bool in_bf16, Buffer& a, Buffer& b, Buffer& bias) {
  const int64_t lda = (s.ta ? s.m : s.k) + s.pad, ldb = (s.tb ? s.k : s.n) + s.pad;
  std::vector<char> c((s.m * s.n + 64) * ik_dtype_bytes(dtype), 0x5a);
  Packed w(host, view(b.bytes.data(), dtype, {s.n, s.k}, {s.tb ? ldb : 1, s.tb ? 1 : ldb}), in_bf16);
  ik_attrs_matmul_packed attrs{};
  attrs.bf16 = in_bf16;
  attrs.bias = s.bias;
  std::vector<ik_view> in{view(a.bytes.data(), dtype, {s.m, s.k}, {s.ta ? 1 : lda, s.ta ? lda : 1}), w.view()};
  if (s.bias) in.push_back(view(bias.bytes.data(), dtype, {s.n}));
  const int status = host.launch(IK_KERNEL_matmul_packed, in, {view(c.data(), dtype, {s.m, s.n})}, &attrs);
  if (status != IK_OK) std::printf("status %d\n", status), ++failures;
  return c;
}

void check(Host& host, Host& single, const Case& s, int dtype, bool in_bf16, bool special = false) {
  const int64_t lda = (s.ta ? s.m : s.k) + s.pad, ldb = (s.tb ? s.k : s.n) + s.pad;
  const int64_t a_size = lda * (s.ta ? s.k : s.m), b_size = ldb * (s.tb ? s.n : s.k);
  Buffer a(a_size * s.batch, dtype, 1), b(b_size * s.batch, dtype, 2), bias(s.n, dtype, 3);
  if (special && s.m * s.n * s.k > 0) {
    write(a.bytes.data(), dtype, 0, std::numeric_limits<double>::quiet_NaN());
    write(b.bytes.data(), dtype, b_size - 1 - s.pad, std::numeric_limits<double>::infinity());
  }
  const auto c = launch(host, s, dtype, in_bf16, a, b, bias), again = launch(single, s, dtype, in_bf16, a, b, bias);
  const bool weight = s.batch == 1;
  const auto packed = weight ? launch_packed(host, s, dtype, in_bf16, a, b, bias) : c;
  const auto say = [&](const char* what, double got, double want, int64_t i) {
    if (++failures > 20) return;
    std::printf("FAIL %s%s %lldx %lldx%lldx%lld %c%c pad %lld bias %d: %s at %lld: %g, want %g\n", dtype_name(dtype),
                in_bf16 ? "(bf16)" : "", (long long)s.batch, (long long)s.m, (long long)s.n, (long long)s.k, s.ta ? 'T' : 'N',
                s.tb ? 'T' : 'N', (long long)s.pad, s.bias, what, (long long)i, got, want);
  };
  if (c != again) say("other bits on one thread", 0, 0, 0);
  if (weight && packed != launch_packed(single, s, dtype, in_bf16, a, b, bias)) say("packed: other bits on one thread", 0, 0, 0);
  // The path of few rows sums in another order.
  if (s.m > 8 && packed != c) say("packed: other bits", 0, 0, 0);
  // Half a unit in the last place of the result, and the accumulation's error over sum |a b|.
  const double ulp = dtype == IK_F64 ? 0x1p-52 : dtype == IK_F32 ? 0x1p-23 : dtype == IK_F16 ? 0x1p-11 : 0x1p-8;
  const double run = dtype == IK_F64 ? 0x1p-53 : 0x1p-24;
  const int64_t total = s.batch * s.m * s.n, stride = std::max<int64_t>(1, total / 20000);
  for (int64_t i = 0; i < total; i += (i % 7 ? 1 : stride)) {
    const int64_t g = i / (s.m * s.n), r = i / s.n % s.m, j = i % s.n;
    double want = s.bias ? read(bias.bytes.data(), dtype, j) : 0, size = std::abs(want);
    for (int64_t p = 0; p < s.k; ++p) {
      double x = read(a.bytes.data(), dtype, g * s.a_batch * a_size + (s.ta ? p * lda + r : r * lda + p));
      double y = read(b.bytes.data(), dtype, g * s.b_batch * b_size + (s.tb ? j * ldb + p : p * ldb + j));
      if (in_bf16) x = round_bf16(x), y = round_bf16(y);
      want += x * y;
      size += std::abs(x * y);
    }
    const double limit = ulp * std::abs(want) + run * 2 * std::sqrt(double(s.k) + 16) * size + 1e-30;
    for (const auto* result : {&c, &packed}) {
      const double got = read(result->data(), dtype, i);
      const bool same = std::isfinite(want) ? std::abs(got - want) <= limit : std::isnan(want) ? std::isnan(got) : got == want;
      if (!same) say(result == &c ? "value" : "packed: value", got, want, i);
    }
  }
  for (size_t i = total * ik_dtype_bytes(dtype); i < c.size(); ++i)
    if (c[i] != 0x5a || packed[i] != 0x5a) {
      say("wrote past the end", 0, 0, i);
      break;
    }
}

void check_all(Host& host, Host& single) {
  const int64_t sizes[] = {1, 2, 3, 7, 8, 9, 17, 33, 65, 129};
  int cases = 0;
  for (int dtype : {IK_F32, IK_BF16, IK_F16, IK_F64})
    for (int in_bf16 = 0; in_bf16 <= (dtype == IK_F32); ++in_bf16) {
      for (int64_t m : sizes)
        for (int64_t n : {1, 3, 17, 32, 65, 129})
          for (int64_t k : {1, 3, 7, 17, 64, 129}) {
            const int v = ++cases;
            check(host, single, {1, m, n, k, (v & 1) != 0, (v & 2) != 0, 1, 1, v % 3, v % 5 == 0}, dtype, in_bf16, v % 11 == 0);
          }
      for (int t = 0; t < 4; ++t) {
        const bool ta = t & 1, tb = t & 2;
        for (const Case& s : {Case{1, 300, 500, 700, ta, tb, 1, 1, 0, true}, Case{1, 129, 77, 4500, ta, tb, 1, 1, 5, true},
                              Case{1, 77, 129, 4500, ta, tb, 1, 1, 0, false}, Case{1, 5, 777, 1111, ta, tb, 1, 1, 0, true},
                              Case{1, 1, 2048, 1025, ta, tb, 1, 1, 3, true}, Case{6, 33, 65, 17, ta, tb, 1, 1, 2, true},
                              Case{6, 33, 65, 170, ta, tb, 1, 0, 0, true}, Case{6, 33, 65, 170, ta, tb, 0, 1, 1, false},
                              Case{3, 65, 129, 65, ta, tb, 1, 1, 0, false}, Case{5, 1, 65, 170, ta, tb, 1, 0, 0, false},
                              Case{9, 4, 80, 65, ta, tb, 1, 1, 0, true}, Case{2, 0, 4, 3, ta, tb, 1, 1, 0, true},
                              Case{1, 3, 0, 4, ta, tb, 1, 1, 0, false}, Case{1, 3, 40, 0, ta, tb, 1, 1, 0, true},
                              Case{1, 30, 40, 0, ta, tb, 1, 1, 0, true}, Case{1, 30, 40, 0, ta, tb, 1, 1, 0, false},
                              Case{0, 3, 4, 5, ta, tb, 1, 1, 0, true}})
          check(host, single, s, dtype, in_bf16), ++cases;
      }
    }
  std::printf("%s: %d cases, %d failures\n", host.backend->isa, cases, failures);
}

void time_all(Host& host) {
  const double peak = fma_peak(host);
  std::printf("%s, %d threads, f32 FMA peak %.1f GFLOP/s\n", host.backend->isa, host.pool.threads(), peak);
  const int64_t shapes[][3] = {{2048, 2048, 2048}, {1024, 1024, 1024}, {512, 768, 3072}, {2048, 384, 1536}, {2048, 384, 1152},
                               {2048, 384, 4096},  {2048, 1536, 384}, {384, 2048, 1536}, {4096, 2048, 384}, {512, 768, 50257},
                               {512, 512, 512},   {256, 256, 256},   {64, 64, 64},       {16, 16, 16},      {1, 4096, 4096},
                               {4, 4096, 4096},   {8, 4096, 4096}};
  for (int kind = 0; kind < 3; ++kind) {
    const int dtype = kind == 2 ? IK_BF16 : IK_F32;
    const bool in_bf16 = kind == 1;
    for (const auto& [m, k, n] : shapes) {
      Buffer a(m * k, dtype, 1), b(k * n, dtype, 2), bias(n, dtype, 3);
      std::vector<char> c(m * n * ik_dtype_bytes(dtype));
      ik_attrs_matmul attrs{};
      attrs.bf16 = in_bf16;
      std::printf("%-10s %5lldx%5lldx%5lld", kind == 0 ? "f32" : kind == 1 ? "f32(bf16)" : "bf16", (long long)m, (long long)k, (long long)n);
      for (int t = 0; t < 3; ++t) {
        const bool ta = t == 2, tb = t == 1;
        const ik_view va = view(a.bytes.data(), dtype, {m, k}, {ta ? 1 : k, ta ? m : 1});
        const ik_view vb = view(b.bytes.data(), dtype, {k, n}, {tb ? 1 : n, tb ? k : 1});
        const ik_view vc = view(c.data(), dtype, {m, n});
        const double flops = 2.0 * m * n * k;
        const int repeat = static_cast<int>(std::clamp(2e8 / flops, 1.0, 2000.0));
        const double s = median_seconds([&] {
          for (int i = 0; i < repeat; ++i) host.launch(IK_KERNEL_matmul, {va, vb}, {vc}, &attrs);
        }, 7) / repeat;
        const char* name = t == 0 ? "NN" : t == 1 ? "NT" : "TN";
        if (m <= 8) std::printf("  %s %6.1f GB/s", name, (k * n) * ik_dtype_bytes(dtype) / s / 1e9);
        else std::printf("  %s %6.1f (%3.0f%%)", name, flops / s / 1e9, 100 * flops / s / 1e9 / (peak * (kind ? 2 : 1)));
        if (s < 1e-4) std::printf(" %.2fus", s * 1e6);
      }
      std::printf("\n");
      std::fflush(stdout);
    }
  }
}

// x W^T with W as it lies and packed, in turns: microseconds of each by rows of x.
void time_packed(Host& host) {
  const int64_t rows[] = {1, 2, 4, 8, 9, 16, 32, 64, 128, 512};
  for (int kind = 0; kind < 3; ++kind)
    for (const auto& [k, n] : {std::pair<int64_t, int64_t>{768, 3072}, {3072, 768}, {4096, 4096}, {768, 50257}}) {
      const int dtype = kind == 2 ? IK_BF16 : IK_F32;
      const bool in_bf16 = kind == 1;
      Buffer a(512 * k, dtype, 1);
      Huge<char> b(n * k * ik_dtype_bytes(dtype)), c(512 * n * ik_dtype_bytes(dtype));
      const auto some = normal(4096, 2);
      for (int64_t i = 0; i < n * k; ++i) write(b.data(), dtype, i, some[(i * 7 + i / 4096) % 4096]);
      const ik_view w = view(b.data(), dtype, {n, k}), wt = view(b.data(), dtype, {k, n}, {1, k});
      Packed packed(host, w, in_bf16);
      const ik_attrs_pack_weight pack{in_bf16};
      std::printf("%-10s %5lldx%5lld  packing %.2f ms\n", kind == 0 ? "f32" : kind == 1 ? "f32(bf16)" : "bf16", (long long)k, (long long)n,
                  1e3 * median_seconds([&] { host.launch(IK_KERNEL_pack_weight, {w}, {packed.view()}, &pack); }, 5));
      for (int64_t m : rows) {
        ik_attrs_matmul plain{};
        plain.bf16 = in_bf16;
        ik_attrs_matmul_packed kept{};
        kept.bf16 = in_bf16;
        const ik_view va = view(a.bytes.data(), dtype, {m, k}), vc = view(c.data(), dtype, {m, n});
        std::vector<double> one, two;
        for (int round = 0; round < 9; ++round) {
          double start = now();
          host.launch(IK_KERNEL_matmul, {va, wt}, {vc}, &plain);
          one.push_back(now() - start);
          start = now();
          host.launch(IK_KERNEL_matmul_packed, {va, packed.view()}, {vc}, &kept);
          two.push_back(now() - start);
        }
        std::sort(one.begin(), one.end());
        std::sort(two.begin(), two.end());
        const double x = one[4], y = two[4];
        std::printf("  %4lld rows %9.0f us | packed %9.0f us, %5.2f x, %6.1f GFLOP/s, %5.1f GB/s\n", (long long)m, x * 1e6, y * 1e6, x / y,
                    2.0 * m * n * k / y / 1e9, packed.panels.size() / y / 1e9);
      }
      std::fflush(stdout);
    }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string only = argc > 1 ? argv[1] : "";
  Host host;
  if (only == "packed") return time_packed(host), 0;
  if (only != "time") {
    Host single(1);
    check_all(host, single);
    if (failures) return 1;
  }
  if (only != "check") time_all(host);
  return 0;
}
