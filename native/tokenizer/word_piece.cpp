#include "word_piece.h"

#include <cstring>
#include <utility>

#include "utf.h"

namespace ik::tok {
namespace {

constexpr CellKind kind_of(uint32_t cell) { return static_cast<CellKind>(cell & 7); }

}  // namespace

WordPieceEncoder::WordPieceEncoder(WordPieceVocabulary&& vocabulary) : vocabulary_(std::move(vocabulary)), trie_(2) {
  const auto& [bytes, starts, prefix, unknown, most, cells, sequences] = vocabulary_;
  for (size_t id = 0; id + 1 < starts.size(); ++id) {
    const uint8_t* const token = bytes.data() + starts[id];
    const size_t n = starts[id + 1] - starts[id];
    if (n == 0) continue;
    trie_.add(0, token, n, static_cast<int32_t>(id));
    if (n > prefix.size() && std::memcmp(token, prefix.data(), prefix.size()) == 0)
      trie_.add(1, token + prefix.size(), n - prefix.size(), static_cast<int32_t>(id));
  }
  for (uint32_t c = 0; c < 128; ++c) {
    const uint32_t cell = cells[c];
    ascii_[c] = kind_of(cell) == CellKind::kWord && cell >> 3 < 128 ? static_cast<uint8_t>(cell >> 3) : 0;
  }
}

// Longest token first, from the left; the unknown token alone where some part is covered by none.
size_t WordPieceEncoder::cover(const Worker& worker, int32_t* ids) const {
  const size_t n = worker.size;
  const uint8_t* const word = worker.word.data();
  size_t count = 0;
  if (static_cast<double>(worker.characters) <= vocabulary_.most_characters) {
    for (size_t at = 0; at < n;) {
      int32_t node = at > 0 ? 1 : 0, found = ByteTrie::kNone;
      size_t end = at;
      for (size_t i = at; i < n;) {
        node = trie_.child(node, word[i++]);
        if (node == ByteTrie::kNone) break;
        if (const int32_t id = trie_.id(node); id != ByteTrie::kNone) {
          found = id;
          end = i;
        }
      }
      if (found == ByteTrie::kNone) {
        count = 0;
        break;
      }
      ids[count++] = found;
      at = end;
    }
  }
  if (count > 0) return count;
  ids[0] = vocabulary_.unknown;
  return 1;
}

// Writes the ids of the word at hand, of which there are at most as many as bytes, and returns how many.
size_t WordPieceEncoder::look_up(Worker& worker, int32_t* ids) const {
  const size_t n = worker.size;
  const uint8_t* const word = worker.word.data();
  if (n <= PieceCache::kShort) {
    const PieceCache::Key key = PieceCache::key_of(word, n);
    const size_t set = PieceCache::set_of(key);
    if (const PieceCache::Slot* const slot = worker.cache.find(key, set)) {
      std::memcpy(ids, slot->ids, 16);
      return static_cast<size_t>(slot->count);
    }
    const size_t count = cover(worker, ids);
    if (count <= PieceCache::kSlotIds) worker.cache.add(key, set, ids, count);
    return count;
  }
  if (n > PieceCache::kLong) return cover(worker, ids);
  const uint64_t hash = PieceCache::hash(word, n);
  const PieceCache::LongHit hit = worker.cache.find_long(hash, word, n);
  if (hit.ids) {
    std::memcpy(ids, hit.ids, hit.count * sizeof(int32_t));
    return hit.count;
  }
  const size_t count = cover(worker, ids);
  worker.cache.add_long(hash, word, n, ids, count);
  return count;
}

// Appends the tokens of the word at hand, if there is one, and begins the next.
template <bool kSpans>
void WordPieceEncoder::finish(Worker& worker, Tokens& out, int32_t& number) const {
  if (worker.size == 0) return;
  out.ids.reserve(out.count + worker.size + 4);
  int32_t* const ids = out.ids.data() + out.count;
  const size_t count = look_up(worker, ids);
  if constexpr (kSpans) {
    out.offsets.reserve(2 * (out.count + count));
    out.words.reserve(out.count + count);
    int32_t* offset = out.offsets.data() + 2 * out.count;
    const Worker::Mark* mark = worker.marks.data();
    size_t end = 0;
    for (size_t i = 0; i < count; ++i, offset += 2) {
      const auto id = static_cast<size_t>(ids[i]);
      end += vocabulary_.starts[id + 1] - vocabulary_.starts[id] - (i > 0 ? vocabulary_.prefix.size() : 0);
      // The unknown token, and any other that is alone, is the whole word.
      if (count == 1) end = worker.size;
      offset[0] = mark->from;
      while (mark->end < end) ++mark;
      offset[1] = mark->to;
      ++mark;
      out.words.data()[out.count + i] = number;
    }
  }
  out.count += count;
  ++number;
  worker.size = worker.characters = 0;
}

template <bool kSpans>
bool WordPieceEncoder::run(const char16_t* text, size_t units, Worker& worker, Tokens& out) const {
  int32_t number = 0;
  worker.size = worker.characters = 0;
  const auto add = [&](uint32_t cell, size_t from, size_t to) {
    const CellKind kind = kind_of(cell);
    if (kind == CellKind::kGone) return;
    if (kind != CellKind::kWord) finish<kSpans>(worker, out, number);
    if (kind == CellKind::kSpace) return;
    // The cache reads 16 bytes whatever the size of a word.
    worker.word.reserve(worker.size + 20);
    worker.size += put_utf8(cell >> 3, worker.word.data() + worker.size);
    if constexpr (kSpans) {
      worker.marks.reserve(worker.characters + 1);
      worker.marks.data()[worker.characters] = {static_cast<uint32_t>(worker.size), static_cast<int32_t>(from),
                                                static_cast<int32_t>(to)};
    }
    ++worker.characters;
    if (kind == CellKind::kAlone) finish<kSpans>(worker, out, number);
  };
  for (size_t i = 0; i < units;) {
    if constexpr (!kSpans) {
      // A run of ASCII that stays within its word.
      const size_t begin = i;
      worker.word.reserve(worker.size + 64 + 20);
      uint8_t* const to = worker.word.data() + worker.size;
      const size_t stop = units - i < 64 ? units : i + 64;
      for (; i < stop && text[i] < 128; ++i) {
        const uint8_t c = ascii_[text[i]];
        if (c == 0) break;
        to[i - begin] = c;
      }
      worker.size += i - begin;
      worker.characters += i - begin;
      if (i == stop) continue;
    }
    const size_t from = i;
    const uint32_t cell = vocabulary_.cells[next_point(text, units, i)];
    switch (kind_of(cell)) {
      case CellKind::kElse: return false;
      case CellKind::kSequence: {
        const uint32_t* const sequence = &vocabulary_.sequences[cell >> 3];
        for (uint32_t k = 1; k <= sequence[0]; ++k) add(sequence[k], from, i);
        break;
      }
      default: add(cell, from, i);
    }
  }
  finish<kSpans>(worker, out, number);
  return true;
}

bool WordPieceEncoder::encode(const char16_t* text, size_t units, bool spans, Worker& worker, Tokens& out) const {
  const size_t before = out.count;
  const bool done = spans ? run<true>(text, units, worker, out) : run<false>(text, units, worker, out);
  if (!done) out.count = before;
  if (worker.word.capacity() > kKept) {
    worker.word.release();
    worker.marks.release();
  }
  return done;
}

}  // namespace ik::tok
