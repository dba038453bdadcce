// Room for large arrays, in huge pages where the system has them: most accesses are to places far apart, and fresh room is
// touched page by page.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "spare_rooms.h"

namespace ik::tok {

// Room for texts of more bytes, and what they are worked on with, is given back after use.
constexpr size_t kKept = 1 << 20;

constexpr size_t kHugePage = 2 << 20;

// Asks for huge pages wherever whole ones lie within the room.
inline void want_huge_pages([[maybe_unused]] void* room, [[maybe_unused]] size_t bytes) {
#if defined(__linux__)
  const auto at = reinterpret_cast<uintptr_t>(room);
  const uintptr_t from = (at + kHugePage - 1) / kHugePage * kHugePage, to = (at + bytes) / kHugePage * kHugePage;
  if (to > from) madvise(reinterpret_cast<void*>(from), to - from, MADV_HUGEPAGE);
#endif
}

// Freed by std::free. Throws std::bad_alloc.
inline void* take_room(size_t bytes) {
  void* const room = std::malloc(bytes);
  if (!room) throw std::bad_alloc();
  return room;
}

// Room of the system's own where it is large: its pages are huge, which those that malloc had used before are not, and the system
// has them again at once. Given back with the same size. Throws std::bad_alloc.
inline void* take_pages(size_t bytes) {
#if defined(__linux__)
  if (bytes >= kHugePage) {
    // Wherever it begins, a whole huge page begins within this one; what lies before and behind goes back.
    const size_t size = (bytes + kSmallPage - 1) / kSmallPage * kSmallPage;
    void* const map = mmap(nullptr, size + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) throw std::bad_alloc();
    auto* const first = static_cast<uint8_t*>(map);
    const size_t before = (kHugePage - reinterpret_cast<uintptr_t>(map) % kHugePage) % kHugePage;
    if (before > 0) munmap(first, before);
    munmap(first + before + size, kHugePage - before);
    want_huge_pages(first + before, bytes);
    return first + before;
  }
#endif
  return take_room(bytes);
}

inline void give_pages(void* data, [[maybe_unused]] size_t bytes) {
#if defined(__linux__)
  if (bytes >= kHugePage) {
    munmap(data, (bytes + kSmallPage - 1) / kSmallPage * kSmallPage);
    return;
  }
#endif
  std::free(data);
}

// For vectors that stay.
template <class T>
struct RoomAllocator {
  using value_type = T;
  RoomAllocator() = default;
  template <class U>
  RoomAllocator(const RoomAllocator<U>&) {}
  T* allocate(size_t count) { return static_cast<T*>(take_pages(count * sizeof(T))); }
  void deallocate(T* data, size_t count) { give_pages(data, count * sizeof(T)); }
  bool operator==(const RoomAllocator&) const { return true; }
};

// A growing array, of a type that may be moved as bytes, that does not clear what it is about to overwrite. Throws
// std::bad_alloc. Huge pages are for what is long jumped about in: to find them the system may first have to move others,
// which for room that is soon given away takes longer than it saves. Room with them is from take_pages; room without them comes
// from what was given back.
template <class T, bool kHuge = false>
class Buffer {
 public:
  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  Buffer(Buffer&& other) noexcept { *this = std::move(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~Buffer() { release(); }
  T* data() { return data_; }
  const T* data() const { return data_; }
  // Makes room for `count` elements, keeping the first `used`.
  void reserve(size_t count, size_t used) {
    if (count <= capacity_) return;
    size_t capacity = count > 2 * capacity_ ? count : 2 * capacity_;
    // What need not be kept is not copied, nor are pages of it that nothing was written to.
    if (used == 0) release();
    SpareRooms::Room room;
    if (!kHuge) room = SpareRooms::shared().take(capacity * sizeof(T));
    if (!kHuge && !room.data && data_) {
      room.data = std::realloc(data_, capacity * sizeof(T));
      if (!room.data) throw std::bad_alloc();
    } else {
      if (room.data) capacity = room.bytes / sizeof(T);
      else room.data = kHuge ? take_pages(capacity * sizeof(T)) : take_room(capacity * sizeof(T));
      if (used > 0) std::memcpy(room.data, data_, used * sizeof(T));
      release();
    }
    data_ = static_cast<T*>(room.data);
    capacity_ = capacity;
  }
  void reserve(size_t count) { reserve(count, capacity_); }
  size_t capacity() const { return capacity_; }
  void release() {
    if (kHuge) give_pages(data_, capacity_ * sizeof(T));
    else SpareRooms::shared().give(data_, capacity_ * sizeof(T));
    data_ = nullptr;
    capacity_ = 0;
  }

 private:
  T* data_ = nullptr;
  size_t capacity_ = 0;
};

}  // namespace ik::tok
