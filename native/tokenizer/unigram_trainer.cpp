#include "unigram_trainer.h"

#include <algorithm>
#include <limits>
#include <new>
#include <unordered_map>

#include "seed_pieces.h"
#include "utf.h"

namespace ik::tok {
namespace {

// Words with a sum below kLow are summed in numbers with powers of kLow of their own.
constexpr double kLow = 0x1p-128;

// x times kLow to the power n.
double times_low(double x, int32_t n) {
  for (; n > 0; --n) x *= kLow;
  for (; n < 0; ++n) x /= kLow;
  return x;
}

// Adds value * kLow^power to a sum; the lower of the two powers stays.
void add(double& sum, int32_t& sum_power, double value, int32_t power) {
  if (sum == 0) {
    sum = value;
    sum_power = power;
    return;
  }
  if (power < sum_power) {
    sum = times_low(sum, sum_power - power);
    sum_power = power;
  }
  sum += times_low(value, power - sum_power);
}

// Brings a sum that is neither 0 nor infinite between kLow and 1 / kLow.
void normalize(double& sum, int32_t& power) {
  for (; sum > 0 && sum < kLow; ++power) sum /= kLow;
  for (; sum > 1 / kLow && sum <= std::numeric_limits<double>::max(); --power) sum *= kLow;
}

void make_room(WordLattices::Worker& worker, size_t size) {
  if (size < worker.forward.size()) return;
  worker.forward.resize(2 * size + 64);
  worker.backward.resize(2 * size + 64);
  worker.from.resize(2 * size + 64);
  worker.by.resize(2 * size + 64);
}

}  // namespace

WordLattices::WordLattices(const uint8_t* bytes, const uint32_t* starts, const double* counts, size_t words) {
  const uint8_t* const end = bytes + starts[words];
  const auto size = static_cast<size_t>(std::count_if(bytes, end, [](uint8_t byte) { return (byte & 0xc0) != 0x80; }));
  if (size > INT32_MAX) throw std::bad_alloc();
  words_.points.reserve(size);
  words_.starts.reserve(words + 1);
  for (size_t word = 0; word < words; ++word) {
    for (uint32_t i = starts[word]; i < starts[word + 1];) {
      const Utf8Char c = decode_utf8(bytes + i);
      words_.points.push_back(static_cast<int32_t>(c.point));
      i += c.size;
    }
    words_.starts.push_back(static_cast<uint32_t>(words_.points.size()));
  }
  words_.counts.assign(counts, counts + words);
}

WordLattices::Characters WordLattices::characters() const {
  std::unordered_map<int32_t, double> rare;
  std::vector<double> frequent(0x10000);
  for (size_t word = 0; word < words_.counts.size(); ++word) {
    for (uint32_t i = words_.starts[word]; i < words_.starts[word + 1]; ++i) {
      const int32_t point = words_.points[i];
      (point < 0x10000 ? frequent[static_cast<size_t>(point)] : rare[point]) += words_.counts[word];
    }
  }
  Characters out;
  for (size_t point = 0; point < frequent.size(); ++point) {
    if (frequent[point] == 0) continue;
    out.points.push_back(static_cast<int32_t>(point));
    out.counts.push_back(frequent[point]);
  }
  for (const auto& [point, count] : rare) {
    out.points.push_back(point);
    out.counts.push_back(count);
  }
  return out;
}

// Characters become their ids; words end at those that have none, and a 0 stands behind each.
void WordLattices::split_at_others(const std::vector<int32_t>& ids) {
  Words split;
  const auto close = [&](double count) {
    if (split.points.size() == split.starts.back()) return;
    split.points.push_back(0);
    split.starts.push_back(static_cast<uint32_t>(split.points.size()));
    split.counts.push_back(count);
  };
  split.points.reserve(words_.points.size() + words_.counts.size());
  split.starts.reserve(words_.starts.size());
  split.counts.reserve(words_.counts.size());
  for (size_t word = 0; word < words_.counts.size(); ++word) {
    for (uint32_t i = words_.starts[word]; i < words_.starts[word + 1]; ++i) {
      const int32_t id = ids[static_cast<size_t>(words_.points[i])];
      if (id > 0) split.points.push_back(id);
      else close(words_.counts[word]);
    }
    close(words_.counts[word]);
  }
  words_ = std::move(split);
}

WordLattices::Seed WordLattices::seed(const int32_t* characters, size_t count, int32_t longest, size_t limit) {
  std::vector<int32_t> ids(0x110000, 0);
  // Suffixes are sorted by code points, whatever the order of the characters.
  std::vector<int32_t> sorted(characters, characters + count);
  std::sort(sorted.begin(), sorted.end());
  for (size_t i = 0; i < count; ++i) ids[static_cast<size_t>(sorted[i])] = static_cast<int32_t>(i) + 1;
  split_at_others(ids);
  for (size_t i = 0; i < count; ++i) ids[static_cast<size_t>(characters[i])] = static_cast<int32_t>(i) + 1;
  std::vector<int32_t>& points = words_.points;
  const Candidates candidates =
      seed_pieces(points, static_cast<int32_t>(count), words_.starts, words_.counts, longest, std::min(limit, kMostPieces - count));
  const std::vector<Candidate>& found = candidates.found;
  const std::vector<uint32_t>& order = candidates.order;
  const size_t size = points.size(), pieces = count + found.size();

  size_t edges = size - words_.counts.size();
  for (const Candidate& candidate : found) edges += candidate.to - candidate.from;
  if (edges > UINT32_MAX) throw std::bad_alloc();
  // While edges are put down, first_[i + 1] is where the next one of position i goes.
  first_.assign(size + 2, 0);
  for (size_t i = 0; i < size; ++i) first_[i + 2] = points[i] > 0;
  for (const Candidate& candidate : found)
    for (uint32_t k = candidate.from; k < candidate.to; ++k) ++first_[order[k] + 2];
  for (size_t i = 2; i < size + 2; ++i) first_[i] += first_[i - 1];
  edges_.assign(edges, 0);
  Seed out;
  out.counts.assign(pieces, 0);
  at_.assign(pieces + 1, 0);
  lengths_.assign(pieces + 1, 0);
  double length = 0;
  for (size_t word = 0; word < words_.counts.size(); ++word) {
    for (uint32_t i = words_.starts[word]; i + 1 < words_.starts[word + 1]; ++i) {
      const int32_t point = sorted[static_cast<size_t>(points[i]) - 1];
      const auto id = static_cast<uint32_t>(ids[static_cast<size_t>(point)]);
      points[i] = point;
      edges_[first_[i + 1]++] = id << kLengthBits;
      out.counts[id - 1] += words_.counts[word];
      length += words_.counts[word];
      at_[id] = i;
      lengths_[id] = 1;
    }
  }
  std::vector<std::vector<uint32_t>> by_length(static_cast<size_t>(longest) + 1);
  for (size_t i = 0; i < found.size(); ++i) by_length[static_cast<size_t>(found[i].length)].push_back(static_cast<uint32_t>(i));
  for (const auto& group : by_length) {
    for (const uint32_t i : group) {
      const auto id = static_cast<uint32_t>(count + i + 1);
      const uint32_t edge = id << kLengthBits | static_cast<uint32_t>(found[i].length - 1);
      for (uint32_t k = found[i].from; k < found[i].to; ++k) edges_[first_[order[k] + 1]++] = edge;
      out.counts[id - 1] = found[i].count;
      at_[id] = order[found[i].from];
      lengths_[id] = static_cast<uint8_t>(found[i].length);
    }
  }
  first_.pop_back();
  double unit = 0x1p-40;
  while (length > 0x1p51 * unit) unit *= 2;
  rounding_ = 0x1.8p52 * unit;

  out.starts.reserve(pieces + 1);
  out.starts.push_back(0);
  out.points.assign(characters, characters + count);
  for (size_t i = 0; i < count; ++i) out.starts.push_back(static_cast<int32_t>(i) + 1);
  for (size_t id = count + 1; id <= pieces; ++id) {
    out.points.insert(out.points.end(), points.begin() + at_[id], points.begin() + at_[id] + lengths_[id]);
    out.starts.push_back(static_cast<int32_t>(out.points.size()));
  }
  // Only where words and pieces lie is asked from now on.
  points = {};
  tasks_ = {0};
  for (uint32_t word = 0; word < words_.counts.size(); ++word)
    if (words_.starts[word + 1] - words_.starts[tasks_.back()] >= kTaskPoints) tasks_.push_back(word + 1);
  if (tasks_.back() < words_.counts.size()) tasks_.push_back(static_cast<uint32_t>(words_.counts.size()));
  return out;
}

void WordLattices::begin_keep(const int32_t* ids, size_t count) {
  renumbered_.assign(at_.size(), 0);
  for (size_t i = 0; i < count; ++i) {
    const auto id = static_cast<size_t>(ids[i]);
    renumbered_[id] = static_cast<uint32_t>(i) + 1;
    at_[i + 1] = at_[id];
    lengths_[i + 1] = lengths_[id];
  }
  at_.resize(count + 1);
  lengths_.resize(count + 1);
}

void WordLattices::keep(size_t task) {
  // The edges of a task's words stay where the first of them is; what gets free lies behind them.
  const uint32_t start = words_.starts[tasks_[task]], end = words_.starts[tasks_[task + 1]];
  uint32_t read = first_[start], write = read;
  for (uint32_t i = start; i + 1 < end; ++i) {
    first_[i] = write;
    for (const uint32_t next = first_[i + 1]; read < next; ++read) {
      const uint32_t length = edges_[read] & kLengthMask, id = renumbered_[edges_[read] >> kLengthBits];
      // A character stays, if need be without a piece.
      edges_[write] = id << kLengthBits | length;
      write += id > 0 || length == 0;
    }
  }
  first_[end - 1] = write;
}

void WordLattices::begin_expect(const double* probabilities) {
  cutting_ = false;
  values_.assign(probabilities, probabilities + pieces() + 1);
}

void WordLattices::begin_cut(const double* scores) {
  cutting_ = true;
  values_.assign(scores, scores + pieces() + 1);
  parts_.assign(piece_tasks(), {});
  part_counts_.assign(pieces() + 1, 0);
}

void WordLattices::run(size_t task, Worker& worker) {
  if (worker.sums.size() != values_.size()) worker.sums.assign(values_.size(), 0);
  if (task < word_tasks()) {
    for (size_t word = tasks_[task]; word < tasks_[task + 1]; ++word) {
      if (!cutting_) {
        expect_word(word, worker);
        continue;
      }
      best(words_.starts[word], words_.starts[word + 1] - 1, true, worker);
      for (const int32_t id : worker.path) worker.sums[static_cast<size_t>(id)] += words_.counts[word];
    }
    return;
  }
  task -= word_tasks();
  std::vector<int32_t>& parts = parts_[task];
  for (size_t id = task * kTaskPieces + 1; id <= std::min((task + 1) * kTaskPieces, pieces()); ++id) {
    best(at_[id], at_[id] + lengths_[id], false, worker);
    parts.insert(parts.end(), worker.path.rbegin(), worker.path.rend());
    part_counts_[id] = static_cast<uint8_t>(worker.path.size());
  }
}

WordLattices::Parts WordLattices::parts() const {
  Parts out;
  size_t size = 0;
  for (const auto& part : parts_) size += part.size();
  if (size > INT32_MAX) throw std::bad_alloc();
  out.parts.reserve(size);
  for (const auto& part : parts_) out.parts.insert(out.parts.end(), part.begin(), part.end());
  int32_t at = 0;
  out.starts.reserve(part_counts_.size());
  for (const uint8_t count : part_counts_) out.starts.push_back(at += count);
  return out;
}

// Adds count times each piece's probability of standing in a cut of a word: forward(start) * p * backward(end) / Z. Words with
// a sum below kLow are left to expect_improbable.
void WordLattices::expect_word(size_t word, Worker& worker) const {
  const size_t start = words_.starts[word], size = words_.starts[word + 1] - 1 - start;
  make_room(worker, size);
  const uint32_t* const first = first_.data() + start;
  const uint32_t* const edges = edges_.data();
  const double* const probabilities = values_.data();
  const double rounding = rounding_;
  double* const expected = worker.sums.data();
  double* const forward = worker.forward.data();
  double* const backward = worker.backward.data();
  std::fill_n(forward, size + 1, 0.0);
  forward[0] = 1;
  for (size_t i = 0; i < size; ++i) {
    const double sum = forward[i];
    if (sum < kLow) {
      expect_improbable(word, worker);
      return;
    }
    double* const after = forward + i + 1;
    for (uint32_t e = first[i]; e < first[i + 1]; ++e) {
      const uint32_t edge = edges[e];
      after[edge & kLengthMask] += sum * probabilities[edge >> kLengthBits];
    }
  }
  backward[size] = words_.counts[word] / forward[size];
  for (size_t i = size; i-- > 0;) {
    const double before = forward[i];
    const double* const after = backward + i + 1;
    double sum = 0;
    for (uint32_t e = first[i]; e < first[i + 1]; ++e) {
      const uint32_t edge = edges[e], id = edge >> kLengthBits;
      const double rest = probabilities[id] * after[edge & kLengthMask];
      sum += rest;
      expected[id] += before * rest + rounding - rounding;
    }
    backward[i] = sum;
  }
}

// The same where sums become too small: each is a number times a power of kLow, and no path is lost.
void WordLattices::expect_improbable(size_t word, Worker& worker) const {
  const size_t start = words_.starts[word], size = words_.starts[word + 1] - 1 - start;
  const uint32_t* const first = first_.data() + start;
  const uint32_t* const edges = edges_.data();
  const double* const probabilities = values_.data();
  double* const expected = worker.sums.data();
  double* const forward = worker.forward.data();
  double* const backward = worker.backward.data();
  int32_t* const powers = worker.from.data();
  int32_t* const powers_back = worker.by.data();
  std::fill_n(forward, size + 1, 0.0);
  std::fill_n(backward, size + 1, 0.0);
  forward[0] = 1;
  powers[0] = 0;
  for (size_t i = 0; i < size; ++i) {
    normalize(forward[i], powers[i]);
    for (uint32_t e = first[i]; e < first[i + 1]; ++e) {
      const uint32_t edge = edges[e];
      const size_t to = i + 1 + (edge & kLengthMask);
      add(forward[to], powers[to], forward[i] * probabilities[edge >> kLengthBits], powers[i]);
    }
  }
  normalize(forward[size], powers[size]);
  backward[size] = words_.counts[word] / forward[size];
  powers_back[size] = -powers[size];
  for (size_t i = size; i-- > 0;) {
    for (uint32_t e = first[i]; e < first[i + 1]; ++e) {
      const uint32_t edge = edges[e], id = edge >> kLengthBits;
      const size_t to = i + 1 + (edge & kLengthMask);
      const double rest = probabilities[id] * backward[to];
      add(backward[i], powers_back[i], rest, powers_back[to]);
      expected[id] += times_low(forward[i] * rest, powers[i] + powers_back[to]) + rounding_ - rounding_;
    }
    normalize(backward[i], powers_back[i]);
  }
}

// Finds the best cut of what stands at [start, end), with itself as a piece or without, and of equals the one whose pieces
// come first; the path goes from its end to its start, and is empty if there is none.
void WordLattices::best(size_t start, size_t end, bool with_whole, Worker& worker) const {
  const size_t size = end - start;
  make_room(worker, size);
  const uint32_t* const first = first_.data() + start;
  const double* const scores = values_.data();
  double* const best = worker.forward.data();
  int32_t* const from = worker.from.data();
  int32_t* const by = worker.by.data();
  std::fill_n(from, size + 1, -1);
  best[0] = 0;
  for (size_t i = 0; i < size; ++i) {
    for (uint32_t e = first[i]; e < first[i + 1]; ++e) {
      const size_t length = (edges_[e] & kLengthMask) + 1, to = i + length;
      if (to > size || (!with_whole && length == size)) break;
      const uint32_t id = edges_[e] >> kLengthBits;
      const double score = best[i] + scores[id];
      if (from[to] >= 0 && score <= best[to]) continue;
      best[to] = score;
      from[to] = static_cast<int32_t>(i);
      by[to] = static_cast<int32_t>(id);
    }
  }
  worker.path.clear();
  if (from[size] < 0) return;
  for (size_t at = size; at > 0; at = static_cast<size_t>(from[at])) worker.path.push_back(by[at]);
}

}  // namespace ik::tok
