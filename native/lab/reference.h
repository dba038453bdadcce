// Tensors of any dtype seen as doubles, and comparisons against a reference, for the checking half of a lab program.
#pragma once
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "cpu/simd.h"
#include "host.h"

namespace lab {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();
inline const char* kDtypeNames[] = {"f32", "f64", "bf16", "f16", "i32", "u8", "bool", "i8"};
static_assert(sizeof kDtypeNames / sizeof *kDtypeNames == IK_DTYPE_COUNT);

// 64-byte aligned, as the addon's memory is: wide vectors across cache lines cost half the speed.
template <class T>
struct Aligned {
  using value_type = T;
  Aligned() = default;
  template <class U>
  Aligned(const Aligned<U>&) {}
  T* allocate(size_t n) { return static_cast<T*>(std::aligned_alloc(64, (n * sizeof(T) + 63) & ~size_t{63})); }
  void deallocate(T* p, size_t) { std::free(p); }
  bool operator==(const Aligned&) const { return true; }
};
using AlignedBytes = std::vector<unsigned char, Aligned<unsigned char>>;

// Memory of one dtype, read and written as doubles.
struct Tensor {
  int32_t dtype;
  std::vector<int64_t> shape, stride;
  AlignedBytes bytes;

  Tensor(int32_t dtype, std::vector<int64_t> shape) : dtype(dtype), shape(shape), stride(shape.size()) {
    int64_t n = 1;
    for (int i = static_cast<int>(shape.size()) - 1; i >= 0; --i) {
      stride[i] = n;
      n *= shape[i];
    }
    // Bytes past the end show a kernel that writes too far.
    bytes.assign(static_cast<size_t>(n) * ik_dtype_bytes(dtype) + 64, 0xa5);
  }
  int64_t elements() const { return static_cast<int64_t>((bytes.size() - 64) / ik_dtype_bytes(dtype)); }
  int64_t numel() const {
    int64_t n = 1;
    for (int64_t s : shape) n *= s;
    return n;
  }
  ik_view view() const { return lab::view(const_cast<unsigned char*>(bytes.data()), dtype, shape, stride); }
  bool overrun() const {
    for (size_t i = bytes.size() - 64; i < bytes.size(); ++i)
      if (bytes[i] != 0xa5) return true;
    return false;
  }

  double get(int64_t i) const {
    const unsigned char* p = bytes.data() + i * static_cast<int64_t>(ik_dtype_bytes(dtype));
    const auto read = [&]<class T>(T value) {
      std::memcpy(&value, p, sizeof value);
      return value;
    };
    switch (dtype) {
      case IK_F32: return read(float{});
      case IK_F64: return read(double{});
      case IK_BF16: return ik::to_float(read(ik::bf16{}));
      case IK_F16: return ik::to_float(read(ik::f16{}));
      case IK_I32: return read(int32_t{});
      case IK_I8: return read(int8_t{});
      default: return *p;
    }
  }
  void set(int64_t i, double x) {
    unsigned char* p = bytes.data() + i * static_cast<int64_t>(ik_dtype_bytes(dtype));
    const auto write = [&]<class T>(T value) { std::memcpy(p, &value, sizeof value); };
    ik::bf16 b;
    ik::f16 h;
    switch (dtype) {
      case IK_F32: return write(static_cast<float>(x));
      case IK_F64: return write(x);
      case IK_BF16: ik::from_float(static_cast<float>(x), b); return write(b);
      case IK_F16: ik::from_float(static_cast<float>(x), h); return write(h);
      case IK_I32: return write(static_cast<int32_t>(x));
      case IK_I8: return write(static_cast<int8_t>(x));
      default: *p = static_cast<unsigned char>(x);
    }
  }
  // The element at the flat-th position of the view's shape.
  int64_t place(int64_t flat) const {
    int64_t offset = 0;
    for (int d = static_cast<int>(shape.size()) - 1; d >= 0; --d) {
      offset += flat % shape[d] * stride[d];
      flat /= shape[d];
    }
    return offset;
  }
  double at(int64_t flat) const { return get(place(flat)); }

  Tensor& fill(const std::function<double()>& next) {
    for (int64_t i = 0; i < elements(); ++i) set(i, next());
    return *this;
  }
  // The same memory with its axes in another order, or a broadcast or cut one.
  Tensor permuted(std::vector<int> order) const {
    Tensor t = *this;
    for (size_t i = 0; i < order.size(); ++i) {
      t.shape[i] = shape[order[i]];
      t.stride[i] = stride[order[i]];
    }
    return t;
  }
};

// The distance of y from `exact` in units in the last place of dtype at `exact`.
inline double ulps(double y, double exact, int32_t dtype) {
  if (std::isnan(y) || std::isnan(exact)) return std::isnan(y) == std::isnan(exact) ? 0.0 : kInf;
  const int digits = dtype == IK_F64 ? 53 : dtype == IK_F32 ? 24 : dtype == IK_F16 ? 11 : 8;
  const int lowest = dtype == IK_F64 ? -1074 : dtype == IK_F32 ? -149 : dtype == IK_F16 ? -24 : -133;
  const double largest = dtype == IK_F64   ? std::numeric_limits<double>::max()
                         : dtype == IK_F32 ? static_cast<double>(std::numeric_limits<float>::max())
                         : dtype == IK_F16 ? 65504.0
                                           : 3.3895313892515355e38;
  if (y == exact) return 0.0;
  // What lies beyond the largest number may be infinite.
  if (std::isinf(y)) return (y > 0) == (exact > 0) && std::fabs(exact) >= largest ? 0.0 : kInf;
  if (std::isinf(exact)) return kInf;
  const int e = exact == 0.0 ? lowest : std::max(lowest, std::ilogb(exact) - digits + 1);
  return std::fabs(y - exact) / std::ldexp(1.0, e);
}

// Counts failures and prints the first few.
struct Check {
  int failed = 0;
  int64_t checked = 0;

  void that(bool ok, const std::string& what) {
    ++checked;
    if (!ok && ++failed <= 40) std::printf("FAILED %s\n", what.c_str());
  }
  void near(double y, double exact, double tolerance, const std::string& what) {
    const bool same = y == exact || (std::isnan(y) && std::isnan(exact)) || std::fabs(y - exact) <= tolerance;
    that(same, same ? std::string() : what + ": " + std::to_string(y) + ", should be " + std::to_string(exact));
  }
  int done(const char* name) const {
    std::printf("%s: %lld checks, %d failed\n", name, static_cast<long long>(checked), failed);
    return failed ? 1 : 0;
  }
};

// Bytes a second at which a += b over 256 MiB runs on all threads: the limit for everything timed here.
inline double memory_bandwidth(Host& host) {
  Tensor a(IK_F32, {32 << 20}), b(IK_F32, {32 << 20});
  std::memset(a.bytes.data(), 0, a.bytes.size());
  std::memset(b.bytes.data(), 0, b.bytes.size());
  const double s = median_seconds([&] { host.launch(IK_KERNEL_add, {a.view(), b.view()}, {a.view()}, nullptr); });
  return 3.0 * 4 * (32 << 20) / s;
}

}  // namespace lab
