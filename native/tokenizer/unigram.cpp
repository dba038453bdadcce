#include "unigram.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "utf.h"

namespace ik::tok {
namespace {

constexpr uint32_t kNowhere = ~uint32_t{0};

}  // namespace

UnigramEncoder::UnigramEncoder(UnigramVocabulary&& vocabulary, TextRules&& rules)
    : vocabulary_(std::move(vocabulary)), rules_(std::move(rules)) {
  auto& [bytes, starts, scores, byte_ids, unknown, unknown_score, single] = vocabulary_;
  sizes_.resize(starts.size() - 1);
  largest_ = std::abs(unknown_score);
  std::vector<uint8_t> token;
  for (size_t id = 0; id < sizes_.size(); ++id) {
    if (starts[id + 1] == starts[id]) continue;
    // What half a character would make be read lies behind.
    token.resize(3 * (starts[id + 1] - starts[id]) + 4);
    const size_t n = swap_marks(bytes.data() + starts[id], starts[id + 1] - starts[id], token.data());
    trie_.add(token.data(), n, static_cast<int32_t>(id));
    sizes_[id] = static_cast<uint32_t>(n);
    largest_ = std::max(largest_, std::abs(scores[id]));
    for (size_t i = 1; i < n; ++i) cuts_words_ = cuts_words_ && !(token[i] == kMarkByte && token[i - 1] != kMarkByte);
  }
  // Neighbours may be one unknown token, and one character several bytes.
  for (const int32_t id : byte_ids)
    if (id >= 0) sizes_[static_cast<size_t>(id)] = 0;
  if (unknown >= 0) sizes_[static_cast<size_t>(unknown)] = 0;
  bytes = {};
  starts = {};
}

int32_t UnigramEncoder::find(const uint8_t* token, size_t n) const {
  CharacterTrie::Step step;
  for (size_t i = 0; i < n;) {
    const Utf8Char c = decode_utf8(token + i);
    step = i == 0 ? trie_.first(c.point) : trie_.next(step.node, c.point);
    if (step.node == CharacterTrie::kNone) return CharacterTrie::kNone;
    i += c.size;
  }
  return step.id;
}

// Takes the tokens of a cut from the left. Neighbouring unknown ones become one, or the token that they spell together, or
// bytes.
class UnigramEncoder::Writer {
 public:
  Writer(const UnigramEncoder& encoder, const uint8_t* piece, Tokens& out, Buffer<Span>* spans)
      : encoder_(encoder), piece_(piece), out_(out), first_(out.count), spans_(spans) {}

  void add(int32_t id, size_t start, size_t end) {
    if (id == encoder_.vocabulary_.unknown) {
      if (unknown_end_ == 0) unknown_start_ = start;
      unknown_end_ = end;
      return;
    }
    finish();
    put(id, start, end);
  }

  void finish() {
    if (unknown_end_ == 0) return;
    const size_t start = unknown_start_, end = std::exchange(unknown_end_, 0);
    const std::vector<int32_t>& byte_ids = encoder_.vocabulary_.byte_ids;
    const int32_t whole = encoder_.find(piece_ + start, end - start);
    if (whole != CharacterTrie::kNone) return put(whole, start, end);
    if (!byte_ids.empty()) {
      std::vector<uint8_t> spelled(3 * (end - start));
      spelled.resize(swap_marks(piece_ + start, end - start, spelled.data()));
      if (std::all_of(spelled.begin(), spelled.end(), [&](uint8_t byte) { return byte_ids[byte] >= 0; })) {
        for (const uint8_t byte : spelled) put(byte_ids[byte], start, end);
        return;
      }
    }
    put(encoder_.vocabulary_.unknown, start, end);
  }

  void differ(double) {}

  void put(int32_t id, size_t start, size_t end) {
    if (out_.count + 4 > out_.ids.capacity()) out_.ids.reserve(out_.count + 4, out_.count);
    out_.ids.data()[out_.count] = id;
    if (spans_) {
      const size_t at = out_.count - first_;
      spans_->reserve(at + 1, at);
      spans_->data()[at] = {start, end};
    }
    ++out_.count;
  }

