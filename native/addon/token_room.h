// Arrays of JavaScript that several threads fill with the tokens of many texts.
#pragma once
#include <atomic>
#include <cstring>
#include <mutex>

#include "tokenizer/encoder.h"
#include "tokenizer_arguments.h"

namespace ik {

class TokenRoom {
 public:
  struct Arrays {
    Napi::Int32Array ids, offsets, words;
  };

  // Room for so many tokens to begin with; without spans there are no offsets and words.
  TokenRoom(Napi::Env env, size_t size, bool spans) : env_(env), spans_(spans), size_(size), arrays_(make(size)) {}

  // Copies tokens to where all are, and returns the place of the first. Any thread may do so. Throws std::bad_alloc.
  size_t take(const tok::Tokens& tokens) {
    size_t at = used_.load(std::memory_order_relaxed);
    do {
      if (size_ - at < tokens.count) return take_more(tokens);
    } while (!used_.compare_exchange_weak(at, at + tokens.count, std::memory_order_relaxed));
    copy(columns(tokens), tokens.count, columns(arrays_), at);
    return at;
  }

  size_t count() const { return used_ + more_.count; }

  // All tokens, and perhaps room between and behind them. No thread writes any more.
  Arrays finish() {
    if (more_.count == 0) return arrays_;
    Arrays all = make(size_ + more_.count);
    copy(columns(arrays_), used_, columns(all), 0);
    copy(columns(more_), more_.count, columns(all), size_);
    return all;
  }

 private:
  template <class T>
  struct Columns {
    T *ids, *offsets, *words;
  };
  static Columns<int32_t> columns(Arrays& arrays) { return {arrays.ids.Data(), arrays.offsets.Data(), arrays.words.Data()}; }
  static Columns<int32_t> columns(tok::Tokens& tokens) { return {tokens.ids.data(), tokens.offsets.data(), tokens.words.data()}; }
  static Columns<const int32_t> columns(const tok::Tokens& tokens) {
    return {tokens.ids.data(), tokens.offsets.data(), tokens.words.data()};
  }

  Arrays make(size_t count) const {
    return {new_array(env_, count), new_array(env_, spans_ ? 2 * count : 0), new_array(env_, spans_ ? count : 0)};
  }

  template <class T>
  void copy(const Columns<T>& from, size_t count, const Columns<int32_t>& to, size_t at) const {
    if (count == 0) return;
    std::memcpy(to.ids + at, from.ids, count * sizeof(int32_t));
    if (!spans_) return;
    std::memcpy(to.offsets + 2 * at, from.offsets, 2 * count * sizeof(int32_t));
    std::memcpy(to.words + at, from.words, count * sizeof(int32_t));
  }

  // Only the thread of JavaScript can make arrays: until the end these are elsewhere, to be put behind the room.
  size_t take_more(const tok::Tokens& tokens) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const size_t at = more_.count, end = at + tokens.count;
    more_.ids.reserve(end, at);
    if (spans_) {
      more_.offsets.reserve(2 * end, 2 * at);
      more_.words.reserve(end, at);
    }
    copy(columns(tokens), tokens.count, columns(more_), at);
    more_.count = end;
    return size_ + at;
  }

  const Napi::Env env_;
  const bool spans_;
  const size_t size_;
  Arrays arrays_;
  std::atomic<size_t> used_{0};
  std::mutex mutex_;
  tok::Tokens more_;
};

}  // namespace ik
