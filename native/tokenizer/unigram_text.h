// A text as Unigram sees it: characters rewritten by a table, spaces made visible, and cut into pieces. The same rules as the
// normalizers of packages/tokenizer, Metaspace and WhitespaceSplit, which are the definition.
#pragma once
#include <cstdint>
#include <vector>

#include "buffer.h"
#include "clusters.h"

namespace ik::tok {

// What becomes of a character: `value << kValueShift | flags | kind`, where the value is the code point it becomes, no space and no mark.
enum class PartKind : uint32_t {
  kChar,
  kSpace,     // a space; white space of any kind where that ends words
  kMark,      // U+2581
  kGone,      // is gone
  kSequence,  // several, each one of the kinds above; the value is where they begin
  kElse,      // cannot be said
};
// Rewritten together with the character before it, with the one behind it: both are of one cluster.
constexpr uint32_t kJoins = 1 << 3, kTakes = 1 << 4;
// Stripped from where a text starts, from where it ends.
constexpr uint32_t kNoStart = 1 << 5, kNoEnd = 1 << 6;
constexpr uint32_t kFlags = (1 << 7) - 1, kValueShift = 7;

enum class Lead : int32_t { kNever, kAlways, kFirst };

// Where a part of a text stands and what it has been through; bits.
constexpr uint32_t kNotFirst = 1, kNormalized = 2;

// Checked by the caller: cells and sequences are well-formed.
struct TextRules {
  std::vector<uint32_t> cells;         // of each code point
  std::vector<uint32_t> normal_cells;  // the same for text that has been normalized; none if there is none
  std::vector<uint32_t> sequences;     // a count and as many cells
  Clusters clusters;                   // what has been learned of characters that are rewritten together
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

// False if there is something of which nothing can be said, or clusters that are not known, all of which are then put down.
// Throws std::bad_alloc.
template <bool kSpans>
bool rewrite(const TextRules& rules, const char16_t* text, size_t units, uint32_t place, RewrittenText& out,
             UnknownClusters& unknown);

}  // namespace ik::tok
