// A text as Unigram sees it: characters rewritten by a table, spaces made visible, and cut into pieces. The same rules as the
// normalizers of packages/tokenizer, Metaspace and WhitespaceSplit, which are the definition.
#pragma once
#include <cstdint>
#include <vector>

#include "buffer.h"

namespace ik::tok {

// What becomes of a character: `value << kValueShift | flags | kind`, where the value is the code point it becomes, no space and no mark.
enum class PartKind : uint32_t {
  kChar,
  kSpace,     // a space; white space of any kind where that ends words
  kMark,      // U+2581
  kGone,      // is gone
  kSequence,  // several, each one of the kinds above; the value is where they begin
  kElse,      // what becomes of it depends on its neighbours
};
// What becomes of two neighbours depends on both where the first is lone and the second joins, each of the same three bits.
constexpr uint32_t kLone = 7 << 3, kJoins = 7 << 6;
// Stripped from where a text starts, from where it ends.
constexpr uint32_t kNoStart = 1 << 9, kNoEnd = 1 << 10;
constexpr uint32_t kFlags = (1 << 11) - 1, kValueShift = 11;

enum class Lead : int32_t { kNever, kAlways, kFirst };

// Where a part of a text stands and what it has been through; bits.
constexpr uint32_t kNotFirst = 1, kNormalized = 2;

// Checked by the caller: cells and sequences are well-formed.
struct TextRules {
  std::vector<uint32_t> cells;         // of each code point
  std::vector<uint32_t> normal_cells;  // the same for text that has been normalized; none if there is none
  std::vector<uint32_t> sequences;     // a count and as many cells
  bool words = false;                  // white space ends words and is gone; a mark is put before each that has none
  bool visible = false;                // spaces become marks
  bool collapses = false;              // of spaces in a row the last stays
  bool prefix = false;                 // a mark is put before what has been normalized
  Lead lead = Lead::kNever;            // a mark is put before what does not begin with one
  bool marks = false;                  // each mark begins a piece; else a text is one
};

// Within rewritten text and tokens the mark changes places with the space, so that it is one byte.
constexpr uint8_t kMarkByte = 0x20;
constexpr uint32_t kSpacePoint = 0x2581;

// Writes a text so, or one that is so as it was, to `out`, which has room for three bytes for each of its n, and returns the
// bytes written.
size_t swap_marks(const uint8_t* text, size_t n, uint8_t* out);

struct RewrittenText {
  Buffer<uint8_t> bytes;      // with kPadding more behind them
  size_t size = 0;
  Buffer<uint32_t> starts;    // of its pieces
  size_t pieces = 0;
  Buffer<int32_t> from, to;   // the units that the character stands for whose first, or last, byte this is; where asked for
  void release() {
    bytes.release();
    starts.release();
    from.release();
    to.release();
  }
};

// False if a character's rewriting depends on its neighbours. Throws std::bad_alloc.
template <bool kSpans>
bool rewrite(const TextRules& rules, const char16_t* text, size_t units, uint32_t place, RewrittenText& out);

}  // namespace ik::tok
