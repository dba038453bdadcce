// A caching allocator over one backend's memory: freed blocks are kept by size class and handed out again, since a
// training step asks for the same sizes every time and fresh pages are dear.
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <vector>

#include "inkstone/backend.h"

namespace ik {

struct Block {
  void* data = nullptr;    // what the kernels see
  size_t bytes = 0;        // what was asked for
  size_t capacity = 0;     // of its memory, guards excluded: its size class or a larger one
  bool guarded = false;
};

class Allocator {
 public:
  explicit Allocator(const ik_backend* backend) : backend_(backend) {}
  ~Allocator() { trim(); }
  Allocator(const Allocator&) = delete;
  Allocator& operator=(const Allocator&) = delete;

  // False when the cap or the machine says no; pooled blocks are given back and the call tried again first.
  bool allocate(size_t bytes, Block& block);
  // Returns false when the guard bytes around the block were overwritten.
  bool release(Block& block);
  // Gives every pooled block back to the backend.
  void trim();
  static bool guards_intact(const Block& block);

  size_t live = 0, peak = 0, pooled = 0, blocks = 0;
  size_t limit = std::numeric_limits<size_t>::max();
  bool guards = false;  // put sentinels around new blocks (tests)

 private:
  static size_t size_class(size_t bytes);
  // Takes a pooled block of at least `capacity`, which becomes what the block has; null when there is none close to it.
  void* take_pooled(size_t& capacity);
  // Gives large pooled blocks back until live and pooled together are no more than `most`, or none is left.
  void shrink(size_t most);
  const ik_backend* backend_;
  std::map<size_t, std::vector<void*>> free_;
  size_t most_ = 0;  // the most `live` has ever been
};

}  // namespace ik
