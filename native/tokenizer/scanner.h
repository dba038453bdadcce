// Where a piece ends: the patterns of GPT-2, cl100k, o200k and DeepSeek, and runs before them, by hand, on UTF-8, in one pass and without backtracking.
// The same rules as packages/tokenizer/src/pre-tokenizers/*-cutter.ts, which are the definition.
#pragma once
#include <cstring>
#include <memory>

#include "utf.h"

namespace ik::tok {

// What the table that TypeScript hands over says of a code point.
enum PointClass : uint8_t { kOther, kUpper, kLower, kCaseless, kMark, kNumber, kNewline, kSpace };
// The bit of Han characters, which Kimi K2 keeps apart from others.
constexpr uint8_t kHan = 8;

enum class Pattern : int32_t { kWhole, kGpt2, kCl100k, kO200k, kWords, kMarks, kDeepSeek, kKimi, kClip, kRuns };

constexpr size_t kPoints = 0x110000;

// First index from i on at which no ASCII letter (any case, or lower case alone) stands; reads up to 16 bytes beyond.
template <bool kAnyCase>
inline size_t ascii_letters_end(const uint8_t* p, size_t i) {
#if defined(__SSE2__)
  for (;; i += 16) {
    __m128i c = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + i));
    if (kAnyCase) c = _mm_or_si128(c, _mm_set1_epi8(0x20));
    // Letters move to the 26 lowest signed values.
    const __m128i moved = _mm_add_epi8(c, _mm_set1_epi8(static_cast<char>(0x80 - 'a')));
    const int letters = _mm_movemask_epi8(_mm_cmplt_epi8(moved, _mm_set1_epi8(static_cast<char>(0x80 + 26))));
    if (letters != 0xffff) return i + static_cast<size_t>(__builtin_ctz(~static_cast<uint32_t>(letters)));
  }
#else
  for (;; ++i) {
    const uint8_t c = kAnyCase ? p[i] | 0x20 : p[i];
    if (static_cast<uint8_t>(c - 'a') >= 26) return i;
  }
#endif
}

class Scanner {
 public:
  // `classes` has a PointClass for each of kPoints code points.
  Scanner(const uint8_t* classes, Pattern pattern, int32_t digits, bool whole_tail, bool contractions)
      : pattern_(pattern), digits_(digits), whole_tail_(whole_tail), contractions_(contractions), table_(new uint8_t[kPoints]) {
    static constexpr uint8_t gpt2[8] = {0, kLetter, kLetter, kLetter, 0, kNum, kBlank, kBlank};
    static constexpr uint8_t cl100k[8] = {0, kLetter, kLetter, kLetter, 0, kNum, kLine, kBlank};
    for (size_t i = 0; i < kPoints; ++i) {
      const uint8_t c = classes[i] & 7;
      table_[i] = pattern == Pattern::kGpt2 || pattern == Pattern::kClip ? gpt2[c]
                  : pattern == Pattern::kCl100k ? cl100k[c]
                  : pattern == Pattern::kKimi   ? classes[i] & (kHan | 7)
                                                : c;
    }
  }

  static constexpr size_t kMostRuns = 8;

  // Cuts by runs first, each within what the one before has left whole. Of each code point, bits 2 k and 2 k + 1 of `runs`
  // say whether it is a member of run k and whether it may lead one; a piece has at most `most[k]` members.
  void set_runs(const uint16_t* runs, const int32_t* most, size_t count) {
    runs_.reset(new uint16_t[kPoints]);
    std::memcpy(runs_.get(), runs, kPoints * sizeof(uint16_t));
    run_count_ = count;
    std::memcpy(most_, most, count * sizeof(int32_t));
  }

  Pattern pattern() const { return runs_ ? Pattern::kRuns : pattern_; }

  // Where the pieces of each run end that the next piece of a text lies in.
  struct Segments {
    size_t ends[kMostRuns] = {};
  };

  // As `cut`, by runs and then by the pattern; the text is as it was afterwards.
  size_t cut_runs(uint8_t* p, size_t start, size_t n, Segments& segments) const {
    size_t limit = n;
    for (size_t k = 0; k < run_count_; ++k) {
      if (segments.ends[k] <= start) segments.ends[k] = run_cut(p, start, limit, k);
      limit = segments.ends[k];
    }
    if (pattern_ == Pattern::kWhole) return limit;
    // Patterns stop at zeros behind a text, and look at three bytes of them at most.
    uint32_t behind;
    std::memcpy(&behind, p + limit, sizeof behind);
    std::memset(p + limit, 0, sizeof behind);
    const size_t end = pattern_ == Pattern::kGpt2      ? cut_gpt2(p, start, limit)
                       : pattern_ == Pattern::kCl100k ? cut_cl100k(p, start, limit)
                       : pattern_ == Pattern::kO200k  ? cut_o200k<false>(p, start, limit)
                       : pattern_ == Pattern::kKimi   ? cut_o200k<true>(p, start, limit)
                                                      : cut_deepseek(p, start, limit);
    std::memcpy(p + limit, &behind, sizeof behind);
    return end;
  }

