// The fused multiply-add peak of this machine for a library's instruction set, measured.
#pragma once
#include <cstring>

#include "host.h"

namespace lab {

#if defined(__x86_64__)
// Twelve independent chains cover the latency of the adders; 2 flops a lane.
#define LAB_CHAINS(name, target_isa, bytes)                                                     \
  __attribute__((target(target_isa), noinline)) inline double name(long rounds) {               \
    typedef float v __attribute__((vector_size(bytes)));                                        \
    v acc[12];                                                                                  \
    for (int i = 0; i < 12; ++i) acc[i] = v{} + static_cast<float>(i);                          \
    v a = v{} + 0.5f, b = v{} + 1.0f;                                                           \
    __asm__ volatile("" : "+x"(a), "+x"(b));                                                    \
    for (long r = 0; r < rounds; ++r) {                                                         \
      _Pragma("GCC unroll 12") for (int i = 0; i < 12; ++i) acc[i] = acc[i] * a + b;            \
      _Pragma("GCC unroll 12") for (int i = 0; i < 12; ++i) __asm__ volatile("" : "+x"(acc[i])); \
    }                                                                                           \
    v total = acc[0];                                                                           \
    for (int i = 1; i < 12; ++i) total += acc[i];                                               \
    volatile float sink = total[0];                                                             \
    (void)sink;                                                                                 \
    return 2.0 * 12 * (bytes / 4) * static_cast<double>(rounds);                                \
  }
#pragma GCC push_options
#pragma GCC optimize("O3", "fp-contract=fast")
LAB_CHAINS(fma_chains_512, "avx512f", 64)
LAB_CHAINS(fma_chains_256, "avx2,fma", 32)
LAB_CHAINS(fma_chains_128, "sse4.2", 16)
#pragma GCC pop_options
#undef LAB_CHAINS

// f32 GFLOP/s with every thread of the pool busy. bf16 dot products do twice that.
inline double fma_peak(Host& host) {
  const std::string isa = host.backend->isa;
  double (*const chains)(long) = isa == "avx512" ? fma_chains_512 : isa == "avx2" ? fma_chains_256 : fma_chains_128;
  const int threads = host.pool.threads();
  double flops = 0;
  const double s = median_seconds([&] {
    host.pool.run(threads, [](void* f, int64_t, int32_t) { (*static_cast<double (**)(long)>(f))(500000); },
                  const_cast<void*>(static_cast<const void*>(&chains)));
  });
  flops = 2.0 * 12 * (isa == "avx512" ? 16 : isa == "avx2" ? 8 : 4) * 500000.0 * threads;
  return flops / s / 1e9;
}
#else
inline double fma_peak(Host&) { return 0; }
#endif

}  // namespace lab
