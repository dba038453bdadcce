// Checks the elementwise kernels, copies, fills and random numbers against double references, then times them.
#include <map>

#include "reference.h"

using namespace lab;

namespace {

Check check;

double phi(double x) { return 0.5 * std::erfc(-x * M_SQRT1_2); }
double density(double x) { return std::exp(-0.5 * x * x) / std::sqrt(2 * M_PI); }
double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }
double tanh_argument(double x) { return std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x); }

struct Unary {
  ik_kernel_id id;
  const char* name;
  double (*exact)(double);
  double ulps;      // allowed over all floats, and
  double absolute;  // this much besides
};
const Unary kUnary[] = {
    {IK_KERNEL_neg, "neg", [](double x) { return -x; }, 0, 0},
    {IK_KERNEL_abs, "abs", [](double x) { return std::fabs(x); }, 0, 0},
    {IK_KERNEL_sign, "sign", [](double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : x; }, 0, 0},
    {IK_KERNEL_exp, "exp", [](double x) { return std::exp(x); }, 2, 0},
    {IK_KERNEL_log, "log", [](double x) { return std::log(x); }, 2, 0},
    {IK_KERNEL_sqrt, "sqrt", [](double x) { return std::sqrt(x); }, 0.501, 0},
    {IK_KERNEL_rsqrt, "rsqrt", [](double x) { return 1 / std::sqrt(x); }, 2, 0},
    {IK_KERNEL_reciprocal, "reciprocal", [](double x) { return 1 / x; }, 0.501, 0},
    {IK_KERNEL_sin, "sin", [](double x) { return std::sin(x); }, 2, 0},
    {IK_KERNEL_cos, "cos", [](double x) { return std::cos(x); }, 2, 0},
    {IK_KERNEL_tanh, "tanh", [](double x) { return std::tanh(x); }, 2, 0},
    {IK_KERNEL_sigmoid, "sigmoid", sigmoid, 3, 0},
    {IK_KERNEL_relu, "relu", [](double x) { return x < 0 ? 0 : x; }, 0, 0},
    {IK_KERNEL_erf, "erf", [](double x) { return std::erf(x); }, 2, 0},
    // The rounding of x^2 / 2 before the exponential shows in the tail.
    {IK_KERNEL_gelu, "gelu", [](double x) { return x * phi(x); }, 8, 1e-9},
    {IK_KERNEL_gelu_tanh, "gelu_tanh", [](double x) { return x * 0.5 * (1 + std::tanh(tanh_argument(x))); }, 4, 2e-7},
    {IK_KERNEL_silu, "silu", [](double x) { return x / (1 + std::exp(-x)); }, 4, 1e-36},
    {IK_KERNEL_floor, "floor", [](double x) { return std::floor(x); }, 0, 0},
    {IK_KERNEL_ceil, "ceil", [](double x) { return std::ceil(x); }, 0, 0},
    {IK_KERNEL_round, "round", [](double x) { return std::nearbyint(x); }, 0, 0},
};

struct Binary {
  ik_kernel_id id;
  const char* name;
  double (*exact)(double, double);
  double ulps, absolute;
  bool integers;
};
const Binary kBinary[] = {
    {IK_KERNEL_add, "add", [](double a, double b) { return a + b; }, 0.501, 0, true},
    {IK_KERNEL_sub, "sub", [](double a, double b) { return a - b; }, 0.501, 0, true},
    {IK_KERNEL_mul, "mul", [](double a, double b) { return a * b; }, 0.501, 0, true},
    {IK_KERNEL_div, "div", [](double a, double b) { return a / b; }, 0.501, 0, true},
    {IK_KERNEL_pow, "pow", [](double a, double b) { return std::pow(a, b); }, 2, 0, false},
    {IK_KERNEL_maximum, "maximum", [](double a, double b) { return a != a || b != b ? kNaN : std::max(a, b); }, 0, 0, true},
    {IK_KERNEL_minimum, "minimum", [](double a, double b) { return a != a || b != b ? kNaN : std::min(a, b); }, 0, 0, true},
    {IK_KERNEL_gelu_grad, "gelu_grad", [](double x, double d) { return d * (phi(x) + x * density(x)); }, 8, 4e-7, false},
    {IK_KERNEL_gelu_tanh_grad, "gelu_tanh_grad",
     [](double x, double d) {
       const double t = std::tanh(tanh_argument(x));
       return d * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * std::sqrt(2 / M_PI) * (1 + 3 * 0.044715 * x * x));
     },
     8, 1e-6, false},
    {IK_KERNEL_silu_grad, "silu_grad",
     [](double x, double d) { return d * sigmoid(x) * (1 + x * (1 - sigmoid(x))); }, 8, 4e-7, false},
};

