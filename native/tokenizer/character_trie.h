// Tokens by their characters: a trie whose edges lie in one hash table, the first of them in an array. Most pairs of a node and a
// character have no edge; a bit that the nearest cache holds says so of nearly all of them.
#pragma once
#include <cstdint>
#include <new>
#include <vector>

#include "buffer.h"
#include "utf.h"

namespace ik::tok {

class CharacterTrie {
 public:
  static constexpr int32_t kNone = -1;
  // A node, kNone if there is none, and the token that ends there, or kNone.
  struct Step {
    int32_t node = kNone, id = kNone;
  };

  CharacterTrie() : first_(kFirst), edges_(1 << 10), filter_(edges_.size() / 8) {}

  // A token of well-formed UTF-8, not empty; of equal ones the last counts. Throws std::bad_alloc beyond 2^24 nodes.
  void add(const uint8_t* token, size_t n, int32_t id) {
    Step* step = nullptr;
    for (size_t i = 0; i < n;) {
      const Utf8Char c = decode_utf8(token + i);
      step = &reach(step ? step->node : 0, c.point, i == 0);
      i += c.size;
    }
    step->id = id;
  }

  // What the first character of a token leads to.
  Step first(uint32_t point) const { return point < kFirst ? first_[point] : next(0, point); }

  // What a character behind the first leads to.
  Step next(int32_t node, uint32_t point) const {
    const uint64_t key = key_of(node, point);
    const size_t h = hash(key);
    if (!(filter_[h >> 6 & filter_mask()] >> (h & 63) & 1)) return {};
    for (size_t at = h >> kFilterBits & mask();; at = (at + 1) & mask()) {
      const Edge& edge = edges_[at];
      if (edge.key == key) return edge.step;
      if (edge.key == kEmpty) return {};
    }
  }

 private:
  static constexpr uint32_t kFirst = 0x10000;
  static constexpr uint64_t kEmpty = ~uint64_t{0};
  // The filter has 8 bits for each edge.
  static constexpr size_t kFilterBits = 3;
  struct Edge {
    uint64_t key = kEmpty;
    Step step;
  };
  static uint64_t key_of(int32_t node, uint32_t point) { return static_cast<uint64_t>(node) << 21 | point; }
  static size_t hash(uint64_t key) {
    key *= 0x9e3779b97f4a7c15u;
    return static_cast<size_t>(key ^ key >> 29);
  }
  size_t mask() const { return edges_.size() - 1; }
  size_t filter_mask() const { return filter_.size() - 1; }

  // The step from a node by a character, made if it is not there.
  Step& reach(int32_t node, uint32_t point, bool begins) {
    if (begins && point < kFirst) {
      Step& step = first_[point];
      if (step.node == kNone) step.node = new_node();
      return step;
    }
    if (2 * count_ >= edges_.size()) grow();
    const uint64_t key = key_of(node, point);
    size_t at = slot_of(key);
    if (edges_[at].key == kEmpty) {
      put(at, {key, {new_node(), kNone}});
      ++count_;
    }
    return edges_[at].step;
  }

  int32_t new_node() {
    if (nodes_ >= 1 << 24) throw std::bad_alloc();
    return nodes_++;
  }

  size_t slot_of(uint64_t key) const {
    size_t at = hash(key) >> kFilterBits & mask();
    while (edges_[at].key != kEmpty && edges_[at].key != key) at = (at + 1) & mask();
    return at;
  }

  void put(size_t at, const Edge& edge) {
    edges_[at] = edge;
    const size_t h = hash(edge.key);
    filter_[h >> 6 & filter_mask()] |= uint64_t{1} << (h & 63);
  }

  void grow() {
    std::vector<Edge, RoomAllocator<Edge>> old(edges_.size() * 2);
    old.swap(edges_);
    filter_.assign(edges_.size() / 8, 0);
    for (const Edge& edge : old)
      if (edge.key != kEmpty) put(slot_of(edge.key), edge);
  }

  std::vector<Step> first_;
  std::vector<Edge, RoomAllocator<Edge>> edges_;
  std::vector<uint64_t> filter_;
  size_t count_ = 0;
  int32_t nodes_ = 1;  // the root
};

}  // namespace ik::tok
