#include "merge_learner.h"

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

namespace ik::tok {

// ---- PairCounts ----

PairCounts::Slot& PairCounts::place_of(uint64_t key) {
  Slot* const slots = slots_.data();
  size_t i = first_of(key);
  while (slots[i].key != key && slots[i].key != kEmpty)
    if (++i == count_) i = 0;
  return slots[i];
}

PairCounts::Slot* PairCounts::find(int32_t left, int32_t right) {
  Slot& slot = place_of(key_of(left, right));
  return slot.key == kEmpty ? nullptr : &slot;
}

PairCounts::Slot& PairCounts::at(int32_t left, int32_t right) {
  const uint64_t key = key_of(left, right);
  Slot& slot = place_of(key);
  if (slot.key == kEmpty) {
    slot.key = key;
    ++size_;
  }
  return slot;
}

void PairCounts::reserve(size_t more) {
  size_t count = count_;
  while ((size_ + more) * 4 > count * 3) count += count / 2;
  if (count > count_) resize(count);
}

void PairCounts::resize(size_t count) {
  if (count > UINT32_MAX) throw std::bad_alloc();
  Buffer<Slot, true> old;
  old.reserve(count);
  std::uninitialized_fill_n(old.data(), count, Slot());
  std::swap(old, slots_);
  const Slot* const end = old.data() + std::exchange(count_, count);
  for (const Slot* slot = old.data(); slot != end; ++slot)
    if (slot->key != kEmpty) place_of(slot->key) = *slot;
}

// ---- MergeLearner ----

MergeLearner::MergeLearner(std::vector<std::string>&& tokens, const int32_t* byte_ids, const uint8_t* bytes,
                           const uint32_t* starts, const double* counts, size_t words, const Options& options)
    : options_(options),
      first_byte_(*std::min_element(byte_ids, byte_ids + 256)),
      tokens_(std::move(tokens)),
      lengths_(tokens_.size(), 1),
      spans_(tokens_.size(), 1) {
  for (size_t id = 0; id < tokens_.size(); ++id)
    if (!tokens_[id].empty()) ids_.emplace(tokens_[id], static_cast<int32_t>(id));
  const size_t total = starts[words];
  cell_count_ = total + words + 1;
  if (total >= size_t{1} << 31 || cell_count_ >= size_t{1} << 32) throw std::bad_alloc();
  cells_.reserve(cell_count_);
  counts_.reserve(words);
  Cell* cell = cells_.data();
  *cell++ = {kEdge, 0};
  for (size_t word = 0; word < words; ++word) {
    counts_.push_back(static_cast<int64_t>(counts[word]));
    for (size_t i = starts[word]; i < starts[word + 1]; ++i) *cell++ = {byte_ids[bytes[i]], static_cast<uint32_t>(word)};
    *cell++ = {kEdge, 0};
  }
  first_pairs();
}

// Counts the pairs of all words: two passes over them, so that each pair's positions lie together.
void MergeLearner::first_pairs() {
  const Cell* const cells = cells_.data();
  std::vector<Side> sides(256 * 256);
  const auto each = [&](auto&& body) {
    for (size_t i = 0; i + 1 < cell_count_; ++i) {
      const int32_t left = cells[i].token, right = cells[i + 1].token;
      if (left >= 0 && right >= 0) body(i, sides[static_cast<size_t>(left - first_byte_) << 8 | static_cast<size_t>(right - first_byte_)]);
    }
  };
  each([&](size_t i, Side& side) {
    side.count += counts_[cells[i].word];
    ++side.size;
  });
  size_t kinds = 0;
  for (Side& side : sides) {
    side.at = position_count_;
    position_count_ += side.size;
    kinds += side.size > 0;
  }
  positions_.reserve(position_count_);
  each([&](size_t i, Side& side) { positions_.data()[side.at++] = static_cast<uint32_t>(i); });
  pairs_.reserve(kinds);
  for (size_t pair = 0; pair < sides.size(); ++pair) {
    Side& side = sides[pair];
    if (side.size == 0) continue;
    side.at -= side.size;
    const int32_t left = first_byte_ + static_cast<int32_t>(pair >> 8), right = first_byte_ + static_cast<int32_t>(pair & 255);
    pairs_.at(left, right).count = side.count;
    keep(left, right, side);
  }
}

// Queues a pair with positions that are written already.
void MergeLearner::keep(int32_t left, int32_t right, const Side& side) {
  PairCounts::Slot& slot = *pairs_.find(left, right);
  const auto entry = static_cast<uint32_t>(entries_.size());
  if (entry == PairCounts::kNone) throw std::bad_alloc();
  entries_.push_back({side.at, side.size, slot.entries});
  slot.entries = entry;
  wait({slot.count, left, right, entry});
}

// Makes room for more positions: of those there are, only what waits is kept.
void MergeLearner::make_room(size_t more) {
  if (position_count_ + more <= positions_.capacity()) return;
  uint32_t* const positions = positions_.data();
  size_t kept = 0;
  for (Entry& entry : entries_) {
    if (entry.size > 0) std::memmove(positions + kept, positions + entry.at, entry.size * sizeof(uint32_t));
    entry.at = kept;
    kept += entry.size;
  }
  position_count_ = kept;
  // Room for so many more that going over the entries again costs little for each.
  const size_t wanted = kept + std::max(kept, entries_.size()) / 4 + more;
  if (wanted <= positions_.capacity()) return;
  Buffer<uint32_t, true> larger;
  larger.reserve(wanted, 0);
  std::memcpy(larger.data(), positions, kept * sizeof(uint32_t));
  positions_ = std::move(larger);
}

void MergeLearner::wait(const Waiting& waiting) {
  if (rare_wait_ && static_cast<double>(waiting.count) < options_.min_frequency) rare_.push_back(waiting);
  else push(waiting);
}

void MergeLearner::push(const Waiting& waiting) {
  size_t i = heap_.size();
  heap_.push_back(waiting);
  while (i > 0) {
    const size_t parent = (i - 1) / 4;
    if (!waiting.before(heap_[parent])) break;
    heap_[i] = heap_[parent];
    i = parent;
  }
  heap_[i] = waiting;
}

// Moves the first of the heap to its place.
void MergeLearner::sink() {
  const Waiting moving = heap_[0];
  const size_t size = heap_.size();
  size_t i = 0;
  for (;;) {
    const size_t first = 4 * i + 1;
    if (first >= size) break;
    size_t best = first;
    for (size_t child = first + 1; child < std::min(first + 4, size); ++child)
      if (heap_[child].before(heap_[best])) best = child;
    if (!heap_[best].before(moving)) break;
    heap_[i] = heap_[best];
    i = best;
  }
  heap_[i] = moving;
}

// The most frequent pair, taken from the heap; of equals that with the smaller ids. Counts that have changed since they
// were queued are put right when they come up.
bool MergeLearner::next_pair(Waiting& found) {
  for (;;) {
    if (rare_wait_ && (heap_.empty() || static_cast<double>(heap_[0].count) < options_.min_frequency)) {
      rare_wait_ = false;
      for (const Waiting& waiting : rare_) push(waiting);
      rare_ = {};
    }
    if (heap_.empty()) return false;
    Waiting& top = heap_[0];
    const int64_t count = pairs_.find(top.left, top.right)->count;
    if (top.count != count) {
      top.count = count;
      sink();
      continue;
    }
    if (count < 1 || static_cast<double>(count) < options_.min_frequency) return false;
    found = top;
    heap_[0] = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) sink();
    return true;
  }
}

