#include "encoder.h"

#include <cstring>
#include <utility>

namespace ik::tok {

Encoder::Encoder(Scanner&& scanner, Vocabulary&& vocabulary, PairRules&& rules)
    : scanner_(std::move(scanner)), vocabulary_(std::move(vocabulary)), rules_(std::move(rules)) {
  if (!vocabulary_.whole_pieces) return;
  const size_t count = vocabulary_.starts.size() - 1;
  size_t slots = 16;
  while (slots < count * 2) slots *= 2;
  wholes_.assign(slots, -1);
  for (size_t id = 0; id < count; ++id) {
    const size_t n = vocabulary_.size_of(static_cast<int32_t>(id));
    if (n == 0) continue;
    size_t at = PieceCache::hash(&vocabulary_.bytes[vocabulary_.starts[id]], n) >> 16 & (slots - 1);
    while (wholes_[at] >= 0) at = (at + 1) & (slots - 1);
    wholes_[at] = static_cast<int32_t>(id);
  }
}

int32_t Encoder::whole(const uint8_t* piece, size_t n) const {
  const size_t mask = wholes_.size() - 1;
  for (size_t at = PieceCache::hash(piece, n) >> 16 & mask;; at = (at + 1) & mask) {
    const int32_t id = wholes_[at];
    if (id < 0) return -1;
    if (vocabulary_.size_of(id) == n &&
        std::memcmp(&vocabulary_.bytes[vocabulary_.starts[static_cast<size_t>(id)]], piece, n) == 0)
      return id;
  }
}

size_t Encoder::miss(const uint8_t* piece, size_t n, Worker& worker, int32_t* out) const {
  if (vocabulary_.whole_pieces) {
    const int32_t id = whole(piece, n);
    if (id >= 0) {
      *out = id;
      return 1;
    }
  }
  return worker.merger.merge(piece, n, out);
}

// Appends the ids of one piece and returns how many.
inline size_t Encoder::encode_piece(const uint8_t* piece, size_t n, Worker& worker, Tokens& out) const {
  if (out.count + n + 4 > out.ids.capacity()) out.ids.reserve(out.count + n + 4);
  int32_t* const ids = out.ids.data() + out.count;
  size_t count;
  if (n <= PieceCache::kShort) {
    const PieceCache::Key key = PieceCache::key_of(piece, n);
    if (const PieceCache::Slot* slot = worker.cache.find(key)) {
      std::memcpy(ids, slot->ids, 16);
      out.count += static_cast<size_t>(slot->count);
      return static_cast<size_t>(slot->count);
    }
    if (n <= PieceCache::kSlotIds) {
      count = miss(piece, n, worker, ids);
      worker.cache.add(key, ids, count);
      out.count += count;
      return count;
    }
  }
  if (n > PieceCache::kLong) {
    count = miss(piece, n, worker, ids);
    out.count += count;
    return count;
  }
  const uint64_t hash = PieceCache::hash(piece, n);
  const PieceCache::LongHit hit = worker.cache.find_long(hash, piece, n);
  if (hit.ids) {
    std::memcpy(ids, hit.ids, hit.count * sizeof(int32_t));
    out.count += hit.count;
    return hit.count;
  }
  count = miss(piece, n, worker, ids);
  if (n <= PieceCache::kShort && count <= PieceCache::kSlotIds)
    worker.cache.add(PieceCache::key_of(piece, n), ids, count);
  else
    worker.cache.add_long(hash, piece, n, ids, count);
  out.count += count;
  return count;
}

template <Pattern kPattern>
void Encoder::encode_ids(size_t n, Worker& worker, Tokens& out) const {
  const uint8_t* const p = worker.text.data();
  for (size_t at = 0; at < n;) {
    const size_t next = scanner_.cut<kPattern>(p, at, n);
    encode_piece(p + at, next - at, worker, out);
    at = next;
  }
}

// A token that begins or ends inside a character spans that character.
template <Pattern kPattern>
void Encoder::encode_spans(size_t n, Worker& worker, Tokens& out) const {
  const uint8_t* const p = worker.text.data();
  int32_t unit = 0, word = 0;
  for (size_t at = 0; at < n; ++word) {
    const size_t next = scanner_.cut<kPattern>(p, at, n);
    const size_t from = out.count;
    const size_t count = encode_piece(p + at, next - at, worker, out);
    out.offsets.reserve(2 * out.count);
    out.words.reserve(out.count);
    int32_t* offset = out.offsets.data() + 2 * from;
    // `at` and `unit` stand at the character that holds byte `end`, the end of the last token.
    size_t end = at;
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
    at = next;
  }
}

void Encoder::encode(const char16_t* text, size_t units, bool spans, Worker& worker, Tokens& out) const {
  worker.text.reserve(3 * units + kPadding);
  const size_t n = utf16_to_utf8(text, units, worker.text.data());
  std::memset(worker.text.data() + n, 0, kPadding);
  out.ids.reserve(out.count + n / 4 + 16);
  const auto run = [&]<Pattern kPattern>() {
    if (spans) encode_spans<kPattern>(n, worker, out);
    else encode_ids<kPattern>(n, worker, out);
  };
  switch (scanner_.pattern()) {
    case Pattern::kGpt2: run.template operator()<Pattern::kGpt2>(); break;
    case Pattern::kCl100k: run.template operator()<Pattern::kCl100k>(); break;
    case Pattern::kO200k: run.template operator()<Pattern::kO200k>(); break;
    case Pattern::kWhole: run.template operator()<Pattern::kWhole>(); break;
  }
  // Room for a giant is not kept.
  if (worker.text.capacity() > (16u << 20)) worker.text.release();
}

}  // namespace ik::tok
