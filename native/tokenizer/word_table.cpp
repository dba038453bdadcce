#include "word_table.h"

#include <algorithm>
#include <numeric>

namespace ik::tok {
namespace {

// The order of UTF-16 units is that of UTF-8 bytes but for surrogates, which come before U+E000.
int unit_order(uint8_t byte) { return byte >= 0xf0 ? byte - 2 : byte >= 0xee ? byte + 5 : byte; }

template <Pattern kPattern>
size_t count_all(const Scanner& scanner, const uint8_t* text, size_t n, size_t most_units, bool open, WordTable& words) {
  // No pattern looks further than this beyond the end of a piece.
  constexpr size_t kMargin = 16;
  for (size_t at = 0; at < n;) {
    const size_t next = scanner.cut<kPattern>(text, at, n);
    if (open && next + kMargin > n) return at;
    const size_t size = next - at;
    if (size <= most_units || utf16_size(text + at, size) <= most_units) words.add(text + at, size, 1);
    at = next;
  }
  return n;
}

}  // namespace

void WordTable::add(const uint8_t* p, size_t n, uint64_t times, uint32_t hash) {
  const size_t mask = slots_.size() - 1;
  size_t slot = hash & mask;
  for (; slots_[slot] != kEmpty; slot = (slot + 1) & mask) {
    Word& word = words_[slots_[slot]];
    if (word.hash != hash || word.size != n || std::memcmp(bytes_.data() + word.at, p, n) != 0) continue;
    word.count += times;
    return;
  }
  if (words_.size() >= kEmpty - 1) throw std::bad_alloc();
  bytes_.reserve(used_ + n);
  if (n > 0) std::memcpy(bytes_.data() + used_, p, n);
  slots_[slot] = static_cast<uint32_t>(words_.size());
  words_.push_back({used_, times, static_cast<uint32_t>(n), hash});
  used_ += n;
  units_ += utf16_size(p, n);
  if (words_.size() * 2 > slots_.size()) grow();
}

void WordTable::grow() {
  slots_.assign(slots_.size() * 2, kEmpty);
  const size_t mask = slots_.size() - 1;
  for (uint32_t index = 0; index < words_.size(); ++index) {
    size_t slot = words_[index].hash & mask;
    while (slots_[slot] != kEmpty) slot = (slot + 1) & mask;
    slots_[slot] = index;
  }
}

void WordTable::take(WordTable& other) {
  for (const Word& word : other.words_) add(other.bytes_.data() + word.at, word.size, word.count, word.hash);
  other.clear();
}

void WordTable::clear() {
  bytes_.release();
  used_ = units_ = 0;
  words_ = {};
  slots_ = std::vector<uint32_t>(1 << 12, kEmpty);
}

std::vector<uint32_t> WordTable::sorted() const {
  std::vector<uint32_t> order(words_.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [this](uint32_t a, uint32_t b) {
    const Word &x = words_[a], &y = words_[b];
    const uint8_t *p = bytes_.data() + x.at, *q = bytes_.data() + y.at;
    const size_t n = std::min(x.size, y.size);
    const size_t i = static_cast<size_t>(std::mismatch(p, p + n, q).first - p);
    return i < n ? unit_order(p[i]) < unit_order(q[i]) : x.size < y.size;
  });
  return order;
}

size_t count_pieces(const Scanner& scanner, const uint8_t* text, size_t n, size_t most_units, bool open, WordTable& words) {
  switch (scanner.pattern()) {
    case Pattern::kGpt2: return count_all<Pattern::kGpt2>(scanner, text, n, most_units, open, words);
    case Pattern::kCl100k: return count_all<Pattern::kCl100k>(scanner, text, n, most_units, open, words);
    case Pattern::kO200k: return count_all<Pattern::kO200k>(scanner, text, n, most_units, open, words);
    case Pattern::kWords: return count_all<Pattern::kWords>(scanner, text, n, most_units, open, words);
    case Pattern::kMarks: return count_all<Pattern::kMarks>(scanner, text, n, most_units, open, words);
    case Pattern::kDeepSeek: return count_all<Pattern::kDeepSeek>(scanner, text, n, most_units, open, words);
    case Pattern::kKimi: return count_all<Pattern::kKimi>(scanner, text, n, most_units, open, words);
    // These are the encoder's alone.
    case Pattern::kClip:
    case Pattern::kRuns:
    case Pattern::kWhole: break;
  }
  return count_all<Pattern::kWhole>(scanner, text, n, most_units, open, words);
}

}  // namespace ik::tok
