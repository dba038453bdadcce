// The fused multiply-add peak of this machine for a library's instruction set, measured.
#pragma once
#include "host.h"

namespace lab {

// Twelve independent chains, in named variables so that they stay in registers, cover the latency; 2 flops a lane.
#define LAB_EACH(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11)
#define LAB_MAKE(i) v x##i = v{} + static_cast<float>(i);
#define LAB_STEP(i) x##i = x##i * a + b;
#if defined(__x86_64__)
#define LAB_REGISTER "+x"
#define LAB_TARGET(isa) __attribute__((target(isa), noinline))
#else
#define LAB_REGISTER "+w"
#define LAB_TARGET(isa) __attribute__((noinline))
#endif
#define LAB_KEEP(i) __asm__ volatile("" : LAB_REGISTER(x##i));
#define LAB_CHAINS(name, isa, bytes)                             \
  LAB_TARGET(isa) inline double name(long rounds) {              \
    typedef float v __attribute__((vector_size(bytes)));         \
    LAB_EACH(LAB_MAKE)                                           \
    v a = v{} + 0.5f, b = v{} + 1.0f;                            \
    __asm__ volatile("" : LAB_REGISTER(a), LAB_REGISTER(b));     \
    for (long r = 0; r < rounds; ++r) {                          \
      LAB_EACH(LAB_STEP)                                         \
      LAB_EACH(LAB_KEEP)                                         \
    }                                                            \
    return 2.0 * 12 * (bytes / 4) * static_cast<double>(rounds); \
  }
#pragma GCC push_options
#pragma GCC optimize("O3", "fp-contract=fast")
#if defined(__x86_64__)
LAB_CHAINS(fma_chains_512, "avx512f", 64)
LAB_CHAINS(fma_chains_256, "avx2,fma", 32)
LAB_CHAINS(fma_chains_128, "sse4.2", 16)
#else
LAB_CHAINS(fma_chains_128, "", 16)
#endif
#pragma GCC pop_options
#undef LAB_CHAINS
#undef LAB_TARGET
#undef LAB_KEEP
#undef LAB_REGISTER
#undef LAB_STEP
#undef LAB_MAKE
#undef LAB_EACH

// f32 GFLOP/s with every thread of the pool busy, the best of several tries. bf16 dot products do twice that.
inline double fma_peak(Host& host) {
#if defined(__x86_64__)
  const std::string isa = host.backend->isa;
  double (*chains)(long) = isa == "avx512" ? fma_chains_512 : isa == "avx2" ? fma_chains_256 : fma_chains_128;
#else
  double (*chains)(long) = fma_chains_128;
#endif
  constexpr long kRounds = 200000;
  const int threads = host.pool.threads();
  const double flops = chains(1) * kRounds * threads;
  double best = 0;
  for (int i = 0; i < 30; ++i) {
    const double start = now();
    host.pool.run(threads, [](void* f, int64_t, int32_t) { (*static_cast<double (**)(long)>(f))(kRounds); }, &chains);
    best = std::max(best, flops / (now() - start) / 1e9);
  }
  return best;
}

}  // namespace lab
