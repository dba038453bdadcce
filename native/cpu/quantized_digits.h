// f32 activations times quantised weights by integer dot products (AVX-512 VNNI): an instruction multiplies 64 weights
// where a fused multiply-add takes 16, and weights of a few bits need not become floats first.
//
// Each 4 or 8 neighbours of x become whole numbers of 24 bits, times one power of two that their largest calls for, and
// each whole number three signed digits of base 256. Weights are bytes without a sign, so products of weights and digits
// are VPDPBUSD's, and their sums are exact. x is rounded to within 2^-23 of its largest neighbour.
#pragma once
#include "cpu/quantized.h"

#if defined(__AVX512VNNI__)
#include <algorithm>

namespace ik {

template <class F>
struct Digits {
  static constexpr bool kNibbles = F::kBytes < 32;
  static constexpr int kBlocks = kNibbles ? 4 : 2;        // a step: 64 bytes of W, scales aside
  static constexpr int kStep = kBlocks * kBlock;          // weights
  static constexpr int kHalves = kNibbles ? 2 : 1;        // vectors of 64 weights a step
  // Of x, a step keeps the digits' vectors, the highest first, then the sums of each lane's whole numbers (of bytes in two
  // parts, lest they overflow: all but the lowest digit, and it), then the power of two of each lane.
  static constexpr int kSums = 3 * kHalves, kPowers = kSums + (kNibbles ? 1 : 2), kVectors = kPowers + 1;

  // Beyond, floats multiply faster: their weights are unpacked once for all rows of x.
  static constexpr int kMostRows = F::kBytes == 18 ? 2 : 1;
  static int32_t zero_of_all(const Quantized& q) { return q.zeros ? 1 : kNibbles ? 8 : 128; }
  template <int M>
  static constexpr int kRowsOfW = M <= 2 ? 4 : 2;

  // Whether a vector takes its scales from one group or a whole number of groups.
  static bool takes(const Quantized& q) { return q.group_blocks % kBlocks == 0 || kBlocks % q.group_blocks == 0; }
  static int64_t row_floats(int64_t k) { return (k + kStep - 1) / kStep * kVectors * kLanes; }

  // One row of x. Sums of whole numbers are kept times `zero`, what all weights are stored plus, or times 1 where groups differ
  // in that. False, with nothing to be used, where x is not finite.
  static bool prepare(const float* x, int64_t k, int32_t zero, float* to) {
    const __m512i times = _mm512_set1_epi32(zero);
    vf finite{};
    for (int64_t k0 = 0; k0 < k; k0 += kStep, to += kVectors * kLanes) {
      alignas(64) float slots[kStep];
      for (int64_t b = 0; b < kStep; b += kBlock)
        for (int i = 0; i < kBlock; ++i) slots[b + i] = k0 + b < k ? x[k0 + b + F::order(i)] : 0.0f;
      __m512 values[4 * kHalves];
      __m512 top = _mm512_setzero_ps();
      for (int i = 0; i < 4 * kHalves; ++i) {
        alignas(64) float lanes[kLanes];
        for (int l = 0; l < kLanes; ++l)
          lanes[l] = kNibbles ? slots[l / 4 * kBlock + i / 4 * 16 + l % 4 * 4 + i % 4] : slots[4 * l + i];
        values[i] = _mm512_load_ps(lanes);
        finite += (vf)values[i] * 0.0f;
        top = _mm512_maskz_max_ps(0xffff, top, _mm512_abs_ps(values[i]));
      }
      // Three digits reach 127 * 65536 + 127 * 256 + 127, a little less than 2^23.
      __m512 power = _mm512_maskz_getexp_ps(0xffff, _mm512_mul_ps(top, _mm512_set1_ps(1.004f)));
      power = _mm512_sub_ps(_mm512_maskz_max_ps(0xffff, power, _mm512_set1_ps(-126.0f)), _mm512_set1_ps(22.0f));
      const __m512 inverse = _mm512_sub_ps(_mm512_setzero_ps(), power);
      __m512i digits[3 * kHalves], high = _mm512_setzero_si512(), low = high;
      for (auto& d : digits) d = high;
      for (int i = 0; i < 4 * kHalves; ++i) {
        __m512i whole = _mm512_maskz_cvtps_epi32(0xffff, _mm512_maskz_scalef_ps(0xffff, values[i], inverse));
        for (int d = 2; d >= 0; --d) {
          const __m512i digit = _mm512_maskz_srai_epi32(0xffff, _mm512_maskz_slli_epi32(0xffff, whole, 24), 24);
          if (d == 2) low = _mm512_add_epi32(low, digit);
          whole = _mm512_maskz_srai_epi32(0xffff, _mm512_sub_epi32(whole, digit), 8);
          if (d == 2) high = _mm512_add_epi32(high, whole);
          const __m512i byte = _mm512_and_si512(digit, _mm512_set1_epi32(255));
          __m512i& all = digits[d * kHalves + i / 4];
          all = _mm512_or_si512(all, _mm512_maskz_sllv_epi32(0xffff, byte, _mm512_set1_epi32(8 * (i % 4))));
        }
      }
      for (int d = 0; d < 3 * kHalves; ++d) _mm512_storeu_si512(to + d * kLanes, digits[d]);
      if constexpr (kNibbles) {
        _mm512_storeu_si512(to + kSums * kLanes, _mm512_mullo_epi32(_mm512_add_epi32(_mm512_maskz_slli_epi32(0xffff, high, 8), low), times));
      } else {
        _mm512_storeu_si512(to + kSums * kLanes, _mm512_mullo_epi32(high, times));
        _mm512_storeu_si512(to + (kSums + 1) * kLanes, _mm512_mullo_epi32(low, times));
      }
      _mm512_storeu_ps(to + kPowers * kLanes, _mm512_maskz_scalef_ps(0xffff, _mm512_set1_ps(1.0f), power));
    }
    return sum(finite) == 0.0f;
  }

