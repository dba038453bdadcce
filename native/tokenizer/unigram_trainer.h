// Every way to cut the words of a text into pieces, which is what training Unigram looks at again and again (Kudo 2018, arXiv
// 1804.10959). The rules are those of packages/tokenizer/src/trainers/piece-lattices.ts, which is the definition: the same
// numbers come out, to the bit, for any number of threads, since sums are exact.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ik::tok {

class WordLattices {
 public:
  // Word w is bytes [starts[w], starts[w + 1]) of well-formed UTF-8 and occurs counts[w] times. Throws std::bad_alloc, as
  // everything here may, also where words have 2^31 characters or more together.
  WordLattices(const uint8_t* bytes, const uint32_t* starts, const double* counts, size_t words);

  // Code points, with how often each occurs.
  struct Characters {
    std::vector<int32_t> points;
    std::vector<double> counts;
  };
  Characters characters() const;

  // Piece i + 1 is points [starts[i], starts[i + 1]) and occurs counts[i] times.
  struct Seed {
    std::vector<int32_t> points, starts;
    std::vector<double> counts;
  };
  static constexpr size_t kMostPieces = (size_t{1} << 26) - 1;
  // Longest piece, in characters.
  static constexpr int32_t kLongest = 64;
  // Makes the first pieces: the characters, none of them twice, then the substrings found. To be called once.
  Seed seed(const int32_t* characters, size_t count, int32_t longest, size_t limit);

  size_t pieces() const { return at_.size() - 1; }
  // Only these pieces go on; ids ascend and are numbered anew from 1. Each task of words has then to be done once, by any
  // thread, before anything else.
  void begin_keep(const int32_t* ids, size_t count);
  void keep(size_t task);
  size_t word_tasks() const { return tasks_.size() - 1; }

  // What is worked on in parts, any of them by any thread, each with a worker's own room: first a step is begun, then each of
  // its tasks is done once.
  struct Worker {
    std::vector<double> sums;               // by id
    std::vector<double> forward, backward;  // by position of a word
    std::vector<int32_t> from, by, path;
  };
  // By id; there is one number more than pieces.
  void begin_expect(const double* probabilities);
  void begin_cut(const double* scores);
  size_t tasks() const { return (cutting_ ? piece_tasks() : 0) + word_tasks(); }
  void run(size_t task, Worker& worker);

  // Of the step that ended: for each piece where it can be cut otherwise, the parts.
  struct Parts {
    std::vector<int32_t> parts, starts;
  };
  Parts parts() const;

 private:
  struct Words {
    std::vector<int32_t> points;
    std::vector<uint32_t> starts{0};
    std::vector<double> counts;
  };
  size_t piece_tasks() const { return (pieces() + kTaskPieces - 1) / kTaskPieces; }
  void split_at_others(const std::vector<int32_t>& ids);
  void expect_word(size_t word, Worker& worker) const;
  void expect_improbable(size_t word, Worker& worker) const;
  void best(size_t start, size_t end, bool with_whole, Worker& worker) const;

  static constexpr size_t kTaskPoints = 1 << 12, kTaskPieces = 1 << 11;
  static constexpr int kLengthBits = 6;
  static constexpr uint32_t kLengthMask = (1 << kLengthBits) - 1;

  Words words_;
  std::vector<uint32_t> tasks_{0};  // the first word of each, and the end
  // Of each position the edges that start there, shortest first; an edge is the id of its piece and, in the lowest bits, one
  // less than its length.
  std::vector<uint32_t> first_{0}, edges_;
  std::vector<uint32_t> renumbered_;  // by old id, the new one, or 0
  // Of each piece from 1 on, where one of its occurrences is, and its length.
  std::vector<uint32_t> at_{0};
  std::vector<uint8_t> lengths_{0};
  // x + m - m rounds x to a multiple of m / 1.5 / 2^52, of which no sum has more than 2^51.
  double rounding_ = 0;

  bool cutting_ = false;
  std::vector<double> values_;  // of the step: probabilities or scores by id
  std::vector<std::vector<int32_t>> parts_;  // of each task of pieces
  std::vector<uint8_t> part_counts_;         // of each piece
};

}  // namespace ik::tok
