#include "seed_pieces.h"

#include <algorithm>
#include <numeric>

namespace ik::tok {
namespace {

// Writes `from` to `to` in the order of the keys, 0 to `highest`, equal ones as they were.
void counting_sort(const std::vector<uint32_t>& from, std::vector<uint32_t>& to, const std::vector<uint32_t>& keys,
                   uint32_t highest, std::vector<uint32_t>& places) {
  places.assign(size_t{highest} + 2, 0);
  for (const uint32_t key : keys) ++places[size_t{key} + 1];
  for (size_t key = 1; key <= highest; ++key) places[key] += places[key - 1];
  for (const uint32_t at : from) to[places[keys[at]]++] = at;
}

// Positions in the order of what stands there, up to `longest` characters and the word's end.
std::vector<uint32_t> sort_suffixes(const std::vector<int32_t>& points, int32_t most, const std::vector<uint8_t>& left,
                                    int32_t longest) {
  const size_t size = points.size();
  std::vector<uint32_t> ranks(points.begin(), points.end()), order(size), other(size), second, next, places;
  auto highest = static_cast<uint32_t>(most);
  std::iota(other.begin(), other.end(), 0u);
  counting_sort(other, order, ranks, highest, places);
  for (int32_t reach = 1; reach < longest && highest < size; reach *= 2) {
    second.resize(size);
    next.resize(size);
    // A word's end is less than any character.
    for (size_t i = 0; i < size; ++i) second[i] = left[i] > reach ? ranks[i + static_cast<size_t>(reach)] : 0;
    counting_sort(order, other, second, highest, places);
    counting_sort(other, order, ranks, highest, places);
    uint32_t rank = 0;
    for (size_t i = 0; i < size; ++i) {
      const uint32_t at = order[i];
      if (i == 0 || ranks[at] != ranks[order[i - 1]] || second[at] != second[order[i - 1]]) ++rank;
      next[at] = rank;
    }
    std::swap(ranks, next);
    highest = rank;
  }
  return order;
}

// A node on the way to the last leaf: its depth, its first rank, and the count below it so far.
struct Node {
  int32_t depth;
  uint32_t from;
  double sum;
};

}  // namespace

Candidates seed_pieces(const std::vector<int32_t>& points, int32_t highest, const std::vector<uint32_t>& starts,
                       const std::vector<double>& counts, int32_t longest, size_t limit) {
  const size_t size = points.size();
  std::vector<uint8_t> left(size);
  std::vector<uint32_t> word_of(size);
  for (size_t word = 0; word < counts.size(); ++word) {
    for (uint32_t i = starts[word]; i < starts[word + 1]; ++i) {
      left[i] = static_cast<uint8_t>(std::min(starts[word + 1] - 1 - i, static_cast<uint32_t>(longest)));
      word_of[i] = static_cast<uint32_t>(word);
    }
  }
  Candidates out{sort_suffixes(points, highest, left, longest), {}};
  const std::vector<uint32_t>& order = out.order;

  std::vector<Candidate> all;
  std::vector<Node> way{{0, 0, 0}};
  const auto close = [&](size_t to) {
    const Node node = way.back();
    way.pop_back();
    way.back().sum += node.sum;
    if (node.depth >= 2 && node.sum >= 2) all.push_back({node.from, static_cast<uint32_t>(to), node.depth, node.sum});
  };
  for (size_t i = 0; i < size; ++i) {
    const size_t at = order[i];
    int32_t common = 0;
    if (i > 0) {
      const size_t before = order[i - 1];
      const int32_t most = std::min(left[at], left[before]);
      while (common < most && points[at + static_cast<size_t>(common)] == points[before + static_cast<size_t>(common)]) ++common;
      while (way.back().depth > common) {
        // The node above may lie between this one and the branching point.
        if (way[way.size() - 2].depth < common) {
          const Node top = way.back();
          way.back() = {common, top.from, 0};
          way.push_back(top);
        }
        close(i);
      }
    }
    const double weight = counts[word_of[at]];
    if (way.back().depth < left[at]) way.push_back({left[at], static_cast<uint32_t>(i), weight});
    else way.back().sum += weight;
  }
  while (way.size() > 1) close(size);

  std::vector<uint32_t> ranks(all.size());
  std::iota(ranks.begin(), ranks.end(), 0u);
  const auto before = [&](uint32_t a, uint32_t b) {
    const double x = all[a].length * all[a].count, y = all[b].length * all[b].count;
    return x != y ? x > y : a < b;
  };
  std::sort(ranks.begin(), ranks.end(), before);
  if (ranks.size() > limit) ranks.resize(limit);
  out.found.reserve(ranks.size());
  for (const uint32_t i : ranks) out.found.push_back(all[i]);
  return out;
}

}  // namespace ik::tok
