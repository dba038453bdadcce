// Philox 4x32-10 (Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"): four 32-bit
// words for each 128-bit counter and 64-bit key, so element i of a stream is known without the ones before it.
#pragma once
#include <cstdint>

namespace ik {

struct PhiloxKey {
  uint32_t low, high;
};
inline PhiloxKey philox_key(int64_t seed) {
  const uint64_t bits = static_cast<uint64_t>(seed);
  return {static_cast<uint32_t>(bits), static_cast<uint32_t>(bits >> 32)};
}

// Blocks [first, first + kCount) of the stream: word w of block first + b at words[w * kCount + b]. The counter is
// (block low, block high, 0, 0). Plain loops over kCount, which the compiler vectorises.
template <int kCount>
inline void philox(PhiloxKey key, uint64_t first, uint32_t* words) {
  uint32_t *c0 = words, *c1 = words + kCount, *c2 = words + 2 * kCount, *c3 = words + 3 * kCount;
  for (int b = 0; b < kCount; ++b) {
    const uint64_t block = first + static_cast<uint64_t>(b);
    c0[b] = static_cast<uint32_t>(block);
    c1[b] = static_cast<uint32_t>(block >> 32);
    c2[b] = c3[b] = 0;
  }
  uint32_t k0 = key.low, k1 = key.high;
  for (int round = 0; round < 10; ++round) {
    for (int b = 0; b < kCount; ++b) {
      const uint64_t p0 = static_cast<uint64_t>(0xD2511F53u) * c0[b], p1 = static_cast<uint64_t>(0xCD9E8D57u) * c2[b];
      const uint32_t n0 = static_cast<uint32_t>(p1 >> 32) ^ c1[b] ^ k0;
      const uint32_t n2 = static_cast<uint32_t>(p0 >> 32) ^ c3[b] ^ k1;
      c1[b] = static_cast<uint32_t>(p1);
      c3[b] = static_cast<uint32_t>(p0);
      c0[b] = n0;
      c2[b] = n2;
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
}

// [0, 1) from the top 24 bits of a word, or the top 53 of two.
inline float uniform24(uint32_t word) { return static_cast<float>(word >> 8) * 0x1p-24f; }
inline double uniform53(uint32_t high, uint32_t low) {
  const uint64_t bits = (static_cast<uint64_t>(high) << 32 | low) >> 11;
  return static_cast<double>(bits) * 0x1p-53;
}

}  // namespace ik
