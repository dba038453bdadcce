// Checks the int8 and quantised products against plain loops, then times them. usage: lab_quantized [check | time]
#include <array>
#include <cmath>
#include <cstring>

#include "host.h"
#include "peak.h"

using namespace lab;

namespace {

int failures = 0;

void expect(bool right, const char* what, int64_t m, int64_t k, int64_t n) {
  if (right || ++failures > 20) return;
  std::printf("FAIL %s %lldx%lldx%lld\n", what, (long long)m, (long long)k, (long long)n);
}

std::vector<int8_t> bytes(size_t n, uint32_t seed) {
  std::mt19937 rng(seed);
  std::vector<int8_t> v(n + 64);
  for (auto& x : v) x = static_cast<int8_t>(rng());
  return v;
}

void check_int8(Host& host, int64_t m, int64_t k, int64_t n, bool ta, bool tb) {
  auto a = bytes(m * k, 1), b = bytes(k * n, 2);
  std::vector<int32_t> c(m * n + 1, 0x5a5a5a5a);
  const ik_attrs_matmul_int8 attrs{0};
  const int status = host.launch(IK_KERNEL_matmul_int8,
                                 {view(a.data(), IK_I8, {m, k}, {ta ? 1 : k, ta ? m : 1}),
                                  view(b.data(), IK_I8, {k, n}, {tb ? 1 : n, tb ? k : 1})},
                                 {view(c.data(), IK_I32, {m, n})}, &attrs);
  expect(status == IK_OK && c[m * n] == 0x5a5a5a5a, "int8 status", m, k, n);
  for (int64_t i = 0; i < m * n; ++i) {
    int32_t want = 0;
    for (int64_t p = 0; p < k; ++p)
      want += a[ta ? p * m + i / n : i / n * k + p] * b[tb ? i % n * k + p : p * n + i % n];
    if (c[i] != want) return expect(false, "int8 value", m, k, n);
  }
}

const char* const names[] = {"q8_0", "q4_0", "int8", "int4"};
constexpr double kBlockBytes[] = {34, 18, 32, 16};

// Weights of a format, from the quantising kernel.
struct Weights {
  Huge<uint8_t> data;
  std::vector<uint8_t> zeros;
  std::vector<float> scales;
  int64_t n, k, format, group_blocks;
  bool zero_points;

