// Substrings that occur often, to begin the training of Unigram with; the rules are those of
// packages/tokenizer/src/trainers/seed-pieces.ts, which is the definition.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ik::tok {

struct Candidate {
  uint32_t from, to;  // its occurrences are the suffixes of these ranks
  int32_t length;
  double count;
};

struct Candidates {
  std::vector<uint32_t> order;  // positions in the order of what stands there
  std::vector<Candidate> found;
};

// Word w is points [starts[w], starts[w + 1] - 1), behind which a 0 stands, and occurs counts[w] times; there are fewer than
// 2^32 points, the others from 1 to `highest`.
Candidates seed_pieces(const std::vector<int32_t>& points, int32_t highest, const std::vector<uint32_t>& starts,
                       const std::vector<double>& counts, int32_t longest, size_t limit);

}  // namespace ik::tok
