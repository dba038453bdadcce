#include "merges.h"

#include <algorithm>
#include <bit>
#include <functional>

#include "utf.h"

namespace ik::tok {

PairRules::PairRules(const int32_t* rules, const int32_t* ranks, size_t count, size_t id_limit) {
  id_bits_ = static_cast<unsigned>(std::bit_width(id_limit));
  rank_bits_ = 64 - 2 * id_bits_;
  rank_mask_ = (uint64_t{1} << rank_bits_) - 1;
  size_t slots = 16;
  while (slots < count * 2) slots *= 2;
  slots_.resize(slots, kEmpty);
  mask_ = slots - 1;
  filter_.resize((slots << kFilterBits) / 64);
  filter_mask_ = filter_.size() - 1;
  if (count > 0) ahead_ = rules[2] - ranks[0];
  bool even = true;
  for (size_t i = 0; i < count; ++i) {
    rank_limit_ = std::max(rank_limit_, static_cast<size_t>(ranks[i]) + 1);
    even = even && rules[3 * i + 2] - ranks[i] == ahead_;
  }
  if (!even) made_.resize(rank_limit_);
  for (size_t i = 0; i < count; ++i) {
    if (!even) made_[static_cast<size_t>(ranks[i])] = rules[3 * i + 2];
    const uint64_t pair = key_of(rules[3 * i], rules[3 * i + 1]), key = pair << rank_bits_;
    const size_t h = hash(pair);
    filter_[h >> 6 & filter_mask_] |= uint64_t{1} << (h & 63);
    size_t at = slot_of(pair);
    while (slots_[at] != kEmpty && (slots_[at] ^ key) > rank_mask_) at = (at + 1) & mask_;
    slots_[at] = key | static_cast<uint64_t>(ranks[i]);
  }
}

Characters::Characters(const PairRules& rules, const int32_t* byte_ids, const std::vector<uint8_t>& bytes,
                       const std::vector<uint32_t>& starts)
    : symbols_(kEnd - kFirst, kBytes) {
  // The lowest rank at which a token is joined to what belongs to another character.
  std::vector<uint32_t> joins(starts.size() - 1, kNoRank);
  rules.each([&](int32_t left, int32_t right, uint32_t rank) {
    const auto at = static_cast<size_t>(right);
    // A right part that begins with a byte that follows is joined to its own character.
    if (starts[at] == starts[at + 1] || (bytes[starts[at]] & 0xc0) == 0x80) return;
    for (const int32_t id : {left, right}) joins[static_cast<size_t>(id)] = std::min(joins[static_cast<size_t>(id)], rank);
  });
  for (uint32_t point = kFirst; point < kEnd; ++point) {
    if (point >= 0xd800 && point < 0xe000) continue;
    uint8_t spelled[3];
    auto count = static_cast<int32_t>(put_utf8(point, spelled));
    Symbols symbols;
    for (int32_t i = 0; i < count; ++i) symbols.ids[i] = byte_ids[spelled[i]];
    // The lowest rank at which one of the character's parts is joined to a neighbour, and the highest that finishes it.
    uint32_t joined = kNoRank, finished = 0;
    const auto look = [&] {
      for (const int32_t id : {symbols.ids[0], symbols.ids[count - 1]}) joined = std::min(joined, joins[static_cast<size_t>(id)]);
    };
    look();
    while (count > 1) {
      uint32_t best = kNoRank;
      int32_t at = 0;
      for (int32_t i = 0; i + 1 < count; ++i) {
        const uint32_t rank = rules.find(symbols.ids[i], symbols.ids[i + 1]);
        if (rank >= best) continue;
        best = rank;
        at = i;
      }
      if (best == kNoRank) break;
      finished = std::max(finished, best);
      symbols.ids[at] = rules.made(best);
      for (int32_t i = at + 1; i + 1 < count; ++i) symbols.ids[i] = symbols.ids[i + 1];
      --count;
      look();
    }
    if (joined <= finished) continue;
    int32_t& found = symbols_[point - kFirst];
    if (count == 1) {
      found = symbols.ids[0];
    } else {
      symbols.count = count;
      several_.push_back(symbols);
      found = kBytes - static_cast<int32_t>(several_.size());
    }
  }
}

Characters::Characters(const std::vector<uint32_t>& points, const std::vector<int32_t>& ids) : symbols_(kEnd - kFirst, kBytes) {
  for (size_t i = 0; i < points.size(); ++i) {
    if (points[i] >= kEnd) astral_[points[i]] = ids[i];
    else if (points[i] >= kFirst) symbols_[points[i] - kFirst] = ids[i];
  }
}

int32_t Characters::find_astral(uint32_t point) const {
  const auto found = astral_.find(point);
  return found == astral_.end() ? kBytes : found->second;
}

Merger::Merger(const PairRules& rules, const Characters& characters, const int32_t* byte_ids, const int32_t* end_ids)
    : rules_(rules), characters_(characters), byte_ids_(byte_ids), end_ids_(end_ids) {}

size_t Merger::merge(const uint8_t* piece, size_t n, int32_t* out) {
  if (n > kWindow) {
    const size_t count = merge_windows(piece, n, out);
    if (count > 0) return count;
  }
  return merge_symbols(out, start(piece, n, true, out));
}

size_t Merger::merge_symbols(int32_t* ids, size_t n) {
  if (n == 1) return 1;
  return n <= kShort ? merge_short(ids, n) : merge_long(ids, n);
}

// Merges a piece window by window, so that what is worked on stays in the caches, and returns how many tokens it has, or 0
// where that cannot be done this way.
//
// Tokens in a row are what a text is merged to if each two neighbours are what both together are merged to: were there a
// first merge across a border, it would come first for those two alone as well. Neighbours within a window are; what is
// left to ask is whether the last token kept of a window and the first of the next one are.
size_t Merger::merge_windows(const uint8_t* piece, size_t n, int32_t* out) {
  size_t kept = 0;
  window_.reserve(kWindow + 1);
  symbols_.reserve(kWindow + 1);
  offsets_.reserve(kWindow + 1);
  int32_t* const tokens = window_.data();
  const int32_t* const symbols = symbols_.data();
  const int32_t* const offsets = offsets_.data();
  before_.size = 0;
  for (size_t at = 0; at < n;) {
    size_t size = std::min(kWindow, n - at);
    // The zeros behind a text continue no character.
    while ((piece[at + size] & 0xc0) == 0x80) --size;
    const size_t width = start(piece + at, size, at + size == n, tokens, offsets_.data());
    std::copy_n(tokens, width, symbols_.data());
    size_t count = merge_long(tokens, width, true);
    const int32_t* const places = places_.begin();
    const auto end_of = [&](size_t token) { return token + 1 < count ? static_cast<size_t>(places[token + 1]) : width; };
    if (at > 0) {
      const size_t both = before_.size + end_of(0);
      seam_.reserve(both + 1);
      std::copy_n(before_.begin(), before_.size, seam_.data());
      std::copy_n(symbols, end_of(0), seam_.data() + before_.size);
      if (merge_symbols(seam_.data(), both) != 2 || seam_.data()[0] != out[kept - 1] || seam_.data()[1] != tokens[0]) return 0;
    }
    size_t done = size, last = width;
    if (at + size < n) {
      // What is near the end of a window could depend on what follows, and the next one must begin with a character.
      size_t left = count - 1;
      while (left > 0 && (offsets[places[left]] < 0 || static_cast<size_t>(offsets[places[left]]) + kMargin > size)) --left;
      if (left == 0) return 0;
      last = static_cast<size_t>(places[left]);
      done = static_cast<size_t>(offsets[last]);
      count = left;
      before_.size = 0;
      for (auto i = static_cast<size_t>(places[count - 1]); i < last; ++i) before_.add(symbols[i]);
    }
    std::copy_n(tokens, count, out + kept);
    kept += count;
    at += done;
  }
  return kept;
}

// Writes the symbols that merging starts from, and where each begins if that is asked for: -1 within a character.
// `ends` says whether the piece does.
size_t Merger::start(const uint8_t* piece, size_t n, bool ends, int32_t* out, int32_t* offsets) const {
  size_t count = 0;
  const auto add = [&](int32_t symbol, int32_t offset) {
    if (offsets) offsets[count] = offset;
    out[count++] = symbol;
  };
  for (size_t i = 0; i < n;) {
    const Utf8Char c = decode_utf8(piece + i);
    const auto offset = static_cast<int32_t>(i);
    const bool last = ends && end_ids_ && i + c.size == n;
    const int32_t found = last ? Characters::kBytes : characters_.find(c.point);
    if (found >= 0) {
      add(found, offset);
      i += c.size;
      continue;
    }
    if (found < Characters::kBytes) {
      const Characters::Symbols& symbols = characters_.several(found);
      for (int32_t k = 0; k < symbols.count; ++k) add(symbols.ids[k], k == 0 ? offset : -1);
      i += c.size;
      continue;
    }
    for (uint32_t k = 0; k < c.size; ++k, ++i) add(byte_ids_[piece[i]], k == 0 ? offset : -1);
    if (last) out[count - 1] = end_ids_[piece[n - 1]];
  }
  return count;
}

// Symbols stay where they are; a bit says which are alive, and a key of rank and position finds the next merge.
size_t Merger::merge_short(int32_t* ids, size_t n) const {
  int32_t merged[kShort];
  alignas(16) uint32_t keys[kShort];
  const auto keep = [&](size_t at, uint32_t rank) {
    keys[at] = rank << 6 | static_cast<uint32_t>(at);
    merged[at] = rules_.made(rank);
  };
  const size_t padded = (n + 7) & ~size_t{7};
  for (size_t i = 0; i < padded; ++i) keys[i] = kNoRank;
  // The filter is asked about all pairs before the table about a few: nothing waits for a guess that was wrong.
  uint64_t likely = 0;
  for (size_t i = 0; i + 1 < n; ++i) likely |= static_cast<uint64_t>(rules_.likely(ids[i], ids[i + 1])) << i;
  for (uint64_t rest = likely; rest; rest &= rest - 1) {
    const auto at = static_cast<size_t>(__builtin_ctzll(rest));
    rules_.prefetch(ids[at], ids[at + 1]);
  }
  for (; likely; likely &= likely - 1) {
    const auto at = static_cast<size_t>(__builtin_ctzll(likely));
    const uint32_t rank = rules_.find_likely(ids[at], ids[at + 1]);
    if (rank == kNoRank) continue;
    keep(at, rank);
    // What will be asked for when this rule's turn comes.
    if (at + 2 < n && rules_.likely(merged[at], ids[at + 2])) rules_.prefetch(merged[at], ids[at + 2]);
    if (at > 0 && rules_.likely(ids[at - 1], merged[at])) rules_.prefetch(ids[at - 1], merged[at]);
  }
  uint64_t alive = n == 64 ? ~uint64_t{0} : (uint64_t{1} << n) - 1;
  for (;;) {
    typedef uint32_t Lanes __attribute__((vector_size(16)));
    const auto* const lanes = reinterpret_cast<const Lanes*>(keys);
    Lanes least = lanes[0] < lanes[1] ? lanes[0] : lanes[1];
    for (size_t i = 2; i < padded / 4; i += 2) {
      const Lanes pair = lanes[i] < lanes[i + 1] ? lanes[i] : lanes[i + 1];
      least = pair < least ? pair : least;
    }
    const uint32_t low = std::min(std::min(least[0], least[1]), std::min(least[2], least[3]));
    if (low == kNoRank) break;
    const size_t at = low & 63;
    // The shift is in two steps because one of 64 is undefined.
    const size_t right = static_cast<size_t>(__builtin_ctzll(alive >> at >> 1)) + at + 1;
    ids[at] = merged[at];
    alive &= ~(uint64_t{1} << right);
    const uint64_t after = alive >> at >> 1;
    const uint64_t before = alive & ((uint64_t{1} << at) - 1);
    keys[right] = kNoRank;
    keys[at] = kNoRank;
    // Both sides are asked about before either is looked up. A rule that is found has those that could follow it fetched,
    // likely or not: the question would take as long.
    const size_t next = after ? at + 1 + static_cast<size_t>(__builtin_ctzll(after)) : 0;
    const size_t left = before ? 63 - static_cast<size_t>(__builtin_clzll(before)) : 0;
    const bool likely_next = after && rules_.likely(ids[at], ids[next]);
    const bool likely_left = before && rules_.likely(ids[left], ids[at]);
    if (before) keys[left] = kNoRank;
    if (likely_next) {
      const uint32_t rank = rules_.find_likely(ids[at], ids[next]);
      if (rank != kNoRank) {
        keep(at, rank);
        if (before) rules_.prefetch(ids[left], merged[at]);
        if (const uint64_t beyond = after & (after - 1))
          rules_.prefetch(merged[at], ids[at + 1 + static_cast<size_t>(__builtin_ctzll(beyond))]);
      }
    }
    if (likely_left) {
      const uint32_t rank = rules_.find_likely(ids[left], ids[at]);
      if (rank != kNoRank) {
        keep(left, rank);
        if (after) rules_.prefetch(merged[left], ids[next]);
        if (const uint64_t beyond = before & ~(uint64_t{1} << left))
          rules_.prefetch(ids[63 - static_cast<size_t>(__builtin_clzll(beyond))], merged[left]);
      }
    }
  }
  size_t count = 0;
  for (; alive; alive &= alive - 1) ids[count++] = ids[__builtin_ctzll(alive)];
  return count;
}

// The bucket of a rank, which from now on waits for its turn.
int32_t Merger::bucket(uint32_t rank) {
  int32_t& bucket = bucket_of_[rank];
  if (bucket >= 0) return bucket;
  if (free_.empty()) {
    free_.push_back(static_cast<int32_t>(buckets_.size()));
    buckets_.emplace_back();
    sizes_.push_back(0);
  }
  bucket = free_.back();
  free_.pop_back();
  waiting_.push_back(rank);
  std::push_heap(waiting_.begin(), waiting_.end(), std::greater<>());
  return bucket;
}

// Notes that the symbols at `at` and behind it could be merged by a rule, when its turn comes.
void Merger::wait(uint32_t rank, int32_t at) { buckets_[static_cast<size_t>(bucket(rank))].add(at); }

// A symbol lies at its first place and has its length, negative, at the second and the last: links need no room.
int32_t Merger::next_of(const int32_t* ids, int32_t at) { return ids[at + 1] >= 0 ? at + 1 : at - ids[at + 1]; }

void Merger::merge_at(int32_t* ids, int32_t count, int32_t at, uint32_t rank, uint32_t current) {
  ++steps_;
  uint32_t* const ranks = ranks_.data();
  if (ranks[at] != rank) return;
  const int32_t right = next_of(ids, at), after = next_of(ids, right);
  ids[at] = rules_.made(rank);
  ranks[at] = ranks[right] = kNoRank;
  ids[at + 1] = ids[after - 1] = at - after;
  const auto note = [&](int32_t place) {
    if (ranks[place] == kNoRank) return;
    if (ranks[place] > current) {
      wait(ranks[place], place);
      return;
    }
    late_.push_back(static_cast<uint64_t>(ranks[place]) << 32 | static_cast<uint32_t>(place));
    std::push_heap(late_.begin(), late_.end(), std::greater<>());
  };
  if (after < count) {
    ranks[at] = rules_.find(ids[at], ids[after]);
    note(at);
  }
  if (at > 0) {
    const int32_t before = ids[at - 1] >= 0 ? at - 1 : at + ids[at - 1];
    ranks[before] = rules_.find(ids[before], ids[at]);
    note(before);
  }
}

// Sorts positions that come in a few ascending runs: those that rules for the left part noted, and for the right one.
void Merger::sort_runs(Positions& positions) {
  if (std::is_sorted(positions.begin(), positions.end())) return;
  room_.at.reserve(positions.size);
  room_.size = positions.size;
  for (bool sorted = false; !sorted;) {
    // One pass merges runs two by two.
    int32_t* from = positions.begin();
    int32_t* to = room_.begin();
    sorted = true;
    while (from != positions.end()) {
      int32_t* const middle = std::is_sorted_until(from, positions.end());
      int32_t* const end = std::is_sorted_until(middle, positions.end());
      to = std::merge(from, middle, middle, end, to);
      if (from != positions.begin() || end != positions.end()) sorted = false;
      from = end;
    }
    std::swap(positions, room_);
  }
}

// Where each token begins goes to places_ if that is asked for.
size_t Merger::merge_long(int32_t* ids, size_t n, bool places) {
  const auto count = static_cast<int32_t>(n);
  ranks_.reserve(n);
  uint32_t* const ranks = ranks_.data();
  // No length: what stands before is the last symbol.
  ids[n] = 0;
  if (bucket_of_.empty()) bucket_of_.assign(rules_.rank_limit(), -1);
  // A rank takes its bucket before the positions come, so that each bucket has the room it needs.
  for (int32_t i = 0; i < count; ++i) {
    ranks[i] = i + 1 < count ? rules_.find(ids[i], ids[i + 1]) : kNoRank;
    if (ranks[i] != kNoRank) ++sizes_[static_cast<size_t>(bucket(ranks[i]))];
  }
  for (const uint32_t rank : waiting_) {
    const auto at = static_cast<size_t>(bucket_of_[rank]);
    buckets_[at].at.reserve(sizes_[at]);
    sizes_[at] = 0;
  }
  for (int32_t i = 0; i < count; ++i)
    if (ranks[i] != kNoRank) wait(ranks[i], i);
  while (!waiting_.empty()) {
    const uint32_t rank = waiting_.front();
    std::pop_heap(waiting_.begin(), waiting_.end(), std::greater<>());
    waiting_.pop_back();
    const int32_t taken = bucket_of_[rank];
    bucket_of_[rank] = -1;
    std::swap(current_, buckets_[static_cast<size_t>(taken)]);
    free_.push_back(taken);
    sort_runs(current_);
    constexpr size_t kAhead = 24;
    const int32_t* const positions = current_.begin();
    for (size_t i = 0; i < current_.size; ++i) {
      if (i + kAhead < current_.size) {
        __builtin_prefetch(ids + positions[i + kAhead], 1);
        __builtin_prefetch(ranks + positions[i + kAhead], 1);
      }
      merge_at(ids, count, positions[i], rank, rank);
      while (!late_.empty()) {
        const uint64_t key = late_.front();
        std::pop_heap(late_.begin(), late_.end(), std::greater<>());
        late_.pop_back();
        merge_at(ids, count, static_cast<int32_t>(key & 0xffffffff), static_cast<uint32_t>(key >> 32), rank);
      }
    }
    current_.size = 0;
  }
  size_t left = 0;
  if (places) places_.size = 0;
  for (int32_t i = 0; i < count;) {
    const int32_t next = next_of(ids, i);
    if (places) places_.add(i);
    ids[left++] = ids[i];
    i = next;
  }
  if (n > kKept) {
    ranks_.release();
    buckets_.clear();
    sizes_.clear();
    free_.clear();
    current_.at.release();
    room_.at.release();
  }
  return left;
}

}  // namespace ik::tok