  Weights(Host& host, int64_t n, int64_t k, int64_t format, int64_t group_blocks, bool zero_points, std::vector<float> w)
      : n(n), k(k), format(format), group_blocks(group_blocks), zero_points(zero_points) {
    data.resize(n * k / 32 * static_cast<int64_t>(kBlockBytes[format]));
    scales.resize(n * groups());
    zeros.resize(n * groups());
    const ik_attrs_quantize_weights attrs{format, group_blocks, zero_points};
    if (host.launch(IK_KERNEL_quantize_weights, {view(w.data(), IK_F32, {n, k})}, views(), &attrs) != IK_OK) ++failures;
  }
  int64_t groups() const { return (k / 32 + group_blocks - 1) / group_blocks; }
  std::vector<ik_view> views() {
    std::vector<ik_view> list{view(data.data(), IK_U8, {n, k / 32 * static_cast<int64_t>(kBlockBytes[format])})};
    if (format >= 2) list.push_back(view(scales.data(), IK_F32, {n, groups()}));
    if (zero_points) list.push_back(view(zeros.data(), IK_U8, {n, groups()}));
    return list;
  }
};

std::vector<ik_view> with_x(const ik_view& x, std::vector<ik_view> list) {
  list.insert(list.begin(), x);
  return list;
}

void check_quantized(Host& host, Host& single, int64_t m, int64_t k, int64_t n, int64_t format, int64_t group, bool zeros) {
  const auto w = normal(n * k, 1);
  Weights q(host, n, k, format, group, zeros, w);
  std::vector<float> back(n * k), c(m * n), again(m * n);
  const ik_attrs_dequantize_weights decode{format, group, zeros};
  host.launch(IK_KERNEL_dequantize_weights, q.views(), {view(back.data(), IK_F32, {n, k})}, &decode);
  const double levels = format == 1 ? 8 : format == 3 ? 7 : 127;
  for (int64_t i = 0; i < n * k; ++i)
    if (!(std::abs(back[i] - w[i]) <= 5.0 / levels)) return expect(false, "dequantised", m, k, n);
  auto x = normal(m * k, 3);
  const ik_attrs_matmul_quantized attrs{format, group, zeros, 0, 0};
  const auto in = with_x(view(x.data(), IK_F32, {m, k}), q.views());
  host.launch(IK_KERNEL_matmul_quantized, in, {view(c.data(), IK_F32, {m, n})}, &attrs);
  single.launch(IK_KERNEL_matmul_quantized, in, {view(again.data(), IK_F32, {m, n})}, &attrs);
  expect(c == again, "other bits on one thread", m, k, n);
  for (int64_t i = 0; i < m * n; ++i) {
    double want = 0, size = 0;
    for (int64_t p = 0; p < k; ++p) {
      const double product = double(x[i / n * k + p]) * back[i % n * k + p];
      want += product, size += std::abs(product);
    }
    if (!(std::abs(c[i] - want) <= 0x1p-23 * std::sqrt(double(k) + 16) * size)) return expect(false, names[format], m, k, n);
  }
}

void check_all(Host& host, Host& single) {
  int cases = 0;
  for (int64_t m : {1, 3, 14, 15, 40})
    for (int64_t n : {1, 5, 31, 32, 70})
      for (int64_t k : {1, 2, 3, 5, 64, 65, 130, 1500})
        for (int t = 0; t < 4; ++t, ++cases) check_int8(host, m, k, n, t & 1, t & 2);
  for (int64_t format = 0; format < 4; ++format)
    for (int zeros = 0; zeros <= (format >= 2); ++zeros)
      for (int64_t m : {1, 2, 5, 8, 9, 30})
        for (int64_t n : {1, 33, 70})
          for (int64_t k : {32, 160, 2144})
            for (int64_t group : format >= 2 ? std::vector<int64_t>{1, 2, 3, 4, 8, 12} : std::vector<int64_t>{1})
              check_quantized(host, single, m, k, n, format, group, zeros), ++cases;
  std::printf("%s: %d cases, %d failures\n", host.backend->isa, cases, failures);
}

void time_all(Host& host) {
  const double peak = fma_peak(host);
  std::printf("%s, %d threads, f32 FMA peak %.1f GFLOP/s\n", host.backend->isa, host.pool.threads(), peak);
  for (const auto& [m, k, n] : std::initializer_list<std::array<int64_t, 3>>{{512, 768, 3072}, {1024, 1024, 1024}, {2048, 2048, 2048}, {16, 4096, 4096}, {1, 4096, 4096}}) {
    auto a = bytes(m * k, 1), b = bytes(k * n, 2);
    std::vector<float> c(m * n), sa(m, 1.0f), sb(n, 1.0f);
    const ik_attrs_matmul_int8 attrs{1};
    std::printf("int8 %5lldx%5lldx%5lld", (long long)m, (long long)k, (long long)n);
    for (int t = 0; t < 2; ++t) {
      const double s = median_seconds([&] {
        host.launch(IK_KERNEL_matmul_int8,
                    {view(a.data(), IK_I8, {m, k}), view(b.data(), IK_I8, {k, n}, {t ? 1 : n, t ? k : 1}),
                     view(sa.data(), IK_F32, {m}), view(sb.data(), IK_F32, {n})},
                    {view(c.data(), IK_F32, {m, n})}, &attrs);
      }, 15);
      std::printf("  %s %7.1f GOP/s (%3.0f%%)", t ? "NT" : "NN", 2e-9 * m * n * k / s, 2e-7 * m * n * k / s / (4 * peak));
    }
    std::printf("\n");
  }
  for (const auto& [k, n] : std::initializer_list<std::array<int64_t, 2>>{{4096, 4096}, {4096, 32768}})
    for (int64_t format = 0; format < 4; ++format) {
      Weights q(host, n, k, format, 4, false, normal(n * k, 1));
      std::printf("%s %5lldx%5lld", names[format], (long long)k, (long long)n);
      for (int64_t m : {1, 2, 4, 8, 64, 512}) {
        if (m > 8 && n > 4096) continue;
        auto x = normal(m * k, 3);
        std::vector<float> c(m * n);
        const ik_attrs_matmul_quantized attrs{format, 4, 0, 0, 0};
        const auto in = with_x(view(x.data(), IK_F32, {m, k}), q.views());
        const double s = median_seconds([&] {
          host.launch(IK_KERNEL_matmul_quantized, in, {view(c.data(), IK_F32, {m, n})}, &attrs);
        }, 9);
        if (m <= 8) std::printf("  M=%lld %5.1f GB/s", (long long)m, q.data.size() / s / 1e9);
        else std::printf("  M=%lld %5.1f GFLOP/s", (long long)m, 2e-9 * m * n * k / s);
      }
      std::printf("\n");
      std::fflush(stdout);
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
