// uniform, normal and dropout over Philox streams. Element i comes from block offset + i / 4, or offset + i / 2 for an
// f64 output (two words an element), whoever computes it.
#include "random.h"

#include "parallel.h"
#include "softmax.h"

namespace ik {
namespace {

constexpr int kBlocks = 64;  // blocks made at a time

// Calls body(words, i, n) for runs of elements [i, i + n), `per_block` of them from each block in words.
template <class Body>
void for_blocks(const ik_runtime* rt, int64_t n, int64_t per_block, int64_t seed, int64_t offset, Body&& body) {
  const int64_t run = kBlocks * per_block;
  const PhiloxKey key = philox_key(seed);
  parallel_ranges(rt, n, kGrain, [&](int64_t begin, int64_t end) {  // kGrain is a multiple of run
    uint32_t words[4 * kBlocks];
    for (int64_t i = begin; i < end; i += run) {
      philox<kBlocks>(key, static_cast<uint64_t>(offset + i / per_block), words);
      body(words, i, std::min(run, end - i));
    }
  });
}

// The largest T below `high`: low + (high - low) u may round up to `high` itself.
template <class T>
scalar<T> just_below(double high) {
  T t;
  set_value(high, t);
  if (static_cast<double>(value_of(t)) < high) return value_of(t);
  using Bits = std::conditional_t<sizeof(T) == 8, uint64_t, std::conditional_t<sizeof(T) == 4, uint32_t, uint16_t>>;
  Bits bits;
  std::memcpy(&bits, &t, sizeof t);
  const Bits sign = Bits(Bits(1) << (sizeof(T) * 8 - 1));
  if (bits == 0 || bits == sign) bits = Bits(sign | 1);
  else bits = bits & sign ? Bits(bits + 1) : Bits(bits - 1);
  std::memcpy(&t, &bits, sizeof t);
  return value_of(t);
}

template <class T>
int32_t uniform(const ik_runtime* rt, const ik_view& out, const ik_attrs_uniform& a) {
  using S = scalar<T>;
  T* y = static_cast<T*>(out.data);
  const S low = static_cast<S>(a.low), span = static_cast<S>(a.high - a.low);
  const S bound = a.high > a.low ? just_below<T>(a.high) : low;
  constexpr int64_t per_block = sizeof(T) == 8 ? 2 : 4;
  for_blocks(rt, ik_numel(out), per_block, a.seed, a.offset, [&](const uint32_t* words, int64_t i, int64_t n) {
    S values[4 * kBlocks];
    for (int64_t b = 0; b < kBlocks; ++b)
      for (int64_t k = 0; k < per_block; ++k) {
        S u;
        if constexpr (per_block == 2) u = uniform53(words[2 * k * kBlocks + b], words[(2 * k + 1) * kBlocks + b]);
        else u = uniform24(words[k * kBlocks + b]);
        // In double, so that fused multiply-adds or not give the same f32.
        values[b * per_block + k] = std::min(static_cast<S>(static_cast<double>(low) + static_cast<double>(span) * u), bound);
      }
    for_vectors<T>(n, [&](int64_t j, auto get, auto put) { put(y + i + j, get(values + j)); });
  });
  return IK_OK;
}

// Box and Muller (1958): words (0, 1) make elements 0 and 1 of a block, words (2, 3) elements 2 and 3; in f64 words
// (0, 1) and (2, 3) are two uniforms and make both elements.
template <class T>
int32_t normal(const ik_runtime* rt, const ik_view& out, const ik_attrs_normal& a) {
  using S = scalar<T>;
  using V = compute<T>;
  T* y = static_cast<T*>(out.data);
  const V mean = constant<V>(a.mean), std = constant<V>(a.std);
  constexpr int64_t per_block = sizeof(T) == 8 ? 2 : 4;
  constexpr int64_t pairs = per_block / 2;
  for_blocks(rt, ik_numel(out), per_block, a.seed, a.offset, [&](const uint32_t* words, int64_t i, int64_t n) {
    S values[4 * kBlocks];
    for (int64_t pair = 0; pair < pairs; ++pair) {
      S radius[kBlocks], turn[kBlocks], cosine[kBlocks], sine[kBlocks];
      for (int64_t b = 0; b < kBlocks; ++b) {
        if constexpr (per_block == 2) {
          // 1 - u lies in (0, 1], where the logarithm is finite.
          radius[b] = 1.0 - uniform53(words[b], words[kBlocks + b]);
          turn[b] = uniform53(words[2 * kBlocks + b], words[3 * kBlocks + b]);
        } else {
          radius[b] = 1.0f - uniform24(words[2 * pair * kBlocks + b]);
          turn[b] = uniform24(words[(2 * pair + 1) * kBlocks + b]);
        }
      }
      for (int64_t b = 0; b < kBlocks; b += kWidth<S>) {
        const V r = sqrt(constant<V>(-2.0) * log(load(radius + b))) * std;
        V c, s;
        cos_sin_of_turn(load(turn + b), c, s);
        store(cosine + b, mean + r * c);
        store(sine + b, mean + r * s);
      }
      for (int64_t b = 0; b < kBlocks; ++b) {
        values[b * per_block + 2 * pair] = cosine[b];
        values[b * per_block + 2 * pair + 1] = sine[b];
      }
    }
    for_vectors<T>(n, [&](int64_t j, auto get, auto put) { put(y + i + j, get(values + j)); });
  });
  return IK_OK;
}

// y = x / (1 - p) where u >= p, else 0. Four elements a block for every dtype, so the mask does not depend on it.
template <class T>
int32_t dropout(const ik_runtime* rt, const ik_view& x, const ik_view& out, const ik_attrs_dropout& a) {
  using S = scalar<T>;
  using V = compute<T>;
  const T* from = static_cast<const T*>(x.data);
  T* to = static_cast<T*>(out.data);
  // u is a multiple of 2^-24, compared as the whole number it is.
  const auto threshold = static_cast<uint32_t>(std::ceil(std::min(1.0, std::max(0.0, a.p)) * 0x1p24));
  const S scale = static_cast<S>(1.0 / (1.0 - a.p));
  for_blocks(rt, ik_numel(out), 4, a.seed, a.offset, [&](const uint32_t* words, int64_t i, int64_t n) {
    S kept[4 * kBlocks];  // 1 or 0
    for (int64_t b = 0; b < kBlocks; ++b)
      for (int64_t k = 0; k < 4; ++k) kept[b * 4 + k] = (words[k * kBlocks + b] >> 8) >= threshold ? S{1} : S{0};
    for_vectors<T>(n, [&](int64_t j, auto get, auto put) {
      // Selected, not multiplied: a dropped infinity is 0.
      put(to + i + j, select(get(kept + j) > constant<V>(0), get(from + i + j) * splat_as<V>(scale), constant<V>(0)));
    });
  });
  return IK_OK;
}

}  // namespace
}  // namespace ik

int32_t ik_cpu_uniform(const ik_runtime* rt, const ik_view*, int32_t, const ik_view* out, int32_t, const void* attrs) {
  using namespace ik;
  const auto& a = *static_cast<const ik_attrs_uniform*>(attrs);
  return for_float_dtype(out[0].dtype, [&]<class T>(T) { return uniform<T>(rt, out[0], a); });
}

int32_t ik_cpu_normal(const ik_runtime* rt, const ik_view*, int32_t, const ik_view* out, int32_t, const void* attrs) {
  using namespace ik;
  const auto& a = *static_cast<const ik_attrs_normal*>(attrs);
  return for_float_dtype(out[0].dtype, [&]<class T>(T) { return normal<T>(rt, out[0], a); });
}

int32_t ik_cpu_dropout(const ik_runtime* rt, const ik_view* in, int32_t, const ik_view* out, int32_t,
                       const void* attrs) {
  using namespace ik;
  if (in[0].dtype != out[0].dtype) return IK_UNSUPPORTED;
  const auto& a = *static_cast<const ik_attrs_dropout*>(attrs);
  return for_float_dtype(out[0].dtype, [&]<class T>(T) { return dropout<T>(rt, in[0], out[0], a); });
}
