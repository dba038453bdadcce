#include "unigram_text.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "utf.h"

namespace ik::tok {
namespace {

constexpr PartKind kind_of(uint32_t cell) { return static_cast<PartKind>(cell & 7); }

template <bool kSpans>
class Writer {
 public:
  Writer(const TextRules& rules, uint32_t place, RewrittenText& out)
      : rules_(rules),
        out_(out),
        prefix_(rules.prefix && !(place & kNormalized)),
        collapses_(rules.collapses && !(place & kNormalized)),
        first_(!(place & kNotFirst)) {
    out.size = out.pieces = 0;
    reserve(0);
    begin_piece();
  }

  // Room for that many characters more, a mark before one of them, and the padding.
  void reserve(size_t characters) {
    const size_t room = out_.size + 4 * characters + 1 + kPadding;
    out_.bytes.reserve(room, out_.size);
    if constexpr (!kSpans) return;
    out_.from.reserve(room, out_.size);
    out_.to.reserve(room, out_.size);
  }

  // True where the next character begins the text, or a word that white space ends.
  bool begins() const { return begins_; }

  // A character that is no space and no mark, nothing that is stripped, and begins nothing; of units [from, to).
  void put(uint32_t point, size_t from, size_t to) {
    last_ = out_.size;
    out_.size += put_utf8(point, out_.bytes.data() + last_);
    if constexpr (kSpans) stand_for(from, to);
    spaced_ = stripping_ = false;
  }

  // What a cell says, of units [from, to).
  void take(uint32_t cell, size_t from, size_t to) {
    const bool space = kind_of(cell) == PartKind::kSpace;
    if (space && rules_.words) {
      begins_ = true;
      return;
    }
    if (begins_ && (cell & kNoStart)) return;
    if (space && spaced_ && collapses_) {
      join_space(cell & kNoEnd, from, to);
      return;
    }
    // Whether it is at the end is not known yet.
    const size_t strip_from = stripping_ ? strip_from_ : out_.size;
    if (!stripping_) restores_ = false;
    const bool mark = kind_of(cell) == PartKind::kMark || (space && rules_.visible);
    if (begins_) {
      begins_ = false;
      if (prefix_ || (!mark && leads(from))) put_mark(from, to);
    }
    if (mark) put_mark(from, to);
    else put(space ? kSpacePoint : cell >> kValueShift, from, to);
    spaced_ = space;
    stripping_ = cell & kNoEnd;
    strip_from_ = strip_from;
  }

  void finish() {
    if (stripping_) {
      out_.size = strip_from_;
      if constexpr (kSpans) {
        last_ = joined_;
        if (restores_) stand_for(joined_from_, joined_to_);
      }
    }
    while (out_.pieces > 0 && out_.starts.data()[out_.pieces - 1] >= out_.size) --out_.pieces;
    std::memset(out_.bytes.data() + out_.size, 0, kPadding);
  }

 private:
  bool leads(size_t from) const {
    if (rules_.words || rules_.lead == Lead::kAlways) return true;
    return rules_.lead == Lead::kFirst && first_ && from == 0;
  }

  void begin_piece() {
    out_.starts.reserve(out_.pieces + 1, out_.pieces);
    out_.starts.data()[out_.pieces++] = static_cast<uint32_t>(out_.size);
  }

  void put_mark(size_t from, size_t to) {
    if (rules_.marks && out_.size > 0) begin_piece();
    put(kMarkByte, from, to);
  }

  // A space behind another, which stands for it unless it is stripped.
  void join_space(bool strips, size_t from, size_t to) {
    if (strips && !stripping_) {
      strip_from_ = out_.size;
      restores_ = true;
      joined_ = last_;
      if constexpr (kSpans) {
        joined_from_ = static_cast<size_t>(out_.from.data()[last_]);
        joined_to_ = static_cast<size_t>(out_.to.data()[out_.size - 1]);
      }
    }
    stripping_ = strips;
    if constexpr (kSpans) stand_for(from, to);
  }