// The positions of an entry, which stops waiting. Where its pair has others, those of their positions count too that
// lie in the same words: words are merged as wholes.
const uint32_t* MergeLearner::take(const Waiting& top, size_t& size) {
  PairCounts::Slot& slot = *pairs_.find(top.left, top.right);
  uint32_t* link = &slot.entries;
  while (*link != top.entry) link = &entries_[*link].next;
  Entry& entry = entries_[top.entry];
  *link = entry.next;
  const uint32_t* const own = positions_.data() + entry.at;
  size = entry.size;
  entry.size = 0;
  if (slot.entries == PairCounts::kNone) return own;
  const Cell* const cells = cells_.data();
  gathered_.assign(own, own + size);
  gathered_words_.clear();
  // Positions ascend, and so do their words.
  for (size_t i = 0; i < size; ++i)
    if (gathered_words_.empty() || gathered_words_.back() != cells[own[i]].word) gathered_words_.push_back(cells[own[i]].word);
  for (uint32_t other = slot.entries; other != PairCounts::kNone; other = entries_[other].next) {
    const uint32_t* const at = positions_.data() + entries_[other].at;
    for (size_t i = 0; i < entries_[other].size; ++i)
      if (std::binary_search(gathered_words_.begin(), gathered_words_.end(), cells[at[i]].word)) gathered_.push_back(at[i]);
  }
  std::sort(gathered_.begin(), gathered_.end());
  size = gathered_.size();
  return gathered_.data();
}

// The id of the token that a pair makes, new or not.
int32_t MergeLearner::token_of(const Waiting& pair) {
  std::string bytes = tokens_[static_cast<size_t>(pair.left)] + tokens_[static_cast<size_t>(pair.right)];
  const auto [at, added] = ids_.try_emplace(std::move(bytes), static_cast<int32_t>(tokens_.size()));
  if (added) {
    tokens_.push_back(at->first);
    lengths_.push_back(length_of(pair.left) + length_of(pair.right));
    spans_.push_back(0);
  }
  spans_[static_cast<size_t>(at->second)] = static_cast<uint32_t>(at->first.size());
  return at->second;
}

MergeLearner::Neighbour& MergeLearner::touch(int32_t token) {
  const auto at = static_cast<size_t>(token);
  if (at >= neighbours_.size()) neighbours_.resize(std::max(at + 1, tokens_.size()));
  Neighbour& neighbour = neighbours_[at];
  if (neighbour.left.size + neighbour.right.size == 0) touched_.push_back(token);
  return neighbour;
}

