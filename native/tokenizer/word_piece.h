// WordPiece from text to ids: characters are rewritten and told apart by a table, words are cut off as they come, a cache
// knows those seen before, and the others are covered by the longest tokens from the left (Devlin et al. 2019, arXiv
// 1810.04805).
#pragma once
#include <cstdint>
#include <vector>

#include "buffer.h"
#include "byte_trie.h"
#include "encoder.h"
#include "piece_cache.h"

namespace ik::tok {

// What becomes of a character: `value << 3 | kind`, where the value is the code point it becomes.
enum class CellKind : uint32_t {
  kWord,      // part of a word
  kSpace,     // ends a word and is gone
  kAlone,     // a word of its own
  kGone,      // is gone
  kSequence,  // several, each a cell of one of the kinds above; the value is where they begin
  kElse,      // what becomes of it depends on its neighbours
};

// Checked by the caller: ids within [0, starts.size() - 1), cells and sequences well-formed.
struct WordPieceVocabulary {
  std::vector<uint8_t> bytes;    // of all tokens, one after the other; none for those that text never spells
  std::vector<uint32_t> starts;  // token t is bytes [starts[t], starts[t + 1])
  std::vector<uint8_t> prefix;   // of tokens that go on
  int32_t unknown = 0;
  double most_characters = 0;       // longer words are unknown
  std::vector<uint32_t> cells;      // of each code point
  std::vector<uint32_t> sequences;  // a count and as many cells
};

class WordPieceEncoder {
 public:
  explicit WordPieceEncoder(WordPieceVocabulary&& vocabulary);

  // What one thread needs: the cache and the word at hand.
  struct Worker {
    explicit Worker(const WordPieceEncoder&) { word.reserve(256); }
    struct Mark {
      uint32_t end;              // in bytes of the word
      int32_t from, to;          // in units of the text
    };
    PieceCache cache;
    Buffer<uint8_t> word;
    Buffer<Mark> marks;          // of each character of the word, where offsets are asked for
    size_t size = 0, characters = 0;
  };

  // Appends the tokens of a text; offsets and words only where asked for. False, with nothing appended, if it has a character
  // whose rewriting depends on its neighbours. Throws std::bad_alloc.
  bool encode(const char16_t* text, size_t units, bool spans, Worker& worker, Tokens& out) const;

 private:
  template <bool kSpans>
  bool run(const char16_t* text, size_t units, Worker& worker, Tokens& out) const;
  template <bool kSpans>
  void finish(Worker& worker, Tokens& out, int32_t& number) const;
  size_t look_up(Worker& worker, int32_t* ids) const;
  size_t cover(const Worker& worker, int32_t* ids) const;

  const WordPieceVocabulary vocabulary_;
  ByteTrie trie_;        // tokens that begin a word at root 0, those that go on, without the prefix, at root 1
  uint8_t ascii_[128];   // what an ASCII character of a word becomes where that is ASCII, or 0
};

}  // namespace ik::tok