struct Comparison {
  ik_kernel_id id;
  const char* name;
  bool (*exact)(double, double);
};
const Comparison kComparisons[] = {
    {IK_KERNEL_eq, "eq", [](double a, double b) { return a == b; }},
    {IK_KERNEL_ne, "ne", [](double a, double b) { return a != b; }},
    {IK_KERNEL_lt, "lt", [](double a, double b) { return a < b; }},
    {IK_KERNEL_le, "le", [](double a, double b) { return a <= b; }},
    {IK_KERNEL_gt, "gt", [](double a, double b) { return a > b; }},
    {IK_KERNEL_ge, "ge", [](double a, double b) { return a >= b; }},
};

std::mt19937_64 rng(20240607);
double gaussian(double std = 1.0) { return std::normal_distribution<double>(0.0, std)(rng); }
int whole(int low, int high) { return static_cast<int>(low + static_cast<int64_t>(rng() % static_cast<uint64_t>(high - low + 1))); }

constexpr double kSpecial[] = {0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.5, -2.5, 3.5, kInf, -kInf, kNaN, 1e-45, -1e-45, 1e-40,
                               1.1754944e-38, 3.4028235e38, -3.4028235e38, 88.7, 88.8, 89.5, -87.4, -100.0, -103.9, -105.0,
                               8388607.5, 8388609.0, 1e6, 1.0e6 + 1, 3e9, 1e30, 0.625, -0.625, 0.92, 4.0, 3.14159274, 1.57079637};

bool supported(Host& host, ik_kernel_id id, const std::vector<ik_view>& in, const ik_view& out, const std::string& what) {
  const int32_t status = host.launch(id, in, {out}, nullptr);
  check.that(status == IK_OK, what + ": status " + std::to_string(status));
  return status == IK_OK;
}

