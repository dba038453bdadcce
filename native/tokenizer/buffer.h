// A growing array that does not clear what it is about to overwrite.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <new>

namespace ik::tok {

// Of a type that may be moved as bytes. Throws std::bad_alloc.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  Buffer(Buffer&& other) noexcept : data_(other.data_), capacity_(other.capacity_) {
    other.data_ = nullptr;
    other.capacity_ = 0;
  }
  ~Buffer() { std::free(data_); }
  T* data() { return data_; }
  const T* data() const { return data_; }
  // Makes room for `count` elements, keeping the contents.
  void reserve(size_t count) {
    if (count <= capacity_) return;
    const size_t capacity = count > 2 * capacity_ ? count : 2 * capacity_;
    void* const grown = std::realloc(data_, capacity * sizeof(T));
    if (!grown) throw std::bad_alloc();
    data_ = static_cast<T*>(grown);
    capacity_ = capacity;
  }
  size_t capacity() const { return capacity_; }
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
