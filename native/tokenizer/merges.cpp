#include "merges.h"

#include <algorithm>
#include <limits>

namespace ik::tok {

PairRules::PairRules(const int32_t* rules, const int32_t* ranks, size_t count) {
  size_t slots = 16;
  while (slots < count * 2) slots *= 2;
  slots_.resize(slots);
  mask_ = slots - 1;
  filter_.resize((slots << kFilterBits) / 64);
  filter_mask_ = filter_.size() - 1;
  int32_t highest = -1;
  for (size_t i = 0; i < count; ++i) highest = std::max(highest, ranks[i]);
  std::vector<int32_t> merged(static_cast<size_t>(highest + 1));
  for (size_t i = 0; i < count; ++i) merged[static_cast<size_t>(ranks[i])] = rules[3 * i + 2];
  for (size_t i = 0; i < count; ++i) {
    const uint64_t key = key_of(rules[3 * i], rules[3 * i + 1]);
    const size_t h = hash(key);
    filter_[h >> 6 & filter_mask_] |= uint64_t{1} << (h & 63);
    size_t at = h >> kFilterBits & mask_;
    while (slots_[at].key != kEmpty && slots_[at].key != key) at = (at + 1) & mask_;
    slots_[at] = {key, {static_cast<uint32_t>(ranks[i]), merged[static_cast<size_t>(ranks[i])]}};
  }
}

Merger::Merger(const PairRules& rules, const int32_t* byte_ids)
    : rules_(rules), byte_ids_(byte_ids), byte_rules_(1 << 16) {
  for (int a = 0; a < 256; ++a)
    for (int b = 0; b < 256; ++b) byte_rules_[static_cast<size_t>(a << 8 | b)] = rules.find(byte_ids[a], byte_ids[b]);
}

size_t Merger::merge(const uint8_t* piece, size_t n, int32_t* out) {
  if (n == 1) {
    *out = byte_ids_[piece[0]];
    return 1;
  }
  return n <= kShort ? merge_short(piece, n, out) : merge_long(piece, n, out);
}

// Symbols stay where they are; a bit says which are alive, and a key of rank and position finds the next merge.
size_t Merger::merge_short(const uint8_t* piece, size_t n, int32_t* out) {
  int32_t ids[kShort];
  int32_t merged[kShort];
  alignas(64) uint32_t keys[kShort];
  ids[0] = byte_ids_[piece[0]];
  for (size_t i = 0; i + 1 < n; ++i) {
    const PairRules::Rule rule = byte_rules_[static_cast<size_t>(piece[i] << 8 | piece[i + 1])];
    ids[i + 1] = byte_ids_[piece[i + 1]];
    keys[i] = rule.rank == kNoRank ? kNoRank : rule.rank << 6 | static_cast<uint32_t>(i);
    merged[i] = rule.merged;
  }
  const size_t padded = (n + 15) & ~size_t{15};
  for (size_t i = n - 1; i < padded; ++i) keys[i] = kNoRank;
  uint64_t alive = n == 64 ? ~uint64_t{0} : (uint64_t{1} << n) - 1;
  const auto look = [&](size_t at, int32_t left, int32_t right) {
    const PairRules::Rule rule = rules_.find(left, right);
    keys[at] = rule.rank == kNoRank ? kNoRank : rule.rank << 6 | static_cast<uint32_t>(at);
    merged[at] = rule.merged;
  };
  for (;;) {
    uint32_t low[16];
    for (size_t k = 0; k < 16; ++k) low[k] = keys[k];
    for (size_t i = 16; i < padded; i += 16)
      for (size_t k = 0; k < 16; ++k) low[k] = std::min(low[k], keys[i + k]);
    for (size_t half = 8; half > 0; half /= 2)
      for (size_t k = 0; k < half; ++k) low[k] = std::min(low[k], low[k + half]);
    if (low[0] == kNoRank) break;
    const size_t at = low[0] & 63;
    // The shift is in two steps because one of 64 is undefined.
    const size_t right = static_cast<size_t>(__builtin_ctzll(alive >> at >> 1)) + at + 1;
    ids[at] = merged[at];
    alive &= ~(uint64_t{1} << right);
    const uint64_t after = alive >> at >> 1;
    const uint64_t before = alive & ((uint64_t{1} << at) - 1);
    keys[right] = kNoRank;
    if (after) look(at, ids[at], ids[at + 1 + static_cast<size_t>(__builtin_ctzll(after))]);
    else keys[at] = kNoRank;
    if (before) {
      const size_t left = 63 - static_cast<size_t>(__builtin_clzll(before));
      look(left, ids[left], ids[at]);
    }
  }
  size_t count = 0;
  for (; alive; alive &= alive - 1) out[count++] = ids[__builtin_ctzll(alive)];
  return count;
}

// A heap of rank and position over a linked list; entries that no longer hold are recognised when they come up.
size_t Merger::merge_long(const uint8_t* piece, size_t n, int32_t* out) {
  next_.resize(n);
  previous_.resize(n);
  heap_.clear();
  int32_t* const next = next_.data();
  int32_t* const previous = previous_.data();
  const auto later = [](uint64_t a, uint64_t b) { return a > b; };
  for (size_t i = 0; i < n; ++i) {
    out[i] = byte_ids_[piece[i]];
    next[i] = static_cast<int32_t>(i) + 1;
    previous[i] = static_cast<int32_t>(i) - 1;
    if (i + 1 == n) break;
    const uint32_t rank = byte_rules_[static_cast<size_t>(piece[i] << 8 | piece[i + 1])].rank;
    if (rank != kNoRank) heap_.push_back(static_cast<uint64_t>(rank) << 32 | i);
  }
  std::make_heap(heap_.begin(), heap_.end(), later);
  const auto count = static_cast<int32_t>(n);
  const auto enter = [&](int32_t at, int32_t right) {
    const uint32_t rank = rules_.find(out[at], out[right]).rank;
    if (rank == kNoRank) return;
    heap_.push_back(static_cast<uint64_t>(rank) << 32 | static_cast<uint32_t>(at));
    std::push_heap(heap_.begin(), heap_.end(), later);
  };
  while (!heap_.empty()) {
    ++steps_;
    const uint64_t key = heap_.front();
    std::pop_heap(heap_.begin(), heap_.end(), later);
    heap_.pop_back();
    const auto at = static_cast<int32_t>(key & 0xffffffff);
    if (out[at] < 0) continue;
    const int32_t right = next[at];
    if (right >= count) continue;
    const PairRules::Rule rule = rules_.find(out[at], out[right]);
    if (rule.rank != key >> 32) continue;
    out[at] = rule.merged;
    out[right] = -1;
    const int32_t after = next[right];
    next[at] = after;
    if (after < count) {
      previous[after] = at;
      enter(at, after);
    }
    if (previous[at] >= 0) enter(previous[at], at);
  }
  size_t left = 0;
  for (int32_t i = 0; i < count; i = next[i]) out[left++] = out[i];
  // Room for a giant is not kept.
  if (n > (1 << 22)) {
    next_ = {};
    previous_ = {};
    heap_ = {};
  }
  return left;
}

}  // namespace ik::tok