// Every float function over random bit patterns and the usual range.
void check_accuracy(Host& host) {
  const int64_t n = 400003;
  for (const int32_t dtype : {IK_F32, IK_F64, IK_BF16, IK_F16})
    for (const Unary& u : kUnary) {
      Tensor x(dtype, {n}), y(dtype, {n});
      int64_t i = 0;
      for (double s : kSpecial) x.set(i++, s);
      for (; i < n / 2; ++i)
        x.set(i, dtype == IK_F64 ? gaussian(3.0) : ik::bits_to_float(static_cast<uint32_t>(rng())));
      for (; i < n; ++i) x.set(i, gaussian(4.0));
      if (!supported(host, u.id, {x.view()}, y.view(), std::string(u.name) + " " + kDtypeNames[dtype])) continue;
      double worst = 0.0, worst_at = 0.0;
      // 16-bit results are the f32 result rounded once; f64 is the C library's, but for composed formulas.
      const double allowed = dtype == IK_F32 ? u.ulps : dtype == IK_F64 ? 8 : 0.51 + u.ulps / 8;
      for (i = 0; i < n; ++i) {
        const double exact = u.exact(x.get(i));
        if (std::fabs(y.get(i) - exact) <= u.absolute) continue;
        double d = ulps(y.get(i), exact, dtype);
        if (exact == 0 && y.get(i) == 0 && std::signbit(exact) != std::signbit(y.get(i)) && u.ulps == 0) d = kInf;
        if (!(d <= worst)) worst = d, worst_at = x.get(i);
      }
      if (dtype == IK_F32) std::printf("  %-12s %.3f ulp at %.9g\n", u.name, worst, worst_at);
      check.that(worst <= allowed && !y.overrun(), std::string(u.name) + " " + kDtypeNames[dtype] + ": " + std::to_string(worst) +
                                         " ulp at " + std::to_string(worst_at));
    }
  for (const int32_t dtype : {IK_F32, IK_F64, IK_BF16, IK_F16})
    for (const Binary& b : kBinary) {
      Tensor x(dtype, {n}), z(dtype, {n}), y(dtype, {n});
      int64_t i = 0;
      for (double s : kSpecial)
        for (double t : kSpecial) {
          x.set(i, s);
          z.set(i++, t);
        }
      for (; i < n; ++i) {
        const bool positive = b.id == IK_KERNEL_pow && i % 8;
        x.set(i, positive ? std::exp(gaussian(3.0)) : gaussian(4.0));
        z.set(i, i % 16 == 0 ? whole(-9, 9) : gaussian(i % 2 ? 2.0 : 15.0));
      }
      if (!supported(host, b.id, {x.view(), z.view()}, y.view(), std::string(b.name) + " " + kDtypeNames[dtype])) continue;
      double worst = 0.0, at = 0.0, with = 0.0;
      const double allowed = dtype == IK_F32 ? b.ulps : dtype == IK_F64 ? 8 : 0.51 + b.ulps / 8;
      for (i = 0; i < n; ++i) {
        const double exact = b.exact(x.get(i), z.get(i));
        // The gradients' special values are x * 0 with x infinite or dy infinite: compared only where finite.
        const bool gradient = b.ulps == 8;
        if (gradient && !(std::fabs(x.get(i)) < 1e4 && std::fabs(z.get(i)) < 1e4)) continue;
        if (std::fabs(y.get(i) - exact) <= b.absolute * (gradient ? 1 + std::fabs(z.get(i)) : 0)) continue;
        const double d = ulps(y.get(i), exact, dtype);
        if (!(d <= worst)) worst = d, at = x.get(i), with = z.get(i);
      }
      if (dtype == IK_F32) std::printf("  %-12s %.3f ulp at %.9g, %.9g\n", b.name, worst, at, with);
      check.that(worst <= allowed, std::string(b.name) + " " + kDtypeNames[dtype] + ": " + std::to_string(worst) + " ulp at " +
                                       std::to_string(at) + ", " + std::to_string(with));
    }
}

Tensor random_tensor(int32_t dtype, std::vector<int64_t> shape) {
  Tensor t(dtype, shape);
  t.fill([&] { return dtype == IK_BOOL ? whole(0, 1) : dtype == IK_U8 ? whole(0, 255) : dtype == IK_I32 ? whole(-50, 50) : gaussian(); });
  return t;
}

double integer(const Binary& b, double x, double y, int32_t dtype) {
  double r = b.id == IK_KERNEL_div ? (y == 0 ? 0 : std::trunc(x / y)) : b.exact(x, y);
  if (dtype == IK_U8) r = static_cast<double>(static_cast<uint8_t>(static_cast<int64_t>(r)));
  return r;
}

// The views a binary kernel can meet over a shape, all of the same logical [a, b, c].
std::vector<Tensor> layouts(int32_t dtype, int64_t a, int64_t b, int64_t c) {
  std::vector<Tensor> all{random_tensor(dtype, {a, b, c})};
  all.push_back(random_tensor(dtype, {c, b, a}).permuted({2, 1, 0}));
  all.push_back(random_tensor(dtype, {b, c, a}).permuted({2, 0, 1}));
  Tensor cut = random_tensor(dtype, {a, b, 2 * c + 1});
  cut.shape[2] = c;
  cut.stride[2] = 2;
  all.push_back(cut);
  Tensor padded = random_tensor(dtype, {a, b + 1, c + 3});
  padded.shape = {a, b, c};
  all.push_back(padded);
  for (int mask = 1; mask < 8; ++mask) {  // broadcast along the axes of the mask
    Tensor t = random_tensor(dtype, {mask & 1 ? 1 : a, mask & 2 ? 1 : b, mask & 4 ? 1 : c});
    t.shape = {a, b, c};
    for (int d = 0; d < 3; ++d)
      if (mask >> d & 1) t.stride[d] = 0;
    all.push_back(t);
  }
  return all;
}