// Merges a pair wherever it still stands, left to right, and notes what stands beside it.
void MergeLearner::apply(const Waiting& pair, int32_t token, const uint32_t* positions, size_t size) {
  constexpr size_t kAhead = 12;
  Cell* const cells = cells_.data();
  const uint32_t left_span = spans_[static_cast<size_t>(pair.left)];
  const uint32_t right_span = spans_[static_cast<size_t>(pair.right)];
  const uint32_t span = left_span + right_span;
  for (size_t i = 0; i < size; ++i) {
    if (i + kAhead < size) __builtin_prefetch(&cells[positions[i + kAhead]], 1);
    const uint32_t position = positions[i];
    Cell* const left = cells + position;
    Cell* const right = left + left_span;
    if (left->token != pair.left || right->token != pair.right) continue;
    const int64_t count = counts_[left->word];
    const int32_t before = left[-1].token;
    if (before != kEdge) {
      const Cell* const cell = before >= 0 ? left - 1 : left + before;
      Neighbour& neighbour = touch(cell->token);
      neighbour.left.count += count;
      ++neighbour.left.size;
      left_events_.push_back({cell->token, static_cast<uint32_t>(cell - cells)});
    }
    right->token = kInside;
    left->token = token;
    left[span - 1].token = -static_cast<int32_t>(span);
    const int32_t after = left[span].token;
    if (after != kEdge) {
      Neighbour& neighbour = touch(after);
      neighbour.right.count += count;
      ++neighbour.right.size;
      right_events_.push_back({after, position});
    }
  }
}

// Moves the counts of the pairs that were beside the merged one to those that are now, and queues these.
void MergeLearner::settle(const Waiting& pair, int32_t token) {
  const double length = static_cast<double>(length_of(pair.left) + length_of(pair.right));
  const auto counted = [&](int32_t other) { return static_cast<double>(length_of(other)) + length < options_.max_token_length; };
  pairs_.reserve(2 * touched_.size());
  make_room(left_events_.size() + right_events_.size());
  for (const int32_t other : touched_) {
    const Neighbour& neighbour = neighbours_[static_cast<size_t>(other)];
    if (neighbour.left.size > 0) {
      pairs_.prefetch(other, pair.left);
      pairs_.prefetch(other, token);
    }
    if (neighbour.right.size > 0) {
      pairs_.prefetch(pair.right, other);
      pairs_.prefetch(token, other);
    }
  }
  const auto lose = [&](int32_t left, int32_t right, int64_t count) {
    // A pair that is too long was never counted.
    if (PairCounts::Slot* const slot = pairs_.find(left, right)) slot->count -= count;
  };
  for (const int32_t other : touched_) {
    Neighbour& neighbour = neighbours_[static_cast<size_t>(other)];
    const bool gains = counted(other);
    const auto place = [&](Side& side) {
      side.at = position_count_;
      position_count_ += side.size;
    };
    if (neighbour.left.size > 0) {
      if (gains) pairs_.at(other, token).count += neighbour.left.count;
      place(neighbour.left);
    }
    if (neighbour.right.size > 0) {
      if (gains) pairs_.at(token, other).count += neighbour.right.count;
      place(neighbour.right);
    }
  }
  for (const int32_t other : touched_) {
    const Neighbour& neighbour = neighbours_[static_cast<size_t>(other)];
    if (neighbour.left.size > 0) lose(other, pair.left, neighbour.left.count);
    if (neighbour.right.size > 0) lose(pair.right, other, neighbour.right.count);
  }
  uint32_t* const positions = positions_.data();
  for (const Event& event : left_events_) positions[neighbours_[static_cast<size_t>(event.token)].left.at++] = event.position;
  for (const Event& event : right_events_) positions[neighbours_[static_cast<size_t>(event.token)].right.at++] = event.position;
  for (const int32_t other : touched_) {
    Neighbour& neighbour = neighbours_[static_cast<size_t>(other)];
    Side& left = neighbour.left;
    Side& right = neighbour.right;
    left.at -= left.size;
    right.at -= right.size;
    if (counted(other)) {
      if (other == token && left.size > 0 && right.size > 0) {
        // The same pair from both sides; what one says of it lies right behind what the other does.
        left.size += right.size;
        right.size = 0;
        std::sort(positions + left.at, positions + left.at + left.size);
      }
      if (left.size > 0 && pairs_.find(other, token)->count > 0) keep(other, token, left);
      if (right.size > 0 && pairs_.find(token, other)->count > 0) keep(token, other, right);
    }
    neighbour = {};
  }
  touched_.clear();
  left_events_.clear();
  right_events_.clear();
}

bool MergeLearner::step() {
  Waiting pair;
  if (tokens_.size() >= options_.vocabulary || !next_pair(pair)) return false;
  size_t size = 0;
  const uint32_t* const positions = take(pair, size);
  const int32_t token = token_of(pair);
  merges_.push_back({pair.left, pair.right, token});
  apply(pair, token, positions, size);
  settle(pair, token);
  return true;
}

}  // namespace ik::tok
