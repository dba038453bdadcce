// Tokens by their bytes: a trie whose edges lie in one hash table, so that a step is a look at one place.
#pragma once
#include <cstdint>
#include <new>
#include <vector>

#include "buffer.h"

namespace ik::tok {

class ByteTrie {
 public:
  static constexpr int32_t kNone = -1;

  // A trie of several roots, nodes 0 to roots - 1.
  explicit ByteTrie(int32_t roots) : ids_(static_cast<size_t>(roots), kNone) { edges_.resize(1 << 10); }

  // Of equal tokens the last counts. Throws std::bad_alloc beyond 2^24 nodes.
  void add(int32_t root, const uint8_t* token, size_t n, int32_t id) {
    int32_t node = root;
    for (size_t i = 0; i < n; ++i) {
      int32_t next = child(node, token[i]);
      if (next == kNone) {
        next = static_cast<int32_t>(ids_.size());
        if (next >= 1 << 24) throw std::bad_alloc();
        if (2 * ids_.size() >= edges_.size()) grow();
        ids_.push_back(kNone);
        put({key_of(node, token[i]), next});
      }
      node = next;
    }
    ids_[static_cast<size_t>(node)] = id;
  }

  // The node that a byte leads to, or kNone.
  int32_t child(int32_t node, uint8_t byte) const {
    const uint32_t key = key_of(node, byte);
    const size_t mask = edges_.size() - 1;
    for (size_t at = hash(key) & mask;; at = (at + 1) & mask) {
      const Edge edge = edges_[at];
      if (edge.key == key && edge.child != kNone) return edge.child;
      if (edge.child == kNone) return kNone;
    }
  }

  // The token that ends at a node, or kNone.
  int32_t id(int32_t node) const { return ids_[static_cast<size_t>(node)]; }

 private:
  struct Edge {
    uint32_t key = 0;
    int32_t child = kNone;
  };
  static uint32_t key_of(int32_t node, uint8_t byte) { return static_cast<uint32_t>(node) << 8 | byte; }
  static size_t hash(uint32_t key) { return static_cast<size_t>((key * 0x9e3779b97f4a7c15u) >> 32); }
  void put(Edge edge) {
    const size_t mask = edges_.size() - 1;
    size_t at = hash(edge.key) & mask;
    while (edges_[at].child != kNone) at = (at + 1) & mask;
    edges_[at] = edge;
  }
  void grow() {
    std::vector<Edge, RoomAllocator<Edge>> old(edges_.size() * 2);
    old.swap(edges_);
    for (const Edge& edge : old)
      if (edge.child != kNone) put(edge);
  }
  std::vector<Edge, RoomAllocator<Edge>> edges_;
  std::vector<int32_t> ids_;
};

}  // namespace ik::tok
