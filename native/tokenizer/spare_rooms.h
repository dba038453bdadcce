// Large blocks of memory that were given back, kept for whoever needs one next. Fresh memory comes from the system page by
// page, each with a fault and a clearing: for a text of megabytes that takes a fifth of its encoding. While a block waits
// here, the system may take its pages whenever it is short of memory.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <vector>
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace ik::tok {

// The largest of the small pages in use, so that no page is given back that holds something else.
constexpr size_t kSmallPage = 64 << 10;

// One for the whole process: memory is its own, and what one thread gives back another can use. All blocks are malloc's.
class SpareRooms {
 public:
  static SpareRooms& shared() {
    // Never destroyed: threads may still work when the process ends.
    static SpareRooms* const rooms = new SpareRooms();
    return *rooms;
  }

  struct Room {
    void* data = nullptr;
    size_t bytes = 0;
  };

  // The smallest block of at least so many bytes that is not far too large, or of none if there is none.
  Room take(size_t bytes) {
    if (bytes < kLeast) return {};
    std::lock_guard<std::mutex> lock(mutex_);
    auto best = rooms_.end();
    for (auto room = rooms_.begin(); room != rooms_.end(); ++room)
      if (room->bytes >= bytes && room->bytes / kSlack <= bytes && (best == rooms_.end() || room->bytes < best->bytes)) best = room;
    if (best == rooms_.end()) return {};
    const Room taken = *best;
    rooms_.erase(best);
    held_ -= taken.bytes;
    return taken;
  }

  // Keeps the block, and frees those that have waited longest until what is kept is not too much.
  void give(void* data, size_t bytes) noexcept {
    if (bytes < kLeast || bytes > kMost) {
      std::free(data);
      return;
    }
    let_go(data, bytes);
    std::lock_guard<std::mutex> lock(mutex_);
    while (rooms_.size() == kRooms || held_ + bytes > kMost) {
      held_ -= rooms_.front().bytes;
      std::free(rooms_.front().data);
      rooms_.erase(rooms_.begin());
    }
    rooms_.push_back({data, bytes});
    held_ += bytes;
  }

 private:
  // What whole pages hold is of no use any more.
  static void let_go([[maybe_unused]] void* data, [[maybe_unused]] size_t bytes) {
#if defined(__linux__) && defined(MADV_FREE)
    const auto at = reinterpret_cast<uintptr_t>(data);
    const uintptr_t from = (at + kSmallPage - 1) / kSmallPage * kSmallPage, to = (at + bytes) / kSmallPage * kSmallPage;
    if (to > from) madvise(reinterpret_cast<void*>(from), to - from, MADV_FREE);
#endif
  }

  SpareRooms() { rooms_.reserve(kRooms); }
  static constexpr size_t kLeast = 64 << 10;
  static constexpr size_t kMost = 96 << 20;
  static constexpr size_t kRooms = 64;
  static constexpr size_t kSlack = 4;
  std::mutex mutex_;
  std::vector<Room> rooms_;  // the one that has waited longest first
  size_t held_ = 0;
};

}  // namespace ik::tok
