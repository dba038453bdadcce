// Unigram from text to ids: a text is rewritten and cut by a table, a cache knows the pieces seen before, and of all ways to cut
// another into tokens the one of the highest sum of scores is found by Viterbi (Kudo 2018, arXiv 1804.10959). Sums, ties and
// their order are those of packages/tokenizer/src/models/unigram.ts, to the bit.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "buffer.h"
#include "character_trie.h"
#include "encoder.h"
#include "piece_cache.h"
#include "unigram_text.h"

namespace ik::tok {

// Checked by the caller: a score for each token, `unknown` and byte_ids below their number, byte_ids none or 256 of them.
struct UnigramVocabulary {
  std::vector<uint8_t> bytes;     // of all tokens, one after the other; none for those that text never spells
  std::vector<uint32_t> starts;   // token t is bytes [starts[t], starts[t + 1])
  std::vector<double> scores;
  std::vector<int32_t> byte_ids;  // what unknown text is spelled by, where it is
  int32_t unknown = -1;           // none
  double unknown_score = 0;
  bool single_precision = false;  // sums are rounded to float
};

class UnigramEncoder {
 public:
  UnigramEncoder(UnigramVocabulary&& vocabulary, TextRules&& rules);

  // The best way to a place: its sum, where its last token begins (kNowhere if there is none) and which that is.
  struct Node {
    double score;
    uint32_t from;
    int32_t id;
  };
  // A token of a piece, in bytes.
  struct Span {
    size_t start, end;
  };
  // What one thread needs.
  struct Worker {
    explicit Worker(const UnigramEncoder&) {}
    PieceCache cache;
    RewrittenText text;
    UnknownClusters unknown;
    Buffer<Node> nodes;
    Buffer<uint32_t> path;
    Buffer<Span> spans;
    uint64_t steps = 0;  // characters looked at to find the tokens of pieces
  };

  // Appends the tokens of a text, which stands at a place (bits of unigram_text.h); offsets and words only where asked for.
  // False, with nothing appended, if it has a cluster that is not known, which the worker then puts down, or of which nothing
  // can be said, or an unknown character where there is no unknown token. Throws std::bad_alloc.
  bool encode(const char16_t* text, size_t units, uint32_t place, bool spans, Worker& worker, Tokens& out) const;

  // Not while a text is encoded. Checked by the caller: cells are of the first three kinds. Throws std::bad_alloc.
  void learn(std::u16string&& units, Cluster&& cluster) { rules_.clusters.learn(std::move(units), std::move(cluster)); }

 private:
  class Writer;
  using Piece = PieceCache::Piece;
  struct Trial;
  // Tokens of a word; null if they are not known.
  struct Word {
    const int32_t* ids = nullptr;
    size_t count = 0;
  };
  static constexpr size_t kAhead = 32;
  static constexpr size_t kLongestWord = 48;  // that is remembered, of a text that is one piece; in bytes

  template <bool kSpans>
  bool run(Worker& worker, Tokens& out) const;
  bool add_ids(const Piece& piece, Worker& worker, Tokens& out) const;
  bool add_tokens(const Piece& piece, int32_t word, Worker& worker, Tokens& out) const;
  template <bool kSpans>
  bool run_words(Worker& worker, Tokens& out) const;
  Word remembered(const uint8_t* word, size_t n, double base, Worker& worker, Trial& trial) const;
  template <bool kSingle, class Sink>
  bool cover(const uint8_t* piece, size_t from, size_t to, double& base, Worker& worker, Sink& out) const;
  bool cover(const uint8_t* piece, size_t from, size_t to, double& base, Worker& worker, Writer& out) const;
  bool cover(const uint8_t* piece, size_t n, Worker& worker, Writer& out) const;
  int32_t find(const uint8_t* token, size_t n) const;

  UnigramVocabulary vocabulary_;
  TextRules rules_;
  CharacterTrie trie_;
  std::vector<uint32_t> sizes_;  // of each token, in bytes; 0 of those that do not say what they stand for
  double largest_ = 0;           // of all scores, without signs
  bool cuts_words_ = true;       // no token goes on from another character to a mark
};

}  // namespace ik::tok
