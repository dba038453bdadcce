// The merge rules of byte-pair encoding, and the merging of one piece: lowest rank first, then leftmost (Sennrich et
// al. 2016, arXiv 1508.07909).
#pragma once
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "buffer.h"

namespace ik::tok {

constexpr uint32_t kNoRank = 0xffffffff;
// A rank shares 64 bits with two ids, and 32 with a position below 64 in the merging of short pieces.
constexpr uint32_t kRankLimit = 1u << 21;
constexpr size_t kIdLimit = (1 << 21) - 1;

// A pair of ids to the rank of its rule, and a rank to the id it makes. A pair and its rank share 64 bits: what merging waits
// for is memory. Open addressing, at most half full.
class PairRules {
 public:
  // `rules` are triples left, right, merged with a rank each, of ids below `id_limit`, at most kIdLimit, and ranks below kRankLimit. A pair that
  // comes twice keeps its later rank, and a rank that comes twice makes what it made last.
  PairRules(const int32_t* rules, const int32_t* ranks, size_t count, size_t id_limit);

  // Calls `body` with the ids and the rank of each pair.
  template <class Body>
  void each(Body&& body) const {
    for (const uint64_t slot : slots_)
      if (slot != kEmpty)
        body(static_cast<int32_t>(slot >> (rank_bits_ + id_bits_)), static_cast<int32_t>(slot >> rank_bits_ & ((uint64_t{1} << id_bits_) - 1)),
             static_cast<uint32_t>(slot & rank_mask_));
  }
  // The id that rules of a rank make: so much more than the rank, in tiktoken's lists and in what most trainers save.
  int32_t made(uint32_t rank) const { return made_.empty() ? static_cast<int32_t>(rank) + ahead_ : made_[rank]; }
  size_t rank_limit() const { return rank_limit_; }

  // The rank of a pair, or kNoRank.
  uint32_t find(int32_t left, int32_t right) const {
    // Most pairs have no rule; a bit that the nearest cache holds says so of nearly all of them.
    return likely(left, right) ? find_likely(left, right) : kNoRank;
  }
  bool likely(int32_t left, int32_t right) const {
    const size_t h = hash(key_of(left, right));
    return filter_[h >> 6 & filter_mask_] >> (h & 63) & 1;
  }
  void prefetch(int32_t left, int32_t right) const { __builtin_prefetch(&slots_[slot_of(key_of(left, right))]); }
  uint32_t find_likely(int32_t left, int32_t right) const {
    const uint64_t pair = key_of(left, right), key = pair << rank_bits_;
    for (size_t at = slot_of(pair);; at = (at + 1) & mask_) {
      const uint64_t slot = slots_[at], rest = slot ^ key;
      if (rest <= rank_mask_) return static_cast<uint32_t>(rest);
      if (slot == kEmpty) return kNoRank;
    }
  }

 private:
  // No id has all its bits set.
  static constexpr uint64_t kEmpty = ~uint64_t{0};
  uint64_t key_of(int32_t left, int32_t right) const {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << id_bits_ | static_cast<uint32_t>(right);
  }
  static size_t hash(uint64_t key) {
    key *= 0x9e3779b97f4a7c15u;
    return static_cast<size_t>(key ^ key >> 29);
  }
  size_t slot_of(uint64_t key) const { return hash(key) >> kFilterBits & mask_; }
  // The filter has 8 bits for each slot.
  static constexpr size_t kFilterBits = 3;
  std::vector<uint64_t, RoomAllocator<uint64_t>> slots_;
  std::vector<uint64_t> filter_;
  std::vector<int32_t> made_;  // empty where all are ahead of their ranks by as much
  int32_t ahead_ = 0;
  size_t rank_limit_ = 0;
  unsigned id_bits_, rank_bits_;
  uint64_t rank_mask_;
  size_t mask_, filter_mask_;
};

// The symbols that merging starts from where they are not single bytes. In byte-level BPE it is what characters of two and
// three bytes are merged to before anything else happens to them, where that is certain. It is certain for a character if every rule that could join it or a part of it to
// a neighbour has a higher rank than those that finish it: then, whatever the neighbours, it is finished first.
class Characters {
 public:
  struct Symbols {
    int32_t ids[3];
    int32_t count = 0;
  };
  // `bytes` and `starts` say how tokens are spelled; see Vocabulary.
  Characters(const PairRules& rules, const int32_t* byte_ids, const std::vector<uint8_t>& bytes,
             const std::vector<uint32_t>& starts);
  // Characters that are symbols as they are.
  Characters(const std::vector<uint32_t>& points, const std::vector<int32_t>& ids);

