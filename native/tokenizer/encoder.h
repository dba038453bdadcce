// BPE of bytes, or of characters that fall back to bytes, from text to ids: a scanner cuts pieces, a cache knows those seen before, the others are merged.
#pragma once
#include <memory>
#include <vector>

#include "buffer.h"
#include "merges.h"
#include "piece_cache.h"
#include "scanner.h"

namespace ik::tok {

// Tokens of one or several texts; offsets in UTF-16 units, two per id, and the number of its piece.
struct Tokens {
  Buffer<int32_t> ids, offsets, words;
  size_t count = 0;
};

// What a tokenizer is, checked by the caller: ids within [0, id_limit), ranks below kRankLimit.
struct Vocabulary {
  std::vector<int32_t> byte_ids;     // of the 256 bytes
  std::vector<int32_t> end_ids;      // of bytes that end a piece, where they have their own
  std::vector<uint8_t> bytes;        // of all tokens, one after the other
  std::vector<uint32_t> starts;      // id_limit + 1; token t is bytes [starts[t], starts[t + 1]), empty if no bytes
  std::vector<uint32_t> points;      // characters that are symbols as a whole, where any are
  std::vector<int32_t> point_ids;    // and their ids
  bool whole_pieces = false;         // a piece that is a token is not merged up
  size_t size_of(int32_t id) const { return starts[static_cast<size_t>(id) + 1] - starts[static_cast<size_t>(id)]; }
};

class Encoder {
 public:
  Encoder(Scanner&& scanner, Vocabulary&& vocabulary, PairRules&& rules);

  // What one thread needs: cache, room to merge in, and the text as UTF-8.
  struct Worker {
    explicit Worker(const Encoder& encoder)
        : merger(encoder.rules_, encoder.characters_, encoder.vocabulary_.byte_ids.data(),
                 encoder.vocabulary_.end_ids.empty() ? nullptr : encoder.vocabulary_.end_ids.data()) {
      encoder.prime(cache);
    }
    PieceCache cache;
    Merger merger;
    Buffer<uint8_t> text;
  };

  // Appends the tokens of a text; offsets and words only where asked for. Throws std::bad_alloc.
  void encode(const char16_t* text, size_t units, bool spans, Worker& worker, Tokens& out) const;

 private:
  using Piece = PieceCache::Piece;
  static constexpr size_t kAhead = 32;

  void prime(PieceCache& cache) const;
  template <Pattern kPattern>
  size_t cut_ahead(uint8_t* p, size_t& at, size_t n, const Worker& worker, Scanner::Segments& segments, Piece* pieces) const;
  template <Pattern kPattern>
  void encode_ids(size_t n, Worker& worker, Tokens& out) const;
  template <Pattern kPattern>
  void encode_spans(size_t n, Worker& worker, Tokens& out) const;
  size_t encode_piece(const Piece& piece, Worker& worker, Tokens& out) const;
  size_t encode_rare(const Piece& piece, Worker& worker, int32_t* ids) const;
  int32_t whole(const uint8_t* piece, size_t n, uint64_t hash) const;

  const Scanner scanner_;
  const Vocabulary vocabulary_;
  const PairRules rules_;
  const Characters characters_;
  // A hash table of ids by the bytes of their tokens; half of the hash says most often that a token is another.
  struct Whole {
    uint32_t tag = 0;
    int32_t id = -1;
  };
  std::vector<Whole, RoomAllocator<Whole>> wholes_;
};

}  // namespace ik::tok
