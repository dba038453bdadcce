// Different words and how often each occurs: what a trainer needs to know of its texts.
#pragma once
#include <cstdint>
#include <cstring>
#include <vector>

#include "buffer.h"
#include "piece_cache.h"
#include "scanner.h"

namespace ik::tok {

// UTF-16 units of n bytes of well-formed UTF-8.
inline size_t utf16_size(const uint8_t* p, size_t n) {
  size_t units = 0;
  for (size_t i = 0; i < n; ++i) units += (p[i] & 0xc0) != 0x80 ? 1 + (p[i] >= 0xf0) : 0;
  return units;
}

class WordTable {
 public:
  struct Word {
    uint64_t at;  // in bytes()
    uint64_t count;
    uint32_t size;
    uint32_t hash;
  };

  WordTable() : slots_(1 << 12, kEmpty) {}

  // Counts n bytes `times` more. Throws std::bad_alloc, also beyond 2^32 - 2 different words.
  void add(const uint8_t* p, size_t n, uint64_t times) { add(p, n, times, static_cast<uint32_t>(PieceCache::hash(p, n) >> 17)); }

  // Adds what another table has, and empties it.
  void take(WordTable& other);
  void clear();

  const std::vector<Word>& words() const { return words_; }
  const uint8_t* bytes() const { return bytes_.data(); }
  size_t text_size() const { return used_; }
  // UTF-16 units of all words.
  size_t units() const { return units_; }

  // Indices of the words, ordered as JavaScript compares strings: by UTF-16 units.
  std::vector<uint32_t> sorted() const;

 private:
  static constexpr uint32_t kEmpty = 0xffffffff;
  void add(const uint8_t* p, size_t n, uint64_t times, uint32_t hash);
  void grow();

  Buffer<uint8_t, true> bytes_;
  size_t used_ = 0, units_ = 0;
  std::vector<Word> words_;
  std::vector<uint32_t> slots_;
};

// Counts the pieces of a text, which has kPadding zeros behind its n bytes; longer ones than `most_units` of UTF-16 are
// left out. Where more text follows, `open`, what could still change is left, and the bytes that are done returned.
size_t count_pieces(const Scanner& scanner, const uint8_t* text, size_t n, size_t most_units, bool open, WordTable& words);

}  // namespace ik::tok
