#include "allocator.h"

#include <algorithm>
#include <cstring>

namespace ik {
namespace {
constexpr size_t kGuardBytes = 64;
constexpr unsigned char kGuard = 0xA5;
// From here on a block half as large again as asked for is taken rather than fresh memory: gradients then lie where the
// activations were that they replace, and a training step holds little more than what it has alive at once.
constexpr size_t kLarge = 1 << 20;
// What is kept beyond the most that was ever alive at once. A step whose gradients do not quite fit where its activations
// were would otherwise hold both; giving blocks back and taking fresh ones costs far less than a step of such a size.
constexpr size_t kSpare = 32 << 20;
// Up to here nothing is given back: a small step would lose 2 % of its time for a few megabytes.
constexpr size_t kHeld = 1 << 30;
}  // namespace

// 64-byte steps when small; above 4 KiB eight classes per doubling, so at most an eighth is wasted when the memory is fresh.
size_t Allocator::size_class(size_t bytes) {
  if (bytes <= 64) return 64;
  if (bytes <= 4096) return (bytes + 63) & ~size_t{63};
  size_t step = 64;
  while (bytes > step * 16) step *= 2;
  return (bytes + step - 1) / step * step;
}

void* Allocator::take_pooled(size_t& capacity) {
  const size_t most = capacity < kLarge ? capacity : capacity + capacity / 2;
  for (auto entry = free_.lower_bound(capacity); entry != free_.end() && entry->first <= most; ++entry) {
    if (entry->second.empty()) continue;
    void* const data = entry->second.back();
    entry->second.pop_back();
    capacity = entry->first;
    pooled -= capacity;
    return data;
  }
  return nullptr;
}

bool Allocator::allocate(size_t bytes, Block& block) {
  size_t capacity = size_class(bytes);
  if (capacity < bytes) return false;
  const bool guarded = guards;
  void* raw = guarded ? nullptr : take_pooled(capacity);
  if (!raw) {
    if (capacity > limit || live + pooled > limit - capacity) trim();
    if (capacity > limit || live > limit - capacity) return false;
    shrink(std::max(std::max(most_, live + capacity) + kSpare, kHeld) - capacity);
    const size_t whole = capacity + (guarded ? 2 * kGuardBytes : 0);
    raw = backend_->alloc(whole);
    if (!raw) {
      trim();
      raw = backend_->alloc(whole);
    }
    if (!raw) return false;
  }
  block.bytes = bytes;
  block.capacity = capacity;
  block.guarded = guarded;
  block.data = raw;
  if (guarded) {
    auto* p = static_cast<unsigned char*>(raw);
    block.data = p + kGuardBytes;
    std::memset(p, kGuard, kGuardBytes);
    // From the last byte asked for, so that a write one element past the end is seen.
    std::memset(p + kGuardBytes + bytes, kGuard, capacity - bytes + kGuardBytes);
  }
  live += capacity;
  ++blocks;
  if (live > peak) peak = live;
  if (live > most_) most_ = live;
  return true;
}

bool Allocator::guards_intact(const Block& block) {
  if (!block.guarded) return true;
  const auto* data = static_cast<const unsigned char*>(block.data);
  for (size_t i = 1; i <= kGuardBytes; ++i)
    if (data[-static_cast<ptrdiff_t>(i)] != kGuard) return false;
  for (size_t i = block.bytes; i < block.capacity + kGuardBytes; ++i)
    if (data[i] != kGuard) return false;
  return true;
}

bool Allocator::release(Block& block) {
  if (!block.data) return true;
  const bool intact = guards_intact(block);
  live -= block.capacity;
  --blocks;
  if (block.guarded) {
    backend_->release(static_cast<unsigned char*>(block.data) - kGuardBytes, block.capacity + 2 * kGuardBytes);
  } else {
    free_[block.capacity].push_back(block.data);
    pooled += block.capacity;
  }
  block = Block{};
  return intact;
}

// From the largest on, and of large ones only: those are what fresh memory in place of a pooled block costs.
void Allocator::shrink(size_t most) {
  for (auto entry = free_.rbegin(); entry != free_.rend() && entry->first >= kLarge; ++entry) {
    auto& [capacity, list] = *entry;
    while (!list.empty() && live + pooled > most) {
      backend_->release(list.back(), capacity);
      list.pop_back();
      pooled -= capacity;
    }
  }
}

void Allocator::trim() {
  for (auto& [capacity, list] : free_)
    for (void* data : list) backend_->release(data, capacity);
  free_.clear();
  pooled = 0;
}

}  // namespace ik
