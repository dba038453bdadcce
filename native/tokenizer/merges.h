// The merge rules of byte-pair encoding, and the merging of one piece: lowest rank first, then leftmost (Sennrich et
// al. 2016, arXiv 1508.07909).
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ik::tok {

constexpr uint32_t kNoRank = 0xffffffff;
// Ranks share 32 bits with a position below 64 in the merging of short pieces.
constexpr uint32_t kRankLimit = 1u << 26;

// A pair of ids to the rank of its rule and the id it makes: open addressing, at most half full.
class PairRules {
 public:
  struct Rule {
    uint32_t rank = kNoRank;
    int32_t merged = -1;
  };

  // `rules` are triples left, right, merged with a rank each. A pair that comes twice keeps its later rank, and a rank
  // that comes twice makes what it made last.
  PairRules(const int32_t* rules, const int32_t* ranks, size_t count);

  Rule find(int32_t left, int32_t right) const {
    const uint64_t key = key_of(left, right);
    const size_t h = hash(key);
    // Most pairs have no rule; a bit that the nearest cache holds says so of nearly all of them.
    if (!(filter_[h >> 6 & filter_mask_] >> (h & 63) & 1)) return {};
    for (size_t i = h >> kFilterBits & mask_;; i = (i + 1) & mask_) {
      const Slot& slot = slots_[i];
      if (slot.key == key) return slot.rule;
      if (slot.key == kEmpty) return {};
    }
  }

 private:
  struct Slot {
    uint64_t key = kEmpty;
    Rule rule;
  };
  static constexpr uint64_t kEmpty = ~uint64_t{0};
  static uint64_t key_of(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
  static size_t hash(uint64_t key) {
    key *= 0x9e3779b97f4a7c15u;
    return static_cast<size_t>(key ^ key >> 29);
  }
  // The filter has 8 bits for each slot: 2^3 times as many.
  static constexpr size_t kFilterBits = 3;
  std::vector<Slot> slots_;
  std::vector<uint64_t> filter_;
  size_t mask_ = 0, filter_mask_ = 0;
};

// Merges pieces of bytes; one per thread, since it owns the room to work in.
class Merger {
 public:
  // `byte_ids` are the 256 ids that single bytes have.
  Merger(const PairRules& rules, const int32_t* byte_ids);

  // Writes the ids of n bytes to `out`, which has room for n, and returns how many they are. O(n log n).
  size_t merge(const uint8_t* piece, size_t n, int32_t* out);

  // Steps of the long way taken so far: what a test of the worst case counts.
  uint64_t steps() const { return steps_; }

 private:
  size_t merge_short(const uint8_t* piece, size_t n, int32_t* out);
  size_t merge_long(const uint8_t* piece, size_t n, int32_t* out);

  static constexpr size_t kShort = 64;
  const PairRules& rules_;
  const int32_t* byte_ids_;
  // Rules of two bytes, which every piece begins with.
  std::vector<PairRules::Rule> byte_rules_;
  std::vector<int32_t> next_, previous_;
  std::vector<uint64_t> heap_;
  uint64_t steps_ = 0;
};

}  // namespace ik::tok