void check_layouts(Host& host) {
  const std::vector<std::vector<int64_t>> shapes = {{3, 5, 7}, {2, 3, 300}, {1, 1, 1}, {4, 70, 129}, {0, 3, 5}, {3, 0, 2}, {67, 3, 2}};
  for (const int32_t dtype : {IK_F32, IK_F64, IK_BF16, IK_F16, IK_I32, IK_U8})
    for (const auto& s : shapes) {
      const auto as = layouts(dtype, s[0], s[1], s[2]), bs = layouts(dtype, s[0], s[1], s[2]);
      for (const Tensor& x : as)
        for (const Tensor& z : bs)
          for (const Binary& b : {kBinary[0], kBinary[3], kBinary[6]}) {
            const bool integers = dtype == IK_I32 || dtype == IK_U8;
            Tensor y(dtype, s);
            const std::string what = std::string(b.name) + " layouts " + kDtypeNames[dtype];
            if (!supported(host, b.id, {x.view(), z.view()}, y.view(), what)) continue;
            bool same = !y.overrun();
            for (int64_t i = 0; i < y.numel() && same; ++i) {
              const double exact = integers ? integer(b, x.at(i), z.at(i), dtype) : b.exact(x.at(i), z.at(i));
              same = integers ? y.get(i) == exact : ulps(y.get(i), exact, dtype) <= 0.51;
            }
            check.that(same, what);
          }
      for (const Tensor& x : as)
        for (const Comparison& c : kComparisons) {
          const Tensor& z = bs[1];
          Tensor y(IK_BOOL, s);
          if (!supported(host, c.id, {x.view(), z.view()}, y.view(), c.name)) continue;
          bool same = !y.overrun();
          for (int64_t i = 0; i < y.numel(); ++i) same &= y.get(i) == c.exact(x.at(i), z.at(i));
          check.that(same, c.name);
        }
    }
}

void check_in_place_and_threads(Host& one, Host& two) {
  for (const int32_t dtype : {IK_F32, IK_F64, IK_BF16, IK_I32}) {
    for (const int64_t n : {1, 15, 16, 17, 1000, 33000, 100001}) {
      const Tensor x = random_tensor(dtype, {n}), z = random_tensor(dtype, {n});
      Tensor y(dtype, {n}), alias = x, alias_b = z;
      two.launch(IK_KERNEL_add, {x.view(), z.view()}, {y.view()}, nullptr);
      one.launch(IK_KERNEL_add, {alias.view(), z.view()}, {alias.view()}, nullptr);
      one.launch(IK_KERNEL_add, {x.view(), alias_b.view()}, {alias_b.view()}, nullptr);
      check.that(y.bytes == alias.bytes && y.bytes == alias_b.bytes, "add in place");
      if (dtype == IK_I32) continue;
      for (const Unary& u : kUnary) {
        Tensor a(dtype, {n}), b = x;
        two.launch(u.id, {x.view()}, {a.view()}, nullptr);
        one.launch(u.id, {b.view()}, {b.view()}, nullptr);
        check.that(a.bytes == b.bytes, std::string(u.name) + " in place, and on one thread");
      }
    }
  }
}

double converted(double x, int32_t from, int32_t to) {
  if (to == IK_BOOL) return x != 0;
  // Integers wrap, floats are cut off and kept within bounds.
  const auto whole = [&]<class I>(I) -> double {
    if (from >= IK_I32) return static_cast<I>(static_cast<int64_t>(x));
    constexpr double low = std::numeric_limits<I>::min(), high = std::numeric_limits<I>::max();
    return x != x ? 0 : std::trunc(std::min(high, std::max(low, x)));
  };
  if (to == IK_I32) return whole(int32_t{});
  if (to == IK_U8) return whole(uint8_t{});
  if (to == IK_I8) return whole(int8_t{});
  Tensor one(to, {1});
  one.set(0, x);
  return one.get(0);
}

