// Rotary position embedding: RoFormer, Su et al., 2021, https://arxiv.org/abs/2104.09864, in the form that rotates
// halves: (x[i], x[i + D/2]) turns by position * theta^(-2i/D).
#include <cmath>
#include <type_traits>

#include "cpu/math.h"
#include "cpu/parallel.h"

namespace {

using namespace ik;

// Angles come in double from two exact tables, position = high * kLow + low, joined by the addition theorem: the
// cost is that of the tables, and one position gives the same bits whatever range it is asked for in.
constexpr int64_t kLow = 64;

struct Turn {
  double cos, sin;
};

void fill_turns(Turn* turns, int64_t half, int64_t position, double theta) {
  for (int64_t i = 0; i < half; ++i) {
    const double angle = static_cast<double>(position) * std::pow(theta, -static_cast<double>(i) / static_cast<double>(half));
    turns[i] = {std::cos(angle), std::sin(angle)};
  }
}

template <class T>
int32_t rope(const ik_runtime* rt, const ik_view& x, const ik_view& y, const ik_attrs_rope& attrs) {
  using S = scalar<T>;
  const int64_t batch = x.shape[0], length = x.shape[1], heads = x.shape[2], half = x.shape[3] / 2;
  if (x.shape[3] % 2) return IK_UNSUPPORTED;
  if (ik_numel(x) == 0) return IK_OK;
  const int64_t first_high = attrs.offset / kLow, highs = (attrs.offset + length - 1) / kLow - first_high + 1;
  const int64_t first_low = length < kLow ? attrs.offset % kLow : 0, lows = std::min(length, kLow);
  Turn* const low = static_cast<Turn*>(rt->scratch(rt, static_cast<size_t>((lows + highs) * half) * sizeof(Turn)));
  S* const table = static_cast<S*>(rt->scratch(rt, static_cast<size_t>(length * 2 * half) * sizeof(S)));
  if (!low || !table) return IK_OOM;
  Turn* const high = low + lows * half;
  parallel_rows(rt, lows + highs, 16 * half, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const int64_t position = r < lows ? (first_low + r) % kLow : (first_high + r - lows) * kLow;
      fill_turns(low + r * half, half, position, attrs.theta);
    }
  });
  const double sign = attrs.inverse ? -1.0 : 1.0;
  parallel_rows(rt, length, 2 * half, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const int64_t position = attrs.offset + t;
      const Turn* const a = high + (position / kLow - first_high) * half;
      const Turn* const b = low + ((position % kLow - first_low + kLow) % kLow) * half;
      S* const c = table + t * 2 * half;
      for (int64_t i = 0; i < half; ++i) {
        c[i] = static_cast<S>(a[i].cos * b[i].cos - a[i].sin * b[i].sin);
        c[half + i] = static_cast<S>(sign * (a[i].sin * b[i].cos + a[i].cos * b[i].sin));
      }
    }
  });
  parallel_rows(rt, batch * length, heads * 2 * half, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t b = row / length, t = row % length;
      const S* const cosine = table + t * 2 * half;
      const S* const sine = cosine + half;
      for (int64_t h = 0; h < heads; ++h) {
        const T* const from = static_cast<const T*>(x.data) + b * x.stride[0] + t * x.stride[1] + h * x.stride[2];
        T* const to = static_cast<T*>(y.data) + b * y.stride[0] + t * y.stride[1] + h * y.stride[2];
        for_vectors<T>(half, [&](int64_t i, auto load, auto store) {
          const auto u = load(from + i), v = load(from + half + i);
          const auto c = load(cosine + i), s = load(sine + i);
          store(to + i, u * c - v * s);
          store(to + half + i, v * c + u * s);
        });
      }
    }
  });
  return IK_OK;
}

}  // namespace

int32_t ik_cpu_rope(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void* attrs) {
  const auto& a = *static_cast<const ik_attrs_rope*>(attrs);
  if (in[0].dtype != out[0].dtype) return IK_UNSUPPORTED;
  switch (in[0].dtype) {
    case IK_F32: return rope<float>(rt, in[0], out[0], a);
    case IK_F64: return rope<double>(rt, in[0], out[0], a);
    case IK_BF16: return rope<bf16>(rt, in[0], out[0], a);
    case IK_F16: return rope<f16>(rt, in[0], out[0], a);
    default: return IK_UNSUPPORTED;
  }
}
