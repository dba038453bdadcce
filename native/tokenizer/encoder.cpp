#include "encoder.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace ik::tok {

Encoder::Encoder(Scanner&& scanner, Vocabulary&& vocabulary, PairRules&& rules)
    : scanner_(std::move(scanner)),
      vocabulary_(std::move(vocabulary)),
      rules_(std::move(rules)),
      characters_(vocabulary_.points.empty()
                      ? Characters(rules_, vocabulary_.byte_ids.data(), vocabulary_.bytes, vocabulary_.starts)
                      : Characters(vocabulary_.points, vocabulary_.point_ids)) {
  if (!vocabulary_.whole_pieces) return;
  const size_t count = vocabulary_.starts.size() - 1;
  size_t slots = 16;
  while (slots < count * 2) slots *= 2;
  wholes_.resize(slots);
  for (size_t id = 0; id < count; ++id) {
    const size_t n = vocabulary_.size_of(static_cast<int32_t>(id));
    if (n == 0) continue;
    const uint64_t hash = PieceCache::hash(&vocabulary_.bytes[vocabulary_.starts[id]], n);
    size_t at = hash >> 16 & (slots - 1);
    while (wholes_[at].id >= 0) at = (at + 1) & (slots - 1);
    wholes_[at] = {static_cast<uint32_t>(hash >> 32), static_cast<int32_t>(id)};
  }
}

int32_t Encoder::whole(const uint8_t* piece, size_t n, uint64_t hash) const {
  const size_t mask = wholes_.size() - 1;
  for (size_t at = hash >> 16 & mask;; at = (at + 1) & mask) {
    const Whole slot = wholes_[at];
    if (slot.id < 0) return -1;
    if (slot.tag == static_cast<uint32_t>(hash >> 32) && vocabulary_.size_of(slot.id) == n &&
        std::memcmp(&vocabulary_.bytes[vocabulary_.starts[static_cast<size_t>(slot.id)]], piece, n) == 0)
      return slot.id;
  }
}

// What a piece that is a token becomes is known beforehand, where such pieces are not merged up. Lower ids tend to be more
// frequent, so they come last and stay.
void Encoder::prime(PieceCache& cache) const {
  if (!vocabulary_.whole_pieces) return;
  for (size_t id = vocabulary_.starts.size() - 1; id-- > 0;) {
    const size_t n = vocabulary_.size_of(static_cast<int32_t>(id));
    if (n == 0 || n > PieceCache::kShort) continue;
    uint8_t spelled[16] = {};
    std::memcpy(spelled, &vocabulary_.bytes[vocabulary_.starts[id]], n);
    const PieceCache::Key key = PieceCache::key_of(spelled, n);
    const auto token = static_cast<int32_t>(id);
    cache.add(key, PieceCache::set_of(key), &token, 1);
  }
}

// Appends the ids of one piece and returns how many.
inline size_t Encoder::encode_piece(const Piece& piece, Worker& worker, Tokens& out) const {
  const size_t n = piece.size;
  if (out.count + n + 4 > out.ids.capacity()) out.ids.reserve(out.count + n + 4, out.count);
  int32_t* const ids = out.ids.data() + out.count;
  if (n <= PieceCache::kShort) {
    if (const PieceCache::Slot* slot = worker.cache.find(piece.key, piece.place)) {
      std::memcpy(ids, slot->ids, 16);
      out.count += static_cast<size_t>(slot->count);
      return static_cast<size_t>(slot->count);
    }
  }
  const size_t count = encode_rare(piece, worker, ids);
  out.count += count;
  return count;
}

// The ids of a piece that the table of short ones does not have.
size_t Encoder::encode_rare(const Piece& piece, Worker& worker, int32_t* ids) const {
  const auto [at, n, key, place] = piece;
  const bool is_short = n <= PieceCache::kShort;
  const uint64_t hash = is_short || n > PieceCache::kLong ? PieceCache::hash(at, n) : place;
  if (vocabulary_.whole_pieces) {
    const int32_t id = whole(at, n, hash);
    if (id >= 0) {
      *ids = id;
      // A longer one is found here as soon as in the cache.
      if (is_short) worker.cache.add(key, place, ids, 1);
      return 1;
    }
  }
  if (n > PieceCache::kLong) return worker.merger.merge(at, n, ids);
  // A short piece of few ids is in the table of short ones, if anywhere.
  if (n > PieceCache::kSlotIds && (!is_short || worker.cache.may_have(hash))) {
    const PieceCache::LongHit hit = worker.cache.find_long(hash, at, n);
    if (hit.ids) {
      std::memcpy(ids, hit.ids, hit.count * sizeof(int32_t));
      return hit.count;
    }
  }
  const size_t count = worker.merger.merge(at, n, ids);
  if (is_short && count <= PieceCache::kSlotIds) worker.cache.add(key, place, ids, count);
  else worker.cache.add_long(hash, at, n, ids, count);
  return count;
}