void check_copies(Host& host) {
  for (int32_t from = 0; from < IK_DTYPE_COUNT; ++from)
    for (int32_t to = 0; to < IK_DTYPE_COUNT; ++to)
      for (const auto& s : std::vector<std::vector<int64_t>>{{3, 5, 7}, {2, 65, 70}, {40, 3, 33}, {0, 2, 2}, {1, 1, 1}}) {
        auto sources = layouts(from, s[0], s[1], s[2]);
        if (from <= IK_F16 && sources[0].numel() > 20)
          for (size_t i = 0; i < 12; ++i) sources[0].set(static_cast<int64_t>(i), kSpecial[i]);
        for (const Tensor& x : sources) {
          Tensor dense(to, s), turned = Tensor(to, {s[2], s[0], s[1]}).permuted({1, 2, 0}), wide(to, {s[0], s[1], 2 * s[2]});
          wide.shape[2] = s[2];
          wide.stride[2] = 2;
          for (Tensor* y : {&dense, &turned, &wide}) {
            const std::string what = std::string("copy ") + kDtypeNames[from] + " to " + kDtypeNames[to];
            if (!supported(host, IK_KERNEL_copy, {x.view()}, y->view(), what)) continue;
            bool same = !y->overrun();
            for (int64_t i = 0; i < x.numel(); ++i) {
              const double exact = converted(x.at(i), from, to), got = y->at(i);
              same &= got == exact || (got != got && exact != exact);
            }
            check.that(same, what);
          }
        }
      }
}

void check_where_fill_arange(Host& host) {
  for (int32_t dtype = 0; dtype < IK_DTYPE_COUNT; ++dtype) {
    const auto as = layouts(dtype, 3, 17, 70), bs = layouts(dtype, 3, 17, 70), cs = layouts(IK_BOOL, 3, 17, 70);
    for (size_t i = 0; i < as.size(); ++i) {
      const Tensor &c = cs[i], &a = as[(i + 3) % as.size()], &b = bs[(i * 5 + 1) % bs.size()];
      Tensor y(dtype, {3, 17, 70});
      if (!supported(host, IK_KERNEL_where, {c.view(), a.view(), b.view()}, y.view(), "where")) continue;
      bool same = !y.overrun();
      for (int64_t k = 0; k < y.numel(); ++k) same &= y.get(k) == (c.at(k) ? a.at(k) : b.at(k));
      check.that(same, "where");
    }
    for (const double value : {0.0, 1.0, 7.3}) {
      Tensor y = Tensor(dtype, {5, 40, 33}).permuted({2, 0, 1});
      const ik_attrs_fill attrs{value};
      check.that(host.launch(IK_KERNEL_fill, {}, {y.view()}, &attrs) == IK_OK, "fill");
      bool same = !y.overrun();
      for (int64_t k = 0; k < y.numel(); ++k) same &= y.at(k) == converted(value, IK_F64, dtype);
      check.that(same, "fill");
    }
    if (dtype >= IK_U8) continue;
    for (const int64_t n : {0, 1, 100, 70000}) {
      Tensor y(dtype, {n});
      const ik_attrs_arange attrs{-3.0, 0.25};
      check.that(host.launch(IK_KERNEL_arange, {}, {y.view()}, &attrs) == IK_OK, "arange");
      bool same = !y.overrun();
      for (int64_t k = 0; k < n; ++k) same &= y.get(k) == converted(-3.0 + 0.25 * static_cast<double>(k), IK_F64, dtype);
      check.that(same, "arange");
    }
  }
}

// Philox written out for one block, and checked against the known answers published with Random123.
void philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
  uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]}, k[2] = {key[0], key[1]};
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = 0xD2511F53ull * c[0], p1 = 0xCD9E8D57ull * c[2];
    const uint32_t next[4] = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k[0], static_cast<uint32_t>(p1),
                              static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k[1], static_cast<uint32_t>(p0)};
    std::memcpy(c, next, sizeof c);
    k[0] += 0x9E3779B9u;
    k[1] += 0xBB67AE85u;
  }
  std::memcpy(out, c, sizeof c);
}

