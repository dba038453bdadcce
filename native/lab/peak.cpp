// The limits of this machine for one library's instruction set, as one line of JSON: fused multiply-adds of f32, dot
// products of bf16 and int8 (0 where the instruction set has none), reading and copying memory. All threads busy.
#include "peak.h"

#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

#if defined(__x86_64__)
#define EACH(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11)
#define KEEP(i) __asm__ volatile("" : "+v"(x##i));
// Twelve independent chains cover the latency.
#define CHAINS(name, target_isa, type, zero, operand, one, step, flops)    \
  __attribute__((target(target_isa), noinline)) double name(long rounds) { \
    type x0 = zero, x1 = zero, x2 = zero, x3 = zero, x4 = zero, x5 = zero; \
    type x6 = zero, x7 = zero, x8 = zero, x9 = zero, x10 = zero, x11 = zero; \
    operand a = one;                                                       \
    __asm__ volatile("" : "+v"(a));                                        \
    for (long r = 0; r < rounds; ++r) {                                    \
      EACH(step)                                                           \
      EACH(KEEP)                                                           \
    }                                                                      \
    return 12.0 * (flops) * static_cast<double>(rounds);                   \
  }
#define BF16_STEP(i) x##i = _mm512_dpbf16_ps(x##i, a, a);
#define INT8_STEP(i) x##i = _mm512_dpbusd_epi32(x##i, a, a);
CHAINS(bf16_chains, "avx512f,avx512bf16", __m512, _mm512_setzero_ps(), __m512bh,
       (__m512bh)_mm512_setzero_si512(), BF16_STEP, 64)
CHAINS(int8_chains, "avx512f,avx512vnni", __m512i, _mm512_setzero_si512(), __m512i, _mm512_set1_epi8(1), INT8_STEP, 128)

// The best of several tries of one chain function on every thread, in Gop/s.
double best_rate(lab::Host& host, double (*chains)(long)) {
  constexpr long kRounds = 200000;
  const int threads = host.pool.threads();
  double best = 0;
  for (int i = 0; i < 20; ++i) {
    const double start = lab::now();
    host.pool.run(threads, [](void* f, int64_t, int32_t) { (*static_cast<double (**)(long)>(f))(kRounds); }, &chains);
    best = std::max(best, chains(1) * kRounds * threads / (lab::now() - start) / 1e9);
  }
  return best;
}
#endif

constexpr int64_t kPiece = int64_t{1} << 20;
typedef int64_t lanes __attribute__((vector_size(64)));

struct Memory {
  char* from;
  char* to;
  lanes sums[64];
};

void read_piece(void* arg, int64_t task, int32_t worker) {
  auto* memory = static_cast<Memory*>(arg);
  const auto* p = reinterpret_cast<const lanes*>(memory->from + task * kPiece);
  // Four streams a quarter apart: one alone does not keep enough lines in flight.
  constexpr int64_t kQuarter = kPiece / 64 / 4;
  lanes a{}, b{}, c{}, d{};
  for (int64_t i = 0; i < kQuarter; ++i) {
    a ^= p[i];
    b ^= p[i + kQuarter];
    c ^= p[i + 2 * kQuarter];
    d ^= p[i + 3 * kQuarter];
  }
  memory->sums[worker % 64] ^= a ^ b ^ c ^ d;
}

void copy_piece(void* arg, int64_t task, int32_t) {
  auto* memory = static_cast<Memory*>(arg);
  const char* from = memory->from + task * kPiece;
  char* to = memory->to + task * kPiece;
#if defined(__x86_64__)
  for (int64_t i = 0; i < kPiece; i += 16)
    _mm_stream_si128(reinterpret_cast<__m128i*>(to + i), _mm_load_si128(reinterpret_cast<const __m128i*>(from + i)));
  _mm_sfence();
#else
  std::memcpy(to, from, kPiece);
#endif
}

}  // namespace

int main() {
  lab::Host host;
  double bf16 = 0, int8 = 0;
#if defined(__x86_64__)
  if (std::string(host.backend->isa) == "avx512") {
    bf16 = best_rate(host, bf16_chains);
    int8 = best_rate(host, int8_chains);
  }
#endif
  constexpr int64_t kPieces = 256;
  Memory memory{};
  memory.from = static_cast<char*>(std::aligned_alloc(4096, kPieces * kPiece));
  memory.to = static_cast<char*>(std::aligned_alloc(4096, kPieces * kPiece));
  if (!memory.from || !memory.to) lab::Host::fail("no memory for the bandwidth test");
  std::memset(memory.from, 1, kPieces * kPiece);
  std::memset(memory.to, 1, kPieces * kPiece);
  double read = 0, copy = 0;
  for (int i = 0; i < 10; ++i) {
    double start = lab::now();
    host.pool.run(kPieces, read_piece, &memory);
    read = std::max(read, kPieces * kPiece / (lab::now() - start) / 1e9);
    start = lab::now();
    host.pool.run(kPieces, copy_piece, &memory);
    copy = std::max(copy, 2.0 * kPieces * kPiece / (lab::now() - start) / 1e9);
  }
  __asm__ volatile("" : : "r"(&memory) : "memory");
  std::printf("{\"f32\":%.1f,\"bf16\":%.1f,\"int8\":%.1f,\"read\":%.2f,\"copy\":%.2f}\n", lab::fma_peak(host), bf16, int8,
              read, copy);
}