  // The end of the white space at i, which is gone (CLIP).
  size_t skip_spaces(const uint8_t* p, size_t i, size_t n) const { return run_end(p, i, n, kBlank); }

  // The end of the piece that starts at `start` of a text of n bytes with kPadding zeros behind them.
  template <Pattern kPattern>
  size_t cut(const uint8_t* p, size_t start, size_t n) const {
    if constexpr (kPattern == Pattern::kGpt2) return cut_gpt2(p, start, n);
    if constexpr (kPattern == Pattern::kCl100k) return cut_cl100k(p, start, n);
    if constexpr (kPattern == Pattern::kO200k) return cut_o200k<false>(p, start, n);
    if constexpr (kPattern == Pattern::kClip) return cut_clip(p, start, n);
    if constexpr (kPattern == Pattern::kKimi) return cut_o200k<true>(p, start, n);
    if constexpr (kPattern == Pattern::kWords) return cut_words(p, start, n);
    if constexpr (kPattern == Pattern::kMarks) return cut_marks(p, start, n);
    if constexpr (kPattern == Pattern::kDeepSeek) return cut_deepseek(p, start, n);
    return n;
  }

 private:
  // Classes of GPT-2 and cl100k; 0 is none of them. GPT-2 takes a newline for a blank. DeepSeek has symbols for numbers.
  enum : uint8_t { kLetter = 1, kNum = 2, kSymbol = 2, kLine = 3, kBlank = 4 };

  // The end of a piece by run k: a leading character and members, or what lies before the next such piece.
  size_t run_cut(const uint8_t* p, size_t start, size_t limit, size_t k) const {
    const auto kind_at = [&](size_t i, uint32_t& size) -> uint32_t {
      const Utf8Char c = decode_utf8(p + i);
      size = c.size;
      return i < limit ? runs_[c.point] >> (2 * k) & 3u : 0;
    };
    // Whether a match is at i, and where its members begin.
    const auto members_at = [&](size_t i, size_t& members, uint32_t& size) {
      const uint32_t kind = kind_at(i, size);
      members = kind == 1 ? i : i + size;
      uint32_t next;
      return kind == 1 || (kind == 2 && kind_at(i + size, next) == 1);
    };
    size_t i;
    uint32_t size;
    if (members_at(start, i, size)) {
      for (int32_t count = 0; count < most_[k] && kind_at(i, size) == 1; ++count) i += size;
      return i;
    }
    i = start + size;
    for (size_t members; i < limit && !members_at(i, members, size);) i += size;
    return i;
  }

  size_t cut_deepseek(const uint8_t* p, size_t start, size_t n) const {
    uint32_t size;
    const uint8_t kind = class_at(p, start, size);
    const size_t next = start + size;
    if (kind == kSymbol && size == 1) {
      const size_t end = ascii_letters_end<true>(p, next);
      if (end > next) return end;
    }
    if (kind == kLetter) return run_end(p, next, n, kLetter);
    const uint8_t follows = next < n ? class_at(p, next, size) : kNothing;
    if ((kind == 0 || kind == kBlank) && follows == kLetter) return run_end(p, next, n, kLetter);
    if (kind == kSymbol || (p[start] == ' ' && follows == kSymbol)) {
      size_t i = run_end(p, next, n, kSymbol);
      while (p[i] == '\n' || p[i] == '\r') ++i;
      return i;
    }
    if (kind != 0) return spaces_end(p, start, n, kLine, false);
    // What no match begins with.
    size_t i = next;
    while (i < n && class_at(p, i, size) == 0) {
      uint32_t after;
      if (i + size < n && class_at(p, i + size, after) == kLetter) break;
      i += size;
    }
    return i;
  }

  uint8_t class_at(const uint8_t* p, size_t i, uint32_t& size) const {
    if (p[i] < 0x80) {
      size = 1;
      return table_[p[i]];
    }
    const Utf8Char c = decode_utf8(p + i);
    size = c.size;
    return table_[c.point];
  }