void check_random(Host& one, Host& two) {
  const uint32_t known[3][10] = {
      {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
      {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
      {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}};
  for (const auto& k : known) {
    uint32_t out[4];
    philox(k, k + 4, out);
    check.that(std::memcmp(out, k + 6, sizeof out) == 0, "Philox known answer");
  }
  const int64_t seed = 0x299f31d0a4093822, offset = 0x85a308d3;
  const int64_t n = 100003;
  for (const int32_t dtype : {IK_F32, IK_F64}) {
    Tensor u(dtype, {n}), again(dtype, {n}), z(dtype, {n}), part(dtype, {64}), whole_range(dtype, {n});
    const ik_attrs_uniform unit{seed, offset, 0.0, 1.0};
    two.launch(IK_KERNEL_uniform, {}, {u.view()}, &unit);
    one.launch(IK_KERNEL_uniform, {}, {again.view()}, &unit);
    check.that(u.bytes == again.bytes, "uniform on one and two threads");
    const ik_attrs_normal standard{seed, offset, 0.0, 1.0};
    two.launch(IK_KERNEL_normal, {}, {z.view()}, &standard);
    one.launch(IK_KERNEL_normal, {}, {again.view()}, &standard);
    check.that(z.bytes == again.bytes, "normal on one and two threads");
    double mean = 0, square = 0, zmean = 0, zsquare = 0;
    for (int64_t i = 0; i < n; ++i) {
      const int64_t per = dtype == IK_F64 ? 2 : 4;
      const uint64_t block = static_cast<uint64_t>(offset + i / per);
      const uint32_t counter[4] = {static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32), 0, 0};
      const uint32_t key[2] = {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)};
      uint32_t w[4];
      philox(counter, key, w);
      const auto wide = [&](int a) { return std::ldexp(static_cast<double>((static_cast<uint64_t>(w[a]) << 32 | w[a + 1]) >> 11), -53); };
      const auto narrow = [&](int a) { return std::ldexp(static_cast<double>(w[a] >> 8), -24); };
      const double expected = per == 2 ? wide(static_cast<int>(i % 2) * 2) : narrow(static_cast<int>(i % 4));
      check.that(u.get(i) == expected, "uniform element");
      const int pair = static_cast<int>(i % 4) / 2 * 2;
      const double u1 = per == 2 ? wide(0) : narrow(pair), u2 = per == 2 ? wide(2) : narrow(pair + 1);
      const double radius = std::sqrt(-2 * std::log(1 - u1)), angle = 2 * M_PI * u2;
      check.near(z.get(i), i % 2 ? radius * std::sin(angle) : radius * std::cos(angle), dtype == IK_F32 ? 4e-6 : 1e-14, "normal element");
      mean += u.get(i) / n;
      square += u.get(i) * u.get(i) / n;
      zmean += z.get(i) / n;
      zsquare += z.get(i) * z.get(i) / n;
    }
    check.near(mean, 0.5, 0.005, "mean of uniform");
    check.near(square, 1.0 / 3, 0.005, "mean square of uniform");
    check.near(zmean, 0.0, 0.015, "mean of normal");
    check.near(zsquare, 1.0, 0.02, "variance of normal");
  }
  for (const int32_t dtype : {IK_F32, IK_BF16, IK_F16, IK_F64}) {
    Tensor u(dtype, {n});
    for (const auto& [low, high] : {std::pair{1.0, 2.0}, {-2.0, -1.0}, {-1.0, 0.0}, {0.0, 1.0}, {3.0, 3.0}}) {
      const ik_attrs_uniform attrs{7, 3, low, high};
      two.launch(IK_KERNEL_uniform, {}, {u.view()}, &attrs);
      bool inside = true;
      for (int64_t i = 0; i < n; ++i) inside &= u.get(i) >= low && (u.get(i) < high || low == high);
      check.that(inside, "uniform stays below its upper end");
    }
  }
  for (const int32_t dtype : {IK_F32, IK_F64, IK_BF16})
    for (const double p : {0.0, 0.1, 0.5, 1.0}) {
      Tensor x = random_tensor(dtype, {n}), y(dtype, {n}), u(IK_F32, {n}), again(dtype, {n});
      const ik_attrs_dropout attrs{11, 5, p};
      const ik_attrs_uniform unit{11, 5, 0.0, 1.0};
      two.launch(IK_KERNEL_dropout, {x.view()}, {y.view()}, &attrs);
      one.launch(IK_KERNEL_dropout, {x.view()}, {again.view()}, &attrs);
      two.launch(IK_KERNEL_uniform, {}, {u.view()}, &unit);
      bool same = y.bytes == again.bytes && !y.overrun();
      for (int64_t i = 0; i < n; ++i) {
        const double exact = u.get(i) >= p && p < 1 ? x.get(i) / (1 - p) : 0.0;
        same &= ulps(y.get(i), exact, dtype) <= 1.5;
      }
      check.that(same, "dropout");
    }
}