  // The one symbol of a character, kBytes where that is its bytes, or less where there are several.
  int32_t find(uint32_t point) const {
    if (point < kFirst) return kBytes;
    if (point >= kEnd) return astral_.empty() ? kBytes : find_astral(point);
    return symbols_[point - kFirst];
  }
  const Symbols& several(int32_t found) const { return several_[static_cast<size_t>(kBytes - 1 - found)]; }
  static constexpr int32_t kBytes = -1;

 private:
  int32_t find_astral(uint32_t point) const;

  static constexpr uint32_t kFirst = 0x80, kEnd = 0x10000;
  std::vector<int32_t> symbols_;
  std::vector<Symbols> several_;
  std::unordered_map<uint32_t, int32_t> astral_;
};

// Merges pieces of well-formed UTF-8; one per thread, since it owns the room to work in.
class Merger {
 public:
  // `byte_ids` are the 256 ids that single bytes have, `end_ids` those they have at the end of a piece, or null.
  Merger(const PairRules& rules, const Characters& characters, const int32_t* byte_ids, const int32_t* end_ids);

  // Writes the ids of n bytes, behind which no character goes on, to `out`, which has room for n + 1, and returns how many they are. O(n log n), and O(n) where
  // no rule has a lower rank than one that makes its parts.
  size_t merge(const uint8_t* piece, size_t n, int32_t* out);

  // Steps of the long way taken so far: what a test of the worst case counts.
  uint64_t steps() const { return steps_; }

 private:
  size_t start(const uint8_t* piece, size_t n, bool ends, int32_t* out, int32_t* offsets = nullptr) const;
  size_t merge_short(int32_t* ids, size_t n) const;
  size_t merge_symbols(int32_t* ids, size_t n);
  size_t merge_windows(const uint8_t* piece, size_t n, int32_t* out);
  size_t merge_long(int32_t* ids, size_t n, bool places = false);
  struct Positions {
    Buffer<int32_t> at;
    size_t size = 0;
    void add(int32_t position) {
      if (size == at.capacity()) at.reserve(size + 8);
      at.data()[size++] = position;
    }
    int32_t* begin() { return at.data(); }
    int32_t* end() { return at.data() + size; }
  };
  static int32_t next_of(const int32_t* ids, int32_t at);
  int32_t bucket(uint32_t rank);
  void wait(uint32_t rank, int32_t at);
  void merge_at(int32_t* ids, int32_t count, int32_t at, uint32_t rank, uint32_t current);
  void sort_runs(Positions& positions);

  static constexpr size_t kShort = 64;
  // Bytes merged at a time, and how many of them at the end are merged again with those that follow.
  static constexpr size_t kWindow = 1 << 15, kMargin = 256;
  const PairRules& rules_;
  const Characters& characters_;
  const int32_t* byte_ids_;
  const int32_t* end_ids_;

  // The long way: the rank of each symbol with the one behind it.
  Buffer<uint32_t> ranks_;
  // Positions to look at by rank: in buckets, each of which is emptied in one go over the text. The few that come up
  // behind their time, with a rank that is not above the current one, go to a heap of rank and position.
  std::vector<int32_t> bucket_of_;
  std::vector<Positions> buckets_;
  std::vector<size_t> sizes_;
  std::vector<int32_t> free_;
  std::vector<uint32_t> waiting_;
  std::vector<uint64_t> late_;
  Positions current_, room_;
  Positions places_;  // of the tokens
  // A window's tokens, the symbols they were and where those begin; the symbols of the last token before the window, and
  // with them those of its first one.
  Buffer<int32_t> window_, symbols_, offsets_, seam_;
  Positions before_;
  uint64_t steps_ = 0;
};

}  // namespace ik::tok