// Cuts up to kAhead pieces, so that what the cache has on the last of them is on its way while the first are looked up.
template <Pattern kPattern>
inline size_t Encoder::cut_ahead(uint8_t* p, size_t& at, size_t n, const Worker& worker, Scanner::Segments& segments,
                                 Piece* pieces) const {
  size_t count = 0;
  for (; count < kAhead && at < n; ++count) {
    if constexpr (kPattern == Pattern::kClip) {
      at = scanner_.skip_spaces(p, at, n);
      if (at == n) break;
    }
    size_t next;
    if constexpr (kPattern == Pattern::kRuns) next = scanner_.cut_runs(p, at, n, segments);
    else next = scanner_.cut<kPattern>(p, at, n);
    Piece& piece = pieces[count];
    piece.at = p + at;
    piece.size = next - at;
    worker.cache.look_ahead(piece);
    if (vocabulary_.whole_pieces && piece.size > PieceCache::kShort && piece.size <= PieceCache::kLong)
      __builtin_prefetch(&wholes_[piece.place >> 16 & (wholes_.size() - 1)]);
    at = next;
  }
  return count;
}

template <Pattern kPattern>
void Encoder::encode_ids(size_t n, Worker& worker, Tokens& out) const {
  Piece pieces[kAhead];
  Scanner::Segments segments;
  for (size_t at = 0; at < n;) {
    const size_t count = cut_ahead<kPattern>(worker.text.data(), at, n, worker, segments, pieces);
    for (size_t i = 0; i < count; ++i) encode_piece(pieces[i], worker, out);
  }
}

// A token that begins or ends inside a character spans that character.
template <Pattern kPattern>
void Encoder::encode_spans(size_t n, Worker& worker, Tokens& out) const {
  uint8_t* const p = worker.text.data();
  Piece pieces[kAhead];
  Scanner::Segments segments;
  int32_t unit = 0, word = 0;
  [[maybe_unused]] size_t done = 0;
  for (size_t ahead = 0; ahead < n;) {
    const size_t pieces_cut = cut_ahead<kPattern>(p, ahead, n, worker, segments, pieces);
    for (size_t k = 0; k < pieces_cut; ++k, ++word) {
      const size_t from = out.count;
      const size_t count = encode_piece(pieces[k], worker, out);
      out.offsets.reserve(2 * out.count, 2 * from);
      out.words.reserve(out.count, from);
      int32_t* offset = out.offsets.data() + 2 * from;
      // `at` and `unit` stand at the character that holds byte `end`, the end of the last token.
      size_t at = static_cast<size_t>(pieces[k].at - p), end = at;
      if constexpr (kPattern == Pattern::kClip) {
        // The spaces before are one unit each.
        for (; done < at; ++done) unit += (p[done] & 0xc0) != 0x80;
        done = at + pieces[k].size;
      }
      for (size_t i = from; i < from + count; ++i, offset += 2) {
        out.words.data()[i] = word;
        offset[0] = unit;
        end += vocabulary_.size_of(out.ids.data()[i]);
        int32_t reached = unit;
        while (at < end) {
          const size_t size = p[at] < 0x80 ? 1 : p[at] < 0xe0 ? 2 : p[at] < 0xf0 ? 3 : 4;
          reached = unit + (size == 4 ? 2 : 1);
          if (at + size > end) break;
          unit = reached;
          at += size;
        }
        offset[1] = reached;
      }
    }
  }
}

void Encoder::encode(const char16_t* text, size_t units, bool spans, Worker& worker, Tokens& out) const {
  worker.text.reserve((units > kKept ? utf8_bound(text, units) : 3 * units) + kPadding);
  const size_t n = utf16_to_utf8(text, units, worker.text.data());
  std::memset(worker.text.data() + n, 0, kPadding);
  out.ids.reserve(out.count + n / 4 + 16, out.count);
  const auto run = [&]<Pattern kPattern>() {
    if (spans) encode_spans<kPattern>(n, worker, out);
    else encode_ids<kPattern>(n, worker, out);
  };
  switch (scanner_.pattern()) {
    case Pattern::kGpt2: run.template operator()<Pattern::kGpt2>(); break;
    case Pattern::kCl100k: run.template operator()<Pattern::kCl100k>(); break;
    case Pattern::kO200k: run.template operator()<Pattern::kO200k>(); break;
    case Pattern::kWords: run.template operator()<Pattern::kWords>(); break;
    case Pattern::kMarks: run.template operator()<Pattern::kMarks>(); break;
    case Pattern::kDeepSeek: run.template operator()<Pattern::kDeepSeek>(); break;
    case Pattern::kKimi: run.template operator()<Pattern::kKimi>(); break;
    case Pattern::kClip: run.template operator()<Pattern::kClip>(); break;
    case Pattern::kRuns: run.template operator()<Pattern::kRuns>(); break;
    case Pattern::kWhole: run.template operator()<Pattern::kWhole>(); break;
  }
  if (n > kKept) worker.text.release();
}

}  // namespace ik::tok