void time_all(Host& host) {
  const double limit = memory_bandwidth(host);
  std::printf("memory: %.1f GB/s with %d threads, %s\n", limit / 1e9, host.runtime.threads, host.backend->isa);
  const int64_t rows = 4096, columns = 3072, n = rows * columns;
  Tensor x(IK_F32, {rows, columns}), z(IK_F32, {rows, columns}), y(IK_F32, {rows, columns}), bias(IK_F32, {columns});
  const auto values = normal(static_cast<size_t>(n), 1);
  std::memcpy(x.bytes.data(), values.data(), values.size() * 4);
  std::memcpy(z.bytes.data(), values.data(), values.size() * 4);
  bias.fill([] { return gaussian(); });
  const auto report = [&](const char* name, double bytes, double s) {
    std::printf("%-28s %8.3f ms %7.1f GB/s %5.0f%%\n", name, s * 1e3, bytes / s / 1e9, 100 * bytes / s / limit);
  };
  for (const Unary& u : kUnary)
    report(u.name, 8.0 * n, median_seconds([&] { host.launch(u.id, {x.view()}, {y.view()}, nullptr); }));
  for (const Binary& b : kBinary)
    report(b.name, 12.0 * n, median_seconds([&] { host.launch(b.id, {x.view(), z.view()}, {y.view()}, nullptr); }));
  ik_view row = bias.view();
  row.rank = 2;
  row.shape[0] = rows, row.shape[1] = columns, row.stride[0] = 0, row.stride[1] = 1;
  report("add of a row", 8.0 * n, median_seconds([&] { host.launch(IK_KERNEL_add, {x.view(), row}, {y.view()}, nullptr); }));
  row.shape[0] = rows, row.shape[1] = columns, row.stride[0] = 0, row.stride[1] = 0;
  report("mul by a scalar", 8.0 * n, median_seconds([&] { host.launch(IK_KERNEL_mul, {x.view(), row}, {y.view()}, nullptr); }));
  report("relu in place", 8.0 * n, median_seconds([&] { host.launch(IK_KERNEL_relu, {y.view()}, {y.view()}, nullptr); }));
  report("copy", 8.0 * n, median_seconds([&] { host.launch(IK_KERNEL_copy, {x.view()}, {y.view()}, nullptr); }));
  Tensor turned(IK_F32, {columns, rows});
  report("copy transposed", 8.0 * n, median_seconds([&] { host.launch(IK_KERNEL_copy, {x.permuted({1, 0}).view()}, {turned.view()}, nullptr); }));
  Tensor half(IK_BF16, {rows, columns});
  report("copy f32 to bf16", 6.0 * n, median_seconds([&] { host.launch(IK_KERNEL_copy, {x.view()}, {half.view()}, nullptr); }));
  report("copy bf16 to f32", 6.0 * n, median_seconds([&] { host.launch(IK_KERNEL_copy, {half.view()}, {y.view()}, nullptr); }));
  const ik_attrs_uniform unit{1, 0, 0.0, 1.0};
  report("uniform", 4.0 * n, median_seconds([&] { host.launch(IK_KERNEL_uniform, {}, {y.view()}, &unit); }));
  const ik_attrs_normal standard{1, 0, 0.0, 1.0};
  report("normal", 4.0 * n, median_seconds([&] { host.launch(IK_KERNEL_normal, {}, {y.view()}, &standard); }));
  const ik_attrs_dropout drop{1, 0, 0.1};
  report("dropout", 8.0 * n, median_seconds([&] { host.launch(IK_KERNEL_dropout, {x.view()}, {y.view()}, &drop); }));
}

}  // namespace

int main(int argc, char** argv) {
  setenv("INKSTONE_THREADS", "1", 1);
  Host one;
  setenv("INKSTONE_THREADS", "2", 1);
  Host two;
  check_accuracy(two);
  check_layouts(two);
  check_in_place_and_threads(one, two);
  check_copies(two);
  check_where_fill_arange(two);
  check_random(one, two);
  if (const int failed = check.done("elementwise")) return failed;
  if (argc < 2 || std::string(argv[1]) != "check") time_all(two);
  return 0;
}