  // The end of the run of characters of one class. Zeros behind the text are of class 0, hence the limit.
  size_t run_end(const uint8_t* p, size_t i, size_t n, uint8_t kind) const {
    if (kind == kLetter) {
      for (;;) {
        i = ascii_letters_end<true>(p, i);
        if (p[i] < 0x80) return i;
        do {
          const Utf8Char c = decode_utf8(p + i);
          if (table_[c.point] != kLetter) return i;
          i += c.size;
        } while (p[i] >= 0x80);
      }
    }
    for (uint32_t size; i < n; i += size)
      if (class_at(p, i, size) != kind) return i;
    return n;
  }

  size_t cut_gpt2(const uint8_t* p, size_t start, size_t n) const {
    if (p[start] == '\'') {
      const uint8_t a = p[start + 1], b = p[start + 2];
      if (a == 's' || a == 'd' || a == 'm' || a == 't') return start + 2;
      if ((a == 'l' && b == 'l') || ((a == 'v' || a == 'r') && b == 'e')) return start + 3;
    }
    size_t i = start;
    uint32_t size;
    uint8_t kind = class_at(p, i, size);
    if (p[i] == ' ' && i + 1 < n) {
      const uint8_t next = class_at(p, i + 1, size);
      if (next != kBlank) {
        kind = next;
        ++i;
      } else {
        size = 1;
      }
    }
    if (kind != kBlank) return run_end(p, i + size, n, kind);
    // White space, less its last character where that one goes with what follows.
    size_t last = i;
    for (i += size; i < n; i += size) {
      if (class_at(p, i, size) != kBlank) break;
      last = i;
    }
    return i < n && last > start ? last : i;
  }

  size_t cut_clip(const uint8_t* p, size_t start, size_t n) const {
    if (p[start] == '\'') {
      const uint8_t a = p[start + 1], b = p[start + 2];
      if (a == 's' || a == 'd' || a == 'm' || a == 't') return start + 2;
      if ((a == 'l' && b == 'l') || ((a == 'v' || a == 'r') && b == 'e')) return start + 3;
    }
    uint32_t size;
    const uint8_t kind = class_at(p, start, size);
    return kind == kNum ? start + size : run_end(p, start + size, n, kind);
  }

  // U+2581, which stands for a space.
  static bool is_mark(const uint8_t* p, size_t i) { return p[i] == 0xe2 && p[i + 1] == 0x96 && p[i + 2] == 0x81; }

  // Before each run of marks.
  static size_t cut_words(const uint8_t* p, size_t start, size_t n) {
    size_t i = start;
    while (is_mark(p, i)) i += 3;
    while (i < n && !is_mark(p, i)) ++i;
    return i;
  }

  // Before each mark.
  static size_t cut_marks(const uint8_t* p, size_t start, size_t n) {
    size_t i = is_mark(p, start) ? start + 3 : start;
    while (i < n && !is_mark(p, i)) ++i;
    return i;
  }

  // The end of an English contraction at an apostrophe, in any case, or 0. Long s (U+017F, C5 BF) folds to s.
  static size_t contraction_end(const uint8_t* p, size_t i) {
    if (p[i] != '\'') return 0;
    const uint8_t a = p[i + 1] | 0x20, b = p[i + 2] | 0x20;
    if (a == 's' || a == 't' || a == 'm' || a == 'd') return i + 2;
    if ((a == 'l' && b == 'l') || ((a == 'r' || a == 'v') && b == 'e')) return i + 3;
    return p[i + 1] == 0xc5 && p[i + 2] == 0xbf ? i + 3 : 0;
  }

  size_t number_end(const uint8_t* p, size_t i, size_t n, int32_t most, uint8_t kind) const {
    uint32_t size;
    for (int32_t count = 1; count < most && i < n && class_at(p, i, size) == kind; ++count) i += size;
    return i;
  }

  size_t cut_cl100k(const uint8_t* p, size_t start, size_t n) const {
    uint32_t size;
    const uint8_t kind = class_at(p, start, size);
    const size_t next = start + size;
    if (kind == kLetter) return run_end(p, next, n, kLetter);
    if (kind == kNum) return number_end(p, next, n, digits_, kNum);
    if (const size_t end = contraction_end(p, start)) return end;
    const uint8_t follows = next < n ? class_at(p, next, size) : kNothing;
    if (kind != kLine && follows == kLetter) return run_end(p, next, n, kLetter);
    if (kind == 0 || (p[start] == ' ' && follows == 0)) {
      size_t i = run_end(p, next, n, 0);
      while (p[i] == '\n' || p[i] == '\r') ++i;
      return i;
    }
    return spaces_end(p, start, n, kLine, whole_tail_);
  }