 private:
  const UnigramEncoder& encoder_;
  const uint8_t* const piece_;
  Tokens& out_;
  const size_t first_;
  Buffer<Span>* const spans_;
  size_t unknown_start_ = 0, unknown_end_ = 0;
};

// What a word becomes by itself, and by how much sums differed that were compared.
struct UnigramEncoder::Trial {
  int32_t ids[kLongestWord + 1];  // and the margin, as bits
  size_t count = 0;
  double margin = std::numeric_limits<double>::infinity();
  void add(int32_t id, size_t, size_t) { ids[count++] = id; }
  void differ(double difference) { margin = std::min(margin, std::abs(difference)); }
};

// Viterbi in windows: a place that no token reaches across is on every way, so that what leads to it is settled, and memory is
// for the way from the last such place. Sums go on from there and from `base`, in the order and rounding of one pass.
template <bool kSingle, class Sink>
bool UnigramEncoder::cover(const uint8_t* piece, size_t from, size_t to, double& base, Worker& worker, Sink& out) const {
  const double* const scores = vocabulary_.scores.data();
  for (size_t settled = from; settled < to;) {
    // Nodes are relative to `settled`, and there is one for each byte up to `reach`.
    size_t reach = 0, at = 0;
    const auto open = [&](size_t to) {
      worker.nodes.reserve(to + 1, reach + 1);
      Node* const nodes = worker.nodes.data();
      for (size_t i = reach + 1; i <= to; ++i) nodes[i].from = kNowhere;
      reach = to;
    };
    worker.nodes.reserve(64, 0);
    worker.nodes.data()[0] = {base, kNowhere, -1};
    const auto step = [&](size_t end, double score, int32_t id) {
      if (end > reach) open(end);
      Node& node = worker.nodes.data()[end];
      double total = worker.nodes.data()[at].score + score;
      if constexpr (kSingle) total = static_cast<double>(static_cast<float>(total));
      if (node.from != kNowhere) out.differ(total - node.score);
      if (node.from == kNowhere || total > node.score) node = {total, static_cast<uint32_t>(at), id};
    };
    do {
      const uint8_t* const p = piece + settled + at;
      const size_t left = to - settled - at;
      const Utf8Char first = decode_utf8(p);
      const size_t size = first.size;
      CharacterTrie::Step found = trie_.first(first.point);
      const bool single = found.id != CharacterTrie::kNone;
      ++worker.steps;
      for (size_t i = size; found.node != CharacterTrie::kNone; ++worker.steps) {
        if (found.id != CharacterTrie::kNone) step(at + i, scores[found.id], found.id);
        if (i == left) break;
        const Utf8Char c = decode_utf8(p + i);
        found = trie_.next(found.node, c.point);
        i += c.size;
      }
      if (!single) {
        if (vocabulary_.unknown < 0) return false;
        step(at + size, vocabulary_.unknown_score, vocabulary_.unknown);
      }
      at += size;
    } while (at < reach);
    // The way back, then the tokens from the left.
    const Node* const nodes = worker.nodes.data();
    size_t count = 0;
    for (size_t end = at; end > 0; end = nodes[end].from) {
      worker.path.reserve(count + 1, count);
      worker.path.data()[count++] = static_cast<uint32_t>(end);
    }
    for (; count > 0; --count) {
      const size_t end = worker.path.data()[count - 1];
      out.add(nodes[end].id, settled + nodes[end].from, settled + end);
    }
    base = nodes[at].score;
    settled += at;
  }
  return true;
}

bool UnigramEncoder::cover(const uint8_t* piece, size_t from, size_t to, double& base, Worker& worker, Writer& out) const {
  return vocabulary_.single_precision ? cover<true>(piece, from, to, base, worker, out)
                                      : cover<false>(piece, from, to, base, worker, out);
}

bool UnigramEncoder::cover(const uint8_t* piece, size_t n, Worker& worker, Writer& out) const {
  double base = 0;
  if (!cover(piece, 0, n, base, worker, out)) return false;
  out.finish();
  return true;
}

// The tokens of a word of a text, where they are the same whatever comes before; else none. What a word becomes by itself is
// that if the sums that decided it differ by more than what they can be rounded by behind `base`.
UnigramEncoder::Word UnigramEncoder::remembered(const uint8_t* word, size_t n, double base, Worker& worker, Trial& trial) const {
  if (n > kLongestWord) return {};
  const bool is_short = n <= PieceCache::kShort;
  PieceCache::Key key{};
  size_t set = 0;
  const int32_t* ids = nullptr;
  size_t count = 0;
  if (is_short) {
    key = PieceCache::key_of(word, n);
    set = PieceCache::set_of(key);
    if (const PieceCache::Slot* const slot = worker.cache.find(key, set)) {
      ids = slot->ids;
      count = static_cast<size_t>(slot->count);
    }
  }
  if (!ids) {
    const uint64_t hash = PieceCache::hash(word, n);
    PieceCache::LongHit hit{nullptr, 0};
    if (!is_short || worker.cache.may_have(hash)) hit = worker.cache.find_long(hash, word, n);
    ids = trial.ids;
    count = hit.count;
    if (hit.ids) {
      std::memcpy(trial.ids, hit.ids, count * sizeof(int32_t));
    } else {
      double sum = 0;
      trial.count = 0;
      trial.margin = std::numeric_limits<double>::infinity();
      const bool covered = cover<false>(word, 0, n, sum, worker, trial);
      const auto unknown = [&](int32_t id) { return id == vocabulary_.unknown; };
      // Neighbours may be unknown as well.
      if (!covered || std::any_of(trial.ids, trial.ids + trial.count, unknown)) trial.count = 0, trial.margin = -1;
      const float margin = static_cast<float>(trial.margin * 0.999);
      std::memcpy(trial.ids + trial.count, &margin, sizeof margin);
      count = trial.count + 1;
      if (is_short && count <= PieceCache::kSlotIds) worker.cache.add(key, set, trial.ids, count);
      else worker.cache.add_long(hash, word, n, trial.ids, count);
    }
  }
  float margin;
  std::memcpy(&margin, ids + --count, sizeof margin);
  // Each of at most n sums of a way is rounded by at most this part of itself; two ways were compared, here and there.
  const double rounding = vocabulary_.single_precision ? 0x1p-24 : 0x1p-53, size = static_cast<double>(n);
  if (!(margin > 4 * size * rounding * (std::abs(base) + size * largest_))) return {};
  return {ids, count};
}

// A text that is one piece, word by word.
template <bool kSpans>
bool UnigramEncoder::run_words(Worker& worker, Tokens& out) const {
  const auto& text = worker.text;
  const uint8_t* const bytes = text.bytes.data();
  const size_t before = out.count;
  Writer writer(*this, bytes, out, kSpans ? &worker.spans : nullptr);
  Trial trial;
  double base = 0;
  for (size_t at = 0; at < text.size;) {
    size_t end = at;
    while (end < text.size && bytes[end] == kMarkByte) ++end;
    while (end < text.size && bytes[end] != kMarkByte) ++end;
    if (const Word word = remembered(bytes + at, end - at, base, worker, trial); word.ids) {
      writer.finish();
      size_t start = at;
      for (size_t i = 0; i < word.count; ++i) {
        const int32_t id = word.ids[i];
        const size_t next = start + sizes_[static_cast<size_t>(id)];
        writer.put(id, start, next);
        start = next;
        base += vocabulary_.scores[static_cast<size_t>(id)];
        if (vocabulary_.single_precision) base = static_cast<double>(static_cast<float>(base));
      }
    } else if (!cover(bytes, at, end, base, worker, writer)) {
      return false;
    }
    at = end;
  }
  writer.finish();
  if constexpr (kSpans) {
    const size_t count = out.count - before;
    out.offsets.reserve(2 * out.count, 2 * before);
    out.words.reserve(out.count, before);
    for (size_t i = 0; i < count; ++i) {
      const auto [start, end] = worker.spans.data()[i];
      out.offsets.data()[2 * (before + i)] = text.from.data()[start];
      out.offsets.data()[2 * (before + i) + 1] = text.to.data()[end - 1];
    }
    std::fill_n(out.words.data() + before, count, 0);
  }
  return true;
}

// Appends the ids of a piece.
bool UnigramEncoder::add_ids(const Piece& piece, Worker& worker, Tokens& out) const {
  const auto& [at, n, key, place] = piece;
  const size_t before = out.count;
  if (before + 4 > out.ids.capacity()) out.ids.reserve(before + 4, before);
  Writer writer(*this, at, out, nullptr);
  if (n > PieceCache::kLong) return cover(at, n, worker, writer);
  const bool is_short = n <= PieceCache::kShort;
  if (is_short) {
    if (const PieceCache::Slot* const slot = worker.cache.find(key, place)) {
      std::memcpy(out.ids.data() + before, slot->ids, 16);
      out.count += static_cast<size_t>(slot->count);
      return true;
    }
  }
  const uint64_t hash = is_short ? PieceCache::hash(at, n) : place;
  if (!is_short || worker.cache.may_have(hash)) {
    if (const PieceCache::LongHit hit = worker.cache.find_long(hash, at, n); hit.ids) {
      out.ids.reserve(before + hit.count + 4, before);
      std::memcpy(out.ids.data() + before, hit.ids, hit.count * sizeof(int32_t));
      out.count += hit.count;
      return true;
    }
  }
  if (!cover(at, n, worker, writer)) return false;
  const int32_t* const ids = out.ids.data() + before;
  if (is_short && out.count - before <= PieceCache::kSlotIds) worker.cache.add(key, place, ids, out.count - before);
  else worker.cache.add_long(hash, at, n, ids, out.count - before);
  return true;
}

// Appends the tokens of a piece with the units they stand for.
bool UnigramEncoder::add_tokens(const Piece& piece, int32_t word, Worker& worker, Tokens& out) const {
  const size_t before = out.count, start = static_cast<size_t>(piece.at - worker.text.bytes.data());
  const int32_t* const from = worker.text.from.data() + start;
  const int32_t* const to = worker.text.to.data() + start;
  bool known = piece.size <= PieceCache::kLong;
  if (known) {
    if (!add_ids(piece, worker, out)) return false;
    for (size_t i = before; known && i < out.count; ++i) known = sizes_[static_cast<size_t>(out.ids.data()[i])] > 0;
  }
  if (!known) {
    out.count = before;
    Writer writer(*this, piece.at, out, &worker.spans);
    if (!cover(piece.at, piece.size, worker, writer)) return false;
  }
  const size_t count = out.count - before;
  out.offsets.reserve(2 * out.count, 2 * before);
  out.words.reserve(out.count, before);
  int32_t* const offsets = out.offsets.data() + 2 * before;
  size_t end = 0;
  for (size_t i = 0; i < count; ++i) {
    size_t begin = end;
    if (known) end += sizes_[static_cast<size_t>(out.ids.data()[before + i])];
    else begin = worker.spans.data()[i].start, end = worker.spans.data()[i].end;
    offsets[2 * i] = from[begin];
    offsets[2 * i + 1] = to[end - 1];
  }
  std::fill_n(out.words.data() + before, count, word);
  return true;
}

// Some pieces are looked at ahead, so that what the cache has on the last of them is on its way while the first are looked up.
template <bool kSpans>
bool UnigramEncoder::run(Worker& worker, Tokens& out) const {
  if (!rules_.marks && cuts_words_) return run_words<kSpans>(worker, out);
  const auto& text = worker.text;
  const uint8_t* const bytes = text.bytes.data();
  const uint32_t* const starts = text.starts.data();
  Piece pieces[kAhead];
  for (size_t first = 0; first < text.pieces;) {
    const size_t count = std::min(kAhead, text.pieces - first);
    for (size_t i = 0; i < count; ++i) {
      const size_t at = starts[first + i], end = first + i + 1 < text.pieces ? starts[first + i + 1] : text.size;
      pieces[i].at = bytes + at;
      pieces[i].size = end - at;
      worker.cache.look_ahead(pieces[i]);
    }
    for (size_t i = 0; i < count; ++i) {
      const bool done = kSpans ? add_tokens(pieces[i], static_cast<int32_t>(first + i), worker, out) : add_ids(pieces[i], worker, out);
      if (!done) return false;
    }
    first += count;
  }
  return true;
}

bool UnigramEncoder::encode(const char16_t* text, size_t units, uint32_t place, bool spans, Worker& worker, Tokens& out) const {
  const size_t before = out.count;
  const bool done = spans ? rewrite<true>(rules_, text, units, place, worker.text, worker.unknown) && run<true>(worker, out)
                          : rewrite<false>(rules_, text, units, place, worker.text, worker.unknown) && run<false>(worker, out);
  if (!done) out.count = before;
  if (worker.text.bytes.capacity() > kKept) worker.text.release();
  if (worker.nodes.capacity() * sizeof(Node) > kKept || worker.spans.capacity() * sizeof(Span) > kKept) {
    worker.nodes.release();
    worker.path.release();
    worker.spans.release();
  }
  return done;
}

}  // namespace ik::tok
