// The ids of pieces seen before. Short ones lie in sets of two slots of half a cache line each; longer ones behind an
// index, in an arena that starts over when it is full. Memory is bounded, and colliding hashes cost no more than a
// miss.
#pragma once
#include <cstdint>
#include <cstring>
#include <vector>

#include "buffer.h"

namespace ik::tok {

// Which bits of two words the first n bytes are, n below 16.
struct ByteMasks {
  uint64_t pair[16][2];
  constexpr ByteMasks() : pair() {
    for (int n = 0; n < 16; ++n)
      for (int b = 0; b < n; ++b) pair[n][b / 8] |= uint64_t{0xff} << (b % 8 * 8);
  }
};
inline constexpr ByteMasks kByteMasks{};

class PieceCache {
 public:
  static constexpr size_t kShort = 15;
  static constexpr size_t kLong = 192;
  static constexpr size_t kSlotIds = 3;

  static constexpr size_t kSets = 1 << 16;

  struct Key {
    uint64_t low, high;
    bool operator==(const Key& other) const { return ((low ^ other.low) | (high ^ other.high)) == 0; }
  };
  // `ids` is read as four numbers whatever the count, so that a hit is two moves of 16 bytes.
  struct Slot {
    Key key;
    int32_t ids[kSlotIds];
    int32_t count;
  };

  // A piece of a text, and where the cache has it, if anywhere.
  struct Piece {
    const uint8_t* at;
    size_t size;
    Key key;       // of short pieces alone
    size_t place;  // the set of a short piece, the hash of a longer one that the cache may have
  };

  PieceCache() : slots_(kSets), index_(kLongSets * 2), shorts_(1 << 14) {
    arena_.reserve(kArenaBytes);
    // The first texts find memory there.
    arena_.resize(kFirstBytes);
    arena_.clear();
  }

  // A key no piece of no bytes has: the length is its last byte. Reads 16 bytes from p.
  static Key key_of(const uint8_t* p, size_t n) {
    Key key;
    std::memcpy(&key, p, 16);
    key.low &= kByteMasks.pair[n][0];
    key.high = (key.high & kByteMasks.pair[n][1]) | static_cast<uint64_t>(n) << 56;
    return key;
  }

  static size_t set_of(const Key& key) {
    return static_cast<size_t>(mix(key.low ^ 0xa0761d6478bd642fu, key.high ^ 0xe7037ed1a0b428dbu)) & (kSets - 1);
  }

  // Sets the place of a piece, and sends for what the cache has on it. Reads 16 bytes from it.
  void look_ahead(Piece& piece) const {
    if (piece.size <= kShort) {
      piece.key = key_of(piece.at, piece.size);
      piece.place = set_of(piece.key);
      __builtin_prefetch(&slots_[piece.place]);
    } else if (piece.size <= kLong) {
      piece.place = hash(piece.at, piece.size);
      __builtin_prefetch(&index_[(piece.place >> 20 & (kLongSets - 1)) * 2]);
    }
  }

  const Slot* find(const Key& key, size_t at) const {
    const Set& set = slots_[at];
    if (set.ways[0].key == key) return &set.ways[0];
    if (set.ways[1].key == key) return &set.ways[1];
    return nullptr;
  }

  // Takes the first way; what was there moves to the second.
  void add(const Key& key, size_t at, const int32_t* ids, size_t count) {
    Set& set = slots_[at];
    set.ways[1] = set.ways[0];
    set.ways[0].key = key;
    std::memcpy(set.ways[0].ids, ids, count * sizeof(int32_t));
    set.ways[0].count = static_cast<int32_t>(count);
  }

  struct LongHit {
    const uint8_t* ids;
    size_t count;
  };

  static uint64_t hash(const uint8_t* p, size_t n) {
    uint64_t h = n * 0x9e3779b97f4a7c15u;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) h = mix(h ^ word(p + i), 0xa0761d6478bd642fu);
    if (i < n) {
      uint64_t tail = 0;
      std::memcpy(&tail, p + i, n - i);
      h = mix(h ^ tail, 0xe7037ed1a0b428dbu);
    }
    return h | 1;
  }

  // False if no short piece of this hash has been added as a long one, which those of many ids are.
  bool may_have(uint64_t hash) const { return shorts_[hash >> 50] >> (hash >> 44 & 63) & 1; }

  LongHit find_long(uint64_t hash, const uint8_t* p, size_t n) const {
    const LongSlot* set = &index_[(hash >> 20 & (kLongSets - 1)) * 2];
    for (int way = 0; way < 2; ++way)
      if (set[way].hash == hash && set[way].size == n && std::memcmp(&arena_[set[way].at], p, n) == 0)
        return {&arena_[set[way].at] + n, set[way].count};
    return {nullptr, 0};
  }

  void add_long(uint64_t hash, const uint8_t* p, size_t n, const int32_t* ids, size_t count) {
    const size_t bytes = n + count * sizeof(int32_t);
    if (arena_.size() + bytes > kArenaBytes) {
      arena_.clear();
      index_.assign(index_.size(), {});
    }
    if (n <= kShort) shorts_[hash >> 50] |= uint64_t{1} << (hash >> 44 & 63);
    LongSlot* set = &index_[(hash >> 20 & (kLongSets - 1)) * 2];
    set[1] = set[0];
    set[0] = {hash, static_cast<uint32_t>(arena_.size()), static_cast<uint16_t>(n), static_cast<uint16_t>(count)};
    arena_.insert(arena_.end(), p, p + n);
    const auto* from = reinterpret_cast<const uint8_t*>(ids);
    arena_.insert(arena_.end(), from, from + count * sizeof(int32_t));
  }

 private:
  struct alignas(64) Set {
    Slot ways[2];
  };
  struct LongSlot {
    uint64_t hash = 0;
    uint32_t at = 0;
    uint16_t size = 0;
    uint16_t count = 0;
  };
  static constexpr size_t kLongSets = 1 << 16;
  static constexpr size_t kArenaBytes = 16 << 20, kFirstBytes = 4 << 20;

  static uint64_t word(const uint8_t* p) {
    uint64_t w;
    std::memcpy(&w, p, 8);
    return w;
  }
  static uint64_t mix(uint64_t a, uint64_t b) {
    const auto product = static_cast<unsigned __int128>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  }
  std::vector<Set, RoomAllocator<Set>> slots_;
  std::vector<LongSlot, RoomAllocator<LongSlot>> index_;
  std::vector<uint64_t> shorts_;
  std::vector<uint8_t, RoomAllocator<uint8_t>> arena_;
};

}  // namespace ik::tok