  void stand_for(size_t from, size_t to) {
    out_.from.data()[last_] = static_cast<int32_t>(from);
    out_.to.data()[out_.size - 1] = static_cast<int32_t>(to);
  }

  const TextRules& rules_;
  RewrittenText& out_;
  const bool prefix_, collapses_, first_;
  bool begins_ = true;
  bool spaced_ = false;      // the last character is a space
  bool stripping_ = false;   // the last character is gone if the text ends behind it, and so is all from strip_from_ on
  bool restores_ = false;    // what is stripped has taken the place of a space that is not
  size_t strip_from_ = 0, last_ = 0, joined_ = 0, joined_from_ = 0, joined_to_ = 0;
};

}  // namespace

template <bool kSpans>
bool rewrite(const TextRules& rules, const char16_t* text, size_t units, uint32_t place, RewrittenText& out,
             UnknownClusters& unknown) {
  const auto& table = place & kNormalized && !rules.normal_cells.empty() ? rules.normal_cells : rules.cells;
  const uint32_t* const cells = table.data();
  Writer<kSpans> writer(rules, place, out);
  bool known = true;
  // The cell of the character behind the one at hand, and where that ends; nothing joins where the text ends.
  uint32_t next = 0;
  size_t next_end = 0;
  const auto look_ahead = [&] { next = next_end < units ? cells[next_point(text, units, next_end)] : 0; };
  look_ahead();
  for (size_t from = 0; from < units;) {
    constexpr size_t kBlock = 64;
    writer.reserve(kBlock);
    for (const size_t stop = std::min(from + kBlock, units); from < stop;) {
      uint32_t cell = next;
      size_t end = next_end;
      look_ahead();
      if ((cell & kTakes || next & kJoins) && end < units) {
        while ((cell & kTakes || next & kJoins) && end < units) {
          cell = next;
          end = next_end;
          look_ahead();
        }
        if (end - from > Clusters::kLongest) return false;
        const std::u16string_view met(text + from, end - from);
        if (const Cluster* const cluster = rules.clusters.find(met); cluster && cluster->settled) {
          writer.reserve(kBlock + cluster->parts.size());
          for (const ClusterPart& part : cluster->parts) writer.take(part.cell, from + part.from, from + part.to);
        } else if (cluster) {
          return false;
        } else {
          known = false;
          if (unknown.size() < Clusters::kMost) unknown.emplace(met);
        }
      } else if ((cell & kFlags) == 0 && !writer.begins()) {
        writer.put(cell >> kValueShift, from, end);
      } else if (kind_of(cell) == PartKind::kElse) {
        return false;
      } else if (kind_of(cell) == PartKind::kSequence) {
        const uint32_t* const sequence = &rules.sequences[cell >> kValueShift];
        writer.reserve(kBlock + sequence[0]);
        for (uint32_t k = 1; k <= sequence[0]; ++k) writer.take(sequence[k], from, end);
      } else if (kind_of(cell) != PartKind::kGone) {
        writer.take(cell, from, end);
      }
      from = end;
    }
  }
  writer.finish();
  return known;
}

size_t swap_marks(const uint8_t* text, size_t n, uint8_t* out) {
  uint8_t* const begin = out;
  for (size_t i = 0; i < n;) {
    if (text[i] == kMarkByte) {
      out += put_utf8(kSpacePoint, out);
      ++i;
    } else if (n - i >= 3 && text[i] == 0xe2 && text[i + 1] == 0x96 && text[i + 2] == 0x81) {
      *out++ = kMarkByte;
      i += 3;
    } else {
      *out++ = text[i++];
    }
  }
  return static_cast<size_t>(out - begin);
}

template bool rewrite<false>(const TextRules&, const char16_t*, size_t, uint32_t, RewrittenText&, UnknownClusters&);
template bool rewrite<true>(const TextRules&, const char16_t*, size_t, uint32_t, RewrittenText&, UnknownClusters&);

}  // namespace ik::tok
