// Learns the merges of byte-level byte-pair encoding (Sennrich et al. 2016, arXiv 1508.07909, algorithm 1). The rules,
// ties included, are those of packages/tokenizer/src/trainers/learn-merges.ts, which is the definition.
#pragma once
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "buffer.h"

namespace ik::tok {

// How often each pair of neighbours occurs, by open addressing; pairs are never taken out. The table grows by half, since it is
// most of the memory that learning takes.
class PairCounts {
 public:
  struct Slot {
    uint64_t key = kEmpty;
    int64_t count = 0;
    uint32_t entries = kNone;  // the first of the pair's entries that wait for their turn
  };
  static constexpr uint32_t kNone = 0xffffffff;

  PairCounts() { resize(1 << 12); }

  // Makes room for `more` pairs, so that slots stay where they are while those are added.
  void reserve(size_t more);
  void prefetch(int32_t left, int32_t right) const { __builtin_prefetch(slots_.data() + first_of(key_of(left, right))); }
  // Null if the pair has not been seen.
  Slot* find(int32_t left, int32_t right);
  // Adds the pair if it has not been seen; there must be room.
  Slot& at(int32_t left, int32_t right);

 private:
  static constexpr uint64_t kEmpty = ~uint64_t{0};
  static uint64_t key_of(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
  // Where the search for a pair begins: its hash, 32 bits, as a part of the table.
  size_t first_of(uint64_t key) const {
    key *= 0x9e3779b97f4a7c15u;
    return static_cast<size_t>(((key ^ key >> 32) & 0xffffffff) * count_ >> 32);
  }
  Slot& place_of(uint64_t key);
  void resize(size_t count);
  Buffer<Slot, true> slots_;
  size_t count_ = 0, size_ = 0;
};

class MergeLearner {
 public:
  struct Options {
    size_t vocabulary;         // tokens wanted in all
    double min_frequency;      // rarer pairs are not merged
    double max_token_length;   // no pair is counted whose token would have this many bytes or more
  };
  struct Merge {
    int32_t left, right, token;
  };

  // `tokens` are the bytes of the first ids, empty where a token has none; word w is bytes [starts[w], starts[w + 1]),
  // each of which has the id that `byte_ids` says, all within 256 of each other, and occurs counts[w] times. Throws std::bad_alloc, also where the
  // words have 2^31 bytes or more together.
  MergeLearner(std::vector<std::string>&& tokens, const int32_t* byte_ids, const uint8_t* bytes, const uint32_t* starts,
               const double* counts, size_t words, const Options& options);

  // Learns the next merge; false if there is none.
  bool step();

  size_t tokens() const { return tokens_.size(); }
  const std::vector<Merge>& merges() const { return merges_; }

 private:
  // One byte of a word. A token lies at its first byte; its last one tells its length, so that both neighbours of a
  // token are found without links.
  struct Cell {
    int32_t token;  // or kEdge, kInside, or -length at the last byte of a token of several
    uint32_t word;
  };
  static constexpr int32_t kEdge = INT32_MIN;
  static constexpr int32_t kInside = INT32_MIN + 1;

  // Where a pair was seen: positions of its left tokens, ascending. Some may no longer hold.
  struct Entry {
    uint64_t at;    // in positions_, ascending
    uint32_t size;  // 0 once it has been taken
    uint32_t next;  // of the same pair; a pair has several where a token came about in two ways
  };
  struct Waiting {
    int64_t count;
    int32_t left, right;
    uint32_t entry;  // entries count up in the order in which they came
    bool before(const Waiting& other) const {
      if (count != other.count) return count > other.count;
      if (left != other.left) return left < other.left;
      return right != other.right ? right < other.right : entry < other.entry;
    }
  };
  // What the current merge changes at one neighbour: occurrences to the left of the new token, and to the right.
  struct Side {
    int64_t count = 0;
    uint32_t size = 0;
    uint64_t at = 0;
  };
  struct Neighbour {
    Side left, right;
  };
  struct Event {
    int32_t token;
    uint32_t position;
  };

  void first_pairs();
  void wait(const Waiting& waiting);
  void push(const Waiting& waiting);
  void sink();
  bool next_pair(Waiting& found);
  const uint32_t* take(const Waiting& top, size_t& size);
  int32_t token_of(const Waiting& pair);
  void apply(const Waiting& pair, int32_t token, const uint32_t* positions, size_t size);
  void settle(const Waiting& pair, int32_t token);
  void keep(int32_t left, int32_t right, const Side& side);
  void make_room(size_t more);
  size_t length_of(int32_t token) const { return lengths_[static_cast<size_t>(token)]; }
  Neighbour& touch(int32_t token);

  const Options options_;
  const int32_t first_byte_;  // the lowest id of a byte
  std::vector<std::string> tokens_;
  std::unordered_map<std::string, int32_t> ids_;
  std::vector<size_t> lengths_;  // as the limit counts them; 1 for the first tokens
  std::vector<uint32_t> spans_;  // bytes
  std::vector<Merge> merges_;

  Buffer<Cell, true> cells_;
  size_t cell_count_ = 0;
  std::vector<int64_t> counts_;
  PairCounts pairs_;
  Buffer<uint32_t, true> positions_;
  size_t position_count_ = 0;
  std::vector<Entry> entries_;
  std::vector<Waiting> heap_;
  // Pairs too rare to merge, which need no place in the heap until it holds nothing else.
  std::vector<Waiting> rare_;
  bool rare_wait_ = true;

  std::vector<Neighbour> neighbours_;
  std::vector<int32_t> touched_;
  std::vector<Event> left_events_, right_events_;
  std::vector<uint32_t> gathered_, gathered_words_;
};

}  // namespace ik::tok