  // Rows j, j + apart .. of W, R of them, with M rows of x: out[m * R + r].
  template <int M, int R>
  static void dots(const Quantized& q, int64_t j, int64_t apart, const float* x, int64_t k, float (&out)[M * R]) {
    if (q.zeros) return dots_of<true, M, R>(q, j, apart, x, k, out);
    dots_of<false, M, R>(q, j, apart, x, k, out);
  }

 private:
  template <bool kZeros, int M, int R>
  static void dots_of(const Quantized& q, int64_t j, int64_t apart, const float* x, int64_t k, float (&out)[M * R]) {
    const int64_t blocks = k / kBlock, whole = blocks / kBlocks, x_row = row_floats(k);
    const Lanes lanes(q);
    // Steps that share a group.
    const int64_t together = !q.scales ? whole : std::max<int64_t>(1, q.group_blocks / kBlocks);
    const uint8_t* at = q.data + j * q.row_bytes;
    const int64_t bytes_apart = apart * q.row_bytes;
    vf acc[M * R] = {};
    Shared shared[R];
    int64_t s = 0, g = 0;
    for (; s < whole; g += lanes.groups) {
      groups<R>(q, j, apart, g, lanes, shared);
      for (const int64_t end = std::min(whole, s + together); s < end; ++s, at += kBlocks * F::kBytes) {
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r) {
          // Into the second cache, as in gemm_skinny.h, but where scales lie between the blocks: that was slower.
          if constexpr (F::kBytes % 16 == 0) __builtin_prefetch(at + r * bytes_apart + kAheadBytes, 0, 2);
          else __builtin_prefetch(at + r * bytes_apart + kAheadBytes);
          const Weights w = read<false>(shared[r], at + r * bytes_apart, 0);
#pragma GCC unroll 8
          for (int m = 0; m < M; ++m) acc[m * R + r] += product<kZeros>(w, x + m * x_row + s * kVectors * kLanes) * w.scale;
        }
      }
    }
    if (s * kBlocks < blocks) {
      if (q.scales && s % together != 0) g -= lanes.groups;  // the last group goes on
      groups<R>(q, j, apart, g, lanes, shared);
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        const Weights w = read<true>(shared[r], at + r * bytes_apart, (blocks - s * kBlocks) * F::kBytes);
#pragma GCC unroll 8
        for (int m = 0; m < M; ++m) acc[m * R + r] += product<kZeros>(w, x + m * x_row + s * kVectors * kLanes) * w.scale;
      }
    }
#pragma GCC unroll 8
    for (int i = 0; i < M * R; ++i) out[i] = sum(acc[i]);
  }

  // Bytes between the prefetch of a row and its use.
  static constexpr int64_t kAheadBytes = 4096;

  struct Weights {
    __m512i bytes[kHalves], zero;
    vf scale;
  };

  // Sums of four (of nibbles eight) products of x with weights less their zero.
  template <bool kZeros>
  static vf product(const Weights& w, const float* x) {
    const auto vector = [&](int i) { return load_bits<__m512i>(x + i * kLanes); };
    const auto digit = [&](__m512i total, int d) {
#pragma GCC unroll 2
      for (int h = 0; h < kHalves; ++h) total = _mm512_dpbusd_epi32(total, w.bytes[h], vector(d * kHalves + h));
      return total;
    };
    const auto less_zero = [&](__m512i total, int i) {
      return _mm512_sub_epi32(total, kZeros ? _mm512_mullo_epi32(w.zero, vector(i)) : vector(i));
    };
    const auto as_float = [](__m512i v) { return (vf)_mm512_maskz_cvtepi32_ps(0xffff, v); };
    const auto shifted = [](__m512i v) { return _mm512_maskz_slli_epi32(0xffff, v, 8); };
    const __m512i high = digit(shifted(digit(_mm512_setzero_si512(), 0)), 1);
    const vf power = load(x + kPowers * kLanes);
    if constexpr (kNibbles) {
      return as_float(less_zero(digit(shifted(high), 2), kSums)) * power;
    } else {
      const vf low = as_float(less_zero(digit(_mm512_setzero_si512(), 2), kSums + 1));
      return (as_float(less_zero(high, kSums)) * 256.0f + low) * power;
    }
  }

  template <bool kTail>
  static __m512i bytes_at(const uint8_t* p, int64_t left) {
    if constexpr (!kTail) return load_bits<__m512i>(p);
    return _mm512_maskz_loadu_epi8(left >= 64 ? ~uint64_t{0} : left <= 0 ? 0 : (uint64_t{1} << left) - 1, p);
  }

  static void put(__m512i bytes, Weights& w) {
    if constexpr (kNibbles) {
      const __m512i mask = _mm512_set1_epi8(15);
      w.bytes[0] = _mm512_and_si512(bytes, mask);
      w.bytes[1] = _mm512_and_si512(_mm512_srli_epi16(bytes, 4), mask);
    } else {
      w.bytes[0] = bytes;
    }
  }

  struct Shared {
    vf scale;
    __m512i zero;
  };

  // The groups that a step meets, and which of them each lane belongs to.
  struct Lanes {
    int64_t groups = 1;
    __m512i group = _mm512_setzero_si512();
    explicit Lanes(const Quantized& q) {
      if (!q.scales || q.group_blocks >= kBlocks) return;
      groups = kBlocks / q.group_blocks;
      alignas(64) int32_t of[kLanes];
      for (int l = 0; l < kLanes; ++l) of[l] = static_cast<int32_t>(l * groups / kLanes);
      group = load_bits<__m512i>(of);
    }
  };

  // What a step takes from outside its blocks: the scales and zeros of groups g, g + 1 .. of R rows, each for its lanes.
  template <int R>
  static void groups(const Quantized& q, int64_t j, int64_t apart, int64_t g, const Lanes& lanes, Shared (&shared)[R]) {
    if constexpr (F::kBytes % 16 == 0) {
      if (lanes.groups == 1) {
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r) {
          const int64_t at = (j + r * apart) * q.groups + g;
          shared[r].scale = (vf)_mm512_set1_ps(q.scales[at]);
          if (q.zeros) shared[r].zero = _mm512_set1_epi32(q.zeros[at]);
        }
        return;
      }
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) shared[r] = {vf{}, _mm512_setzero_si512()};
      const auto mask = static_cast<__mmask16>((1u << std::min(lanes.groups, q.groups - g)) - 1);
      const int64_t at = j * q.groups + g, step = apart * q.groups;
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        shared[r].scale = (vf)_mm512_maskz_permutexvar_ps(0xffff, lanes.group, _mm512_maskz_loadu_ps(mask, q.scales + at + r * step));
        if (!q.zeros) continue;
        const __m512i zeros = _mm512_maskz_cvtepu8_epi32(0xffff, _mm_maskz_loadu_epi8(mask, q.zeros + at + r * step));
        shared[r].zero = _mm512_maskz_permutexvar_epi32(0xffff, lanes.group, zeros);
      }
    }
  }

  // The step at `row`, with `left` bytes of the row from there on.
  template <bool kTail>
  static Weights read(const Shared& shared, const uint8_t* row, int64_t left) {
    Weights w;
    w.zero = shared.zero;
    w.scale = shared.scale;
    if constexpr (F::kBytes % 16 != 0) {
      // Two bytes of scale before each block: blocks are pulled together from the step's first and last 64 bytes.
      constexpr int kLater = kBlocks * F::kBytes - 64, kWords = F::kBytes / 2, kOfBlock = 32 / kBlocks;
      const __m512i first = bytes_at<kTail>(row, left), second = bytes_at<kTail>(row + kLater, left - kLater);
      static constexpr auto kFrom = [] {
        struct { alignas(64) uint16_t data[32], scale[32]; } t{};
        for (int i = 0; i < 32; ++i) {
          const int word = i / kOfBlock * kWords + 1 + i % kOfBlock;
          t.data[i] = static_cast<uint16_t>(word < 32 ? word : 32 + word - kLater / 2);
          t.scale[i] = static_cast<uint16_t>(i % 16 / (16 / kBlocks) * kWords);
        }
        return t;
      }();
      put(_mm512_permutex2var_epi16(first, load_bits<__m512i>(kFrom.data), second), w);
      const __m512i scales = _mm512_maskz_permutexvar_epi16(~0u, load_bits<__m512i>(kFrom.scale), first);
      w.scale = (vf)_mm512_maskz_cvtph_ps(0xffff, _mm512_maskz_extracti64x4_epi64(0xff, scales, 0));
      if constexpr (!kNibbles) w.bytes[0] = _mm512_xor_si512(w.bytes[0], _mm512_set1_epi8(-128));
    } else {
      put(bytes_at<kTail>(row, left), w);
    }
    return w;
  }
};

}  // namespace ik
#endif
