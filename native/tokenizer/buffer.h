// Room for large arrays, in huge pages where the system has them: most accesses are to places far apart, and fresh room is
// touched page by page.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace ik::tok {

// Room for texts of more bytes, and what they are worked on with, is given back after use.
constexpr size_t kKept = 1 << 20;

constexpr size_t kHugePage = 2 << 20;

// Freed by std::free. Throws std::bad_alloc.
inline void* take_room(size_t bytes, [[maybe_unused]] bool huge = true) {
#if defined(__linux__)
  if (huge && bytes >= kHugePage) {
    void* const room = std::aligned_alloc(kHugePage, (bytes + kHugePage - 1) / kHugePage * kHugePage);
    if (!room) throw std::bad_alloc();
    madvise(room, bytes, MADV_HUGEPAGE);
    return room;
  }
#endif
  void* const room = std::malloc(bytes);
  if (!room) throw std::bad_alloc();
  return room;
}

// For vectors that stay.
template <class T>
struct RoomAllocator {
  using value_type = T;
  RoomAllocator() = default;
  template <class U>
  RoomAllocator(const RoomAllocator<U>&) {}
  T* allocate(size_t count) { return static_cast<T*>(take_room(count * sizeof(T))); }
  void deallocate(T* data, size_t) { std::free(data); }
  bool operator==(const RoomAllocator&) const { return true; }
};

// A growing array that does not clear what it is about to overwrite.

// Of a type that may be moved as bytes. Throws std::bad_alloc. Huge pages are for what is long jumped about in: to find them
// the system may first have to move others, which for room that is soon given away takes longer than it saves.
template <class T, bool kHuge = false>
class Buffer {
 public:
  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  Buffer(Buffer&& other) noexcept : data_(other.data_), capacity_(other.capacity_) {
    other.data_ = nullptr;
    other.capacity_ = 0;
  }
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~Buffer() { std::free(data_); }
  T* data() { return data_; }
  const T* data() const { return data_; }
  // Makes room for `count` elements, keeping the contents.
  void reserve(size_t count) {
    if (count <= capacity_) return;
    const size_t capacity = count > 2 * capacity_ ? count : 2 * capacity_;
    void* const grown =
        data_ ? std::realloc(data_, capacity * sizeof(T)) : take_room(capacity * sizeof(T), kHuge);
    if (!grown) throw std::bad_alloc();
    data_ = static_cast<T*>(grown);
    capacity_ = capacity;
  }
  size_t capacity() const { return capacity_; }
  // Gives the first `count` elements, more than none, away: the caller frees them.
  void* give(size_t count) {
    void* const fitted = std::realloc(data_, count * sizeof(T));
    void* const given = fitted ? fitted : data_;
    data_ = nullptr;
    capacity_ = 0;
    return given;
  }
  void release() {
    std::free(data_);
    data_ = nullptr;
    capacity_ = 0;
  }

 private:
  T* data_ = nullptr;
  size_t capacity_ = 0;
};

}  // namespace ik::tok
