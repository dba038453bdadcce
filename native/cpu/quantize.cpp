// Floats to 8 and 4 bits. Compiled without contraction: a fused multiply-add would round otherwise than the formats'
// definitions do. Rows or groups that hold a NaN or an infinity get the scale NaN, so the damage stays visible.
#include <cmath>
#include <limits>

#include "cpu/parallel.h"
#include "cpu/quantized.h"

namespace {

using namespace ik;

// The largest |x|, or NaN.
float largest(const float* x, int64_t n) {
  float most = 0;
  bool finite = true;
  for (int64_t i = 0; i < n; ++i) {
    const float a = std::fabs(x[i]);
    most = a > most ? a : most;
    finite &= a <= std::numeric_limits<float>::max();
  }
  return finite ? most : std::numeric_limits<float>::quiet_NaN();
}

// 1 / scale, or 0 where that is no number to multiply with: scales that are zero, NaN, or too small to invert.
float inverse(float scale) {
  const float quotient = 1.0f / scale;
  return std::fabs(quotient) <= std::numeric_limits<float>::max() ? quotient : 0.0f;
}

// Halves away from zero, as C's roundf, for |x| far below 2^31.
int32_t round_away(float x) {
  const auto whole = static_cast<int32_t>(x);
  const float rest = x - static_cast<float>(whole);
  return whole + (rest >= 0.5f) - (rest <= -0.5f);
}
int32_t clamp(int32_t x, int32_t low, int32_t high) { return x < low ? low : x > high ? high : x; }

void put_scale(float scale, uint8_t* to) {
  f16 d{0x7e00};  // one bit pattern for every NaN
  if (scale == scale) from_float(scale, d);
  std::memcpy(to, &d, 2);
}

void block_q8_0(const float* x, uint8_t* to) {
  const float d = largest(x, kBlock) / 127.0f, id = inverse(d);
  put_scale(d, to);
  for (int i = 0; i < kBlock; ++i) to[2 + i] = static_cast<uint8_t>(id == 0 ? 0 : round_away(x[i] * id));
}

void block_q4_0(const float* x, uint8_t* to) {
  const float most = largest(x, kBlock);
  // The first of the largest keeps its sign and becomes -8.
  float extreme = most;
  for (int i = kBlock - 1; i >= 0; --i)
    if (std::fabs(x[i]) == most) extreme = x[i];
  const float d = extreme / -8.0f, id = inverse(d);
  put_scale(d, to);
  const auto nibble = [&](float v) {
    const float q = v * id + 8.5f;
    return static_cast<uint8_t>(id == 0 ? 8 : clamp(static_cast<int32_t>(q), 0, 15));
  };
  for (int i = 0; i < kBlock / 2; ++i) to[2 + i] = static_cast<uint8_t>(nibble(x[i]) | nibble(x[i + kBlock / 2]) << 4);
}

// A group's scale and zero point; levels is 255 or 15. Without zero points the middle, (levels + 1) / 2, stands for 0.
struct Grid {
  float scale, inverse;
  int32_t zero, levels;
  int32_t place(float x) const { return inverse == 0 ? zero : clamp(round_away(x * inverse) + zero, 0, levels); }
};
Grid grid_of(const float* x, int64_t n, int32_t levels, bool zeros) {
  const int32_t middle = (levels + 1) / 2;
  const float most = largest(x, n);
  if (!zeros || most != most) {
    const float scale = most / static_cast<float>(middle - 1);
    return {scale, inverse(scale), middle, levels};
  }
  // Zero is always a value of the grid, so padding and pruning survive.
  float low = 0, high = 0;
  for (int64_t i = 0; i < n; ++i) low = x[i] < low ? x[i] : low, high = x[i] > high ? x[i] : high;
  const float scale = high / static_cast<float>(levels) - low / static_cast<float>(levels), id = inverse(scale);
  return {scale, id, id == 0 ? middle : clamp(round_away(-low * id), 0, levels), levels};
}

}  // namespace

int32_t ik_cpu_quantize_rows(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void*) {
  if (in[0].dtype != IK_F32) return IK_UNSUPPORTED;
  const int64_t rows = in[0].shape[0], n = in[0].shape[1];
  int8_t* const q = static_cast<int8_t*>(out[0].data);
  float* const scales = static_cast<float*>(out[1].data);
  parallel_rows(rt, rows, n, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const float* const x = static_cast<const float*>(in[0].data) + r * in[0].stride[0];
      const float scale = largest(x, n) / 127.0f, id = inverse(scale);
      scales[r] = scale;
      int8_t* const to = q + r * n;
      for (int64_t i = 0; i < n; ++i) to[i] = static_cast<int8_t>(id == 0 ? 0 : round_away(x[i] * id));
    }
  });
  return IK_OK;
}

int32_t ik_cpu_quantize_weights(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t, const void* attrs) {
  const auto& a = *static_cast<const ik_attrs_quantize_weights*>(attrs);
  const int64_t n = in[0].shape[0], k = in[0].shape[1];
  if (in[0].dtype != IK_F32 || k % kBlock != 0 || a.group < 1) return IK_UNSUPPORTED;
  const int64_t bytes = bytes_of_row(a.format, k), group = a.group * kBlock, groups = (k + group - 1) / group;
  parallel_rows(rt, n, k, [&](int64_t begin, int64_t end) {
    for (int64_t j = begin; j < end; ++j) {
      const float* const x = static_cast<const float*>(in[0].data) + j * in[0].stride[0];
      uint8_t* const to = static_cast<uint8_t*>(out[0].data) + j * bytes;
      if (a.format == kQ8_0) {
        for (int64_t b = 0; b < k / kBlock; ++b) block_q8_0(x + b * kBlock, to + b * 34);
      } else if (a.format == kQ4_0) {
        for (int64_t b = 0; b < k / kBlock; ++b) block_q4_0(x + b * kBlock, to + b * 18);
      } else {
        for (int64_t g = 0; g < groups; ++g) {
          const int64_t first = g * group, last = std::min(k, first + group);
          const Grid grid = grid_of(x + first, last - first, a.format == kInt8 ? 255 : 15, a.zeros != 0);
          static_cast<float*>(out[1].data)[j * groups + g] = grid.scale;
          if (a.zeros) static_cast<uint8_t*>(out[2].data)[j * groups + g] = static_cast<uint8_t>(grid.zero);
          if (a.format == kInt8)
            for (int64_t i = first; i < last; ++i) to[i] = static_cast<uint8_t>(grid.place(x[i]));
          else
            for (int64_t i = first; i < last; i += 2)
              to[i / 2] = static_cast<uint8_t>(grid.place(x[i]) | grid.place(x[i + 1]) << 4);
        }
      }
    }
  });
  return IK_OK;
}