  // White space: up to its last newline if it has one (classes `line` and above are white space).
  template <uint8_t kClass = 0xff>
  size_t spaces_end(const uint8_t* p, size_t start, size_t n, uint8_t line, bool whole_tail) const {
    size_t i = start, last = start, newline = 0;
    for (uint32_t size; i < n; i += size) {
      const uint8_t kind = class_at(p, i, size) & kClass;
      if (kind < line) break;
      last = i;
      if (kind == line) newline = i + 1;
    }
    if (i == n && whole_tail) return i;
    if (newline > 0) return newline;
    return i < n && last > start ? last : i;
  }

  // o200k, or Kimi K2: Han characters are no part of words and a run of them is a piece; slashes end no symbols.
  template <bool kKimi>
  size_t cut_o200k(const uint8_t* p, size_t start, size_t n) const {
    // Beside what words are made of, Han characters are what they are.
    constexpr uint8_t kClass = kKimi ? 7 : 0xff;
    uint32_t size;
    const uint8_t kind = class_at(p, start, size);
    const size_t next = start + size;
    if (kKimi && kind >= kHan) {
      size_t i = next;
      while (i < n && class_at(p, i, size) >= kHan) i += size;
      return i;
    }
    if (kind == kNumber) {
      size_t i = next;
      for (int32_t count = 1; count < digits_ && i < n && (class_at(p, i, size) & kClass) == kNumber; ++count) i += size;
      return i;
    }
    if (const size_t end = word_end(p, start, next, kind)) {
      const size_t contraction = contractions_ ? contraction_end(p, end) : 0;
      return contraction ? contraction : end;
    }
    const uint8_t follows = next < n ? class_at(p, next, size) & kClass : kNothing;
    const auto symbol = [](uint8_t c) { return c == kOther || c == kMark; };
    if (symbol(kind) || (p[start] == ' ' && symbol(follows))) {
      size_t i = next;
      for (; i < n; i += size)
        if (!symbol(class_at(p, i, size) & kClass)) break;
      while (p[i] == '\n' || p[i] == '\r' || (!kKimi && p[i] == '/')) ++i;
      return i;
    }
    return spaces_end<kClass>(p, start, n, kNewline, false);
  }

  // The end of the word at `start`, with the one character before it that may belong to it, or 0.
  size_t word_end(const uint8_t* p, size_t start, size_t next, uint8_t kind) const {
    if (kind == kUpper || kind == kLower || kind == kCaseless) {
      const size_t end = mixed_end(p, start);
      return end ? end : upper_end(p, start);
    }
    if (kind == kNewline) return 0;
    if (const size_t mixed = mixed_end(p, next)) return mixed;
    // A mark can be the character before, or begin the word itself.
    return kind == kMark ? mixed_end(p, start) : upper_end(p, next);
  }

  // The end of [upper]*[lower]+, where caseless letters and marks are both; 0 if there is none. The zeros behind a
  // text are neither, so no limit is needed.
  size_t mixed_end(const uint8_t* p, size_t i) const {
    size_t both = 0;
    for (uint32_t size;;) {
      const uint8_t kind = class_at(p, i, size);
      if (kind == kLower) return lower_end(p, i + size);
      if (kind == kOther || kind > kMark) return both;
      i += size;
      if (kind != kUpper) both = i;
    }
  }

  size_t lower_end(const uint8_t* p, size_t i) const {
    for (;;) {
      i = ascii_letters_end<false>(p, i);
      if (p[i] < 0x80) return i;
      do {
        const Utf8Char c = decode_utf8(p + i);
        const uint8_t kind = table_[c.point];
        if (kind < kLower || kind > kMark) return i;
        i += c.size;
      } while (p[i] >= 0x80);
    }
  }

  // The end of a run of capitals, or 0 without one.
  size_t upper_end(const uint8_t* p, size_t start) const {
    size_t i = start;
    for (uint32_t size; class_at(p, i, size) == kUpper;) i += size;
    return i > start ? i : 0;
  }

  static constexpr uint8_t kNothing = 0xff;
  Pattern pattern_;
  int32_t digits_;
  bool whole_tail_;
  bool contractions_;
  size_t run_count_ = 0;
  int32_t most_[kMostRuns] = {};
  std::unique_ptr<uint8_t[]> table_;
  std::unique_ptr<uint16_t[]> runs_;
};

}  // namespace ik::tok
