// Checks the convolution and recurrence kernels: values against plain double loops, and the same bits on one thread and
// on several; then times them. usage: lab_conv [check | time [part of a name]]
#include <cmath>
#include <string>

#include "peak.h"
#include "reference.h"

using namespace lab;

namespace {

struct Conv {
  int64_t n, c, h, w, o, kh, kw, groups, stride, pad, dilation;
  int64_t oh() const { return (h + 2 * pad - dilation * (kh - 1) - 1) / stride + 1; }
  int64_t ow() const { return (w + 2 * pad - dilation * (kw - 1) - 1) / stride + 1; }
  double flops() const { return 2.0 * n * o * oh() * ow() * (c / groups) * kh * kw; }
  std::string name() const {
    return std::to_string(n) + "x" + std::to_string(c) + "x" + std::to_string(h) + "x" + std::to_string(w) + " to " + std::to_string(o) + ", " +
           std::to_string(kh) + "x" + std::to_string(kw) + " /" + std::to_string(groups) + " stride " + std::to_string(stride);
  }
};

Tensor drawn(int32_t dtype, std::vector<int64_t> shape, uint32_t seed, float std = 1.0f) {
  Tensor t(dtype, shape);
  const auto v = normal(static_cast<size_t>(t.numel()), seed, std);
  for (size_t i = 0; i < v.size(); ++i) t.set(static_cast<int64_t>(i), v[i]);
  return t;
}

// The three products of one convolution, in double, over all their terms.
struct Sums {
  std::vector<double> y, dx, dw;
};
Sums reference(const Conv& p, const Tensor& x, const Tensor& w, const Tensor& dy) {
  Sums s{std::vector<double>(dy.numel()), std::vector<double>(x.numel()), std::vector<double>(w.numel())};
  const int64_t in = p.c / p.groups, out = p.o / p.groups;
  for (int64_t n = 0; n < p.n; ++n)
    for (int64_t o = 0; o < p.o; ++o)
      for (int64_t t = 0; t < p.oh(); ++t)
        for (int64_t u = 0; u < p.ow(); ++u)
          for (int64_t c = 0; c < in; ++c)
            for (int64_t i = 0; i < p.kh; ++i)
              for (int64_t j = 0; j < p.kw; ++j) {
                const int64_t r = t * p.stride - p.pad + i * p.dilation, q = u * p.stride - p.pad + j * p.dilation;
                if (r < 0 || r >= p.h || q < 0 || q >= p.w) continue;
                const int64_t iy = ((n * p.o + o) * p.oh() + t) * p.ow() + u;
                const int64_t ix = ((n * p.c + o / out * in + c) * p.h + r) * p.w + q, iw = ((o * in + c) * p.kh + i) * p.kw + j;
                s.y[iy] += x.get(ix) * w.get(iw);
                s.dx[ix] += dy.get(iy) * w.get(iw);
                s.dw[iw] += dy.get(iy) * x.get(ix);
              }
  return s;
}

void check_conv(Host& host, Host& single, const Conv& p, int32_t dtype, Check& check) {
  const Tensor x = drawn(dtype, {p.n, p.c, p.h, p.w}, 1), w = drawn(dtype, {p.o, p.c / p.groups, p.kh, p.kw}, 2);
  const Tensor dy = drawn(dtype, {p.n, p.o, p.oh(), p.ow()}, 3);
  const Sums exact = reference(p, x, w, dy);
  const ik_attrs_conv2d a{p.stride, p.stride, p.pad, p.pad, p.dilation, p.dilation, p.groups};
  const auto run = [&](const char* what, ik_kernel_id kernel, const Tensor& l, const Tensor& r, const Tensor& like, const std::vector<double>& want) {
    Tensor out(dtype, like.shape), again(dtype, like.shape);
    const int status = host.launch(kernel, {l.view(), r.view()}, {out.view()}, &a);
    single.launch(kernel, {l.view(), r.view()}, {again.view()}, &a);
    const std::string name = std::string(kDtypeNames[dtype]) + " " + what + " " + p.name();
    check.that(status == IK_OK, name + ": status");
    check.that(out.bytes == again.bytes, name + ": other bits on one thread");
    check.that(!out.overrun(), name + ": wrote past the end");
    const double unit = dtype == IK_F64 ? 1e-13 : dtype == IK_F32 ? 1e-5 : dtype == IK_F16 ? 2e-3 : 1.6e-2;
    for (size_t i = 0; i < want.size(); ++i)
      check.near(out.get(static_cast<int64_t>(i)), want[i], unit * (std::fabs(want[i]) + std::sqrt(p.flops() / want.size())), name);
  };
  run("y", IK_KERNEL_conv2d, x, w, dy, exact.y);
  run("dx", IK_KERNEL_conv2d_grad_input, w, dy, x, exact.dx);
  run("dw", IK_KERNEL_conv2d_grad_weight, x, dy, w, exact.dw);
}

// One layer of `gates` gates: the tensors of both kernels.
struct Layer {
  int64_t T, B, H, gates;
  Tensor x, w, bias, h0, c0, y, c, saved, dy, dx, dq, dh0, dc0;
  Layer(int64_t T, int64_t B, int64_t H, int64_t gates)
      : T(T), B(B), H(H), gates(gates), x(drawn(IK_F32, {T, B, gates * H}, 1)), w(drawn(IK_F32, {gates * H, H}, 2, 0.05f)),
        bias(drawn(IK_F32, {gates * H}, 3)), h0(drawn(IK_F32, {B, H}, 4)), c0(drawn(IK_F32, {B, H}, 5)), y(IK_F32, {T, B, H}),
        c(IK_F32, {T, B, H}), saved(IK_F32, {T, B, 4 * H}), dy(drawn(IK_F32, {T, B, H}, 6)), dx(IK_F32, {T, B, gates * H}),
        dq(IK_F32, {T, B, gates * H}), dh0(IK_F32, {B, H}), dc0(IK_F32, {B, H}) {}
  void forward(Host& host) {
    const ik_attrs_lstm a{0};
    if (gates == 4) host.launch(IK_KERNEL_lstm, {x.view(), w.view(), h0.view(), c0.view()}, {y.view(), c.view(), saved.view()}, &a);
    else host.launch(IK_KERNEL_gru, {x.view(), w.view(), bias.view(), h0.view()}, {y.view(), saved.view()}, &a);
  }
  void backward(Host& host) {
    const ik_attrs_lstm_grad a{0};
    if (gates == 4)
      host.launch(IK_KERNEL_lstm_grad, {w.view(), c0.view(), c.view(), saved.view(), dy.view()}, {dx.view(), dh0.view(), dc0.view()}, &a);
    else host.launch(IK_KERNEL_gru_grad, {w.view(), h0.view(), y.view(), saved.view(), dy.view()}, {dx.view(), dq.view(), dh0.view()}, &a);
  }
  double flops() const { return 2.0 * T * B * gates * H * H; }
};

void check_layer(Host& host, Host& single, int64_t gates, Check& check) {
  Layer a(7, 33, 96, gates), b(7, 33, 96, gates);
  a.forward(host), a.backward(host);
  b.forward(single), b.backward(single);
  check.that(a.y.bytes == b.y.bytes && a.dx.bytes == b.dx.bytes && a.dh0.bytes == b.dh0.bytes, "recurrence: other bits on one thread");
}

// `only` is a part of a case's name, or empty.
void time_all(Host& host, const std::string& only) {
  const double peak = fma_peak(host);
  std::printf("%s, %d threads, f32 FMA peak %.1f GFLOP/s\n", host.backend->isa, host.pool.threads(), peak);
  for (const Conv& p : {Conv{8, 64, 56, 56, 64, 3, 3, 1, 1, 1, 1}, Conv{8, 256, 28, 28, 64, 1, 1, 1, 1, 0, 1},
                        Conv{8, 512, 7, 7, 512, 3, 3, 1, 1, 1, 1}, Conv{4, 3, 224, 224, 64, 7, 7, 1, 2, 3, 1},
                        Conv{8, 128, 56, 56, 128, 3, 3, 128, 1, 1, 1}, Conv{16, 128, 1, 512, 128, 1, 5, 1, 1, 0, 1}}) {
    if (p.name().find(only) == std::string::npos) continue;
    Tensor x = drawn(IK_F32, {p.n, p.c, p.h, p.w}, 1), w = drawn(IK_F32, {p.o, p.c / p.groups, p.kh, p.kw}, 2);
    Tensor y = drawn(IK_F32, {p.n, p.o, p.oh(), p.ow()}, 3);
    const ik_attrs_conv2d a{p.stride, p.stride, p.pad, p.pad, p.dilation, p.dilation, p.groups};
    const double s[] = {
        median_seconds([&] { host.launch(IK_KERNEL_conv2d, {x.view(), w.view()}, {y.view()}, &a); }, 5),
        median_seconds([&] { host.launch(IK_KERNEL_conv2d_grad_input, {w.view(), y.view()}, {x.view()}, &a); }, 5),
        median_seconds([&] { host.launch(IK_KERNEL_conv2d_grad_weight, {x.view(), y.view()}, {w.view()}, &a); }, 5),
    };
    std::printf("%-50s", p.name().c_str());
    for (int i = 0; i < 3; ++i)
      std::printf("  %s %7.3f ms %6.1f (%3.0f%%)", i == 0 ? "y" : i == 1 ? "dx" : "dw", s[i] * 1e3, p.flops() / s[i] / 1e9, 100 * p.flops() / s[i] / 1e9 / peak);
    std::printf("\n");
  }
  for (int64_t gates : {4, 3}) {
    if (std::string(gates == 4 ? "lstm" : "gru").find(only) == std::string::npos) continue;
    Layer l(128, 32, 256, gates);
    const double f = median_seconds([&] { l.forward(host); }, 5), b = median_seconds([&] { l.backward(host); }, 5);
    std::printf("%s 128x32, H 256: forward %.3f ms %.1f (%.0f%%), backward %.3f ms %.1f (%.0f%%)\n", gates == 4 ? "lstm" : "gru", f * 1e3,
                l.flops() / f / 1e9, 100 * l.flops() / f / 1e9 / peak, b * 1e3, l.flops() / b / 1e9, 100 * l.flops() / b / 1e9 / peak);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string only = argc > 1 ? argv[1] : "";
  Host host;
  if (only != "time") {
    Host single(1);
    Check check;
    for (int32_t dtype : {IK_F32, IK_F64, IK_BF16, IK_F16})
      for (const Conv& p : {Conv{3, 8, 13, 21, 20, 3, 3, 1, 1, 1, 1}, Conv{2, 6, 12, 19, 34, 3, 2, 2, 2, 1, 2},
                            Conv{2, 140, 9, 9, 16, 3, 3, 1, 1, 1, 1}, Conv{2, 9, 17, 40, 18, 3, 3, 9, 2, 2, 1},
                            Conv{2, 40, 10, 11, 15, 1, 1, 1, 1, 0, 1}, Conv{1, 3, 30, 33, 16, 7, 7, 1, 2, 3, 1},
                            Conv{2, 5, 7, 7, 7, 1, 1, 1, 3, 0, 1}, Conv{9, 4, 1, 1, 40, 1, 1, 1, 1, 0, 1},
                            Conv{3, 5, 7, 7, 48, 3, 3, 1, 1, 1, 1}, Conv{2, 5, 6, 29, 33, 3, 5, 1, 2, 2, 1},
                            Conv{2, 60, 9, 5, 64, 3, 3, 2, 1, 2, 2}, Conv{1, 3, 20, 31, 32, 7, 7, 1, 2, 3, 1}})
        check_conv(host, single, p, dtype, check);
    for (int64_t gates : {4, 3}) check_layer(host, single, gates, check);
    if (check.done("conv")) return 1;
  }
  if (only != "check") time_all(host, argc > 2 ? argv[2] : "");
  return 0;
}
