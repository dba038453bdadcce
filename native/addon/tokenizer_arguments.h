// What the tokenizer's classes read from JavaScript, checked, and what they give back.
#pragma once
#include <napi.h>

#include <cstring>
#include <utility>
#include <vector>

#include "state.h"
#include "tokenizer/buffer.h"
#include "tokenizer/scanner.h"

namespace ik {

inline Napi::TypeError wrong(Napi::Env env, const char* message) { return Napi::TypeError::New(env, message); }

inline Napi::Error out_of_memory(Napi::Env env) {
  auto error = Napi::Error::New(env, "native: memory ran out");
  error.Set("code", "E_OOM");
  return error;
}

// The elements of a typed array, or a thrown TypeError.
template <class T>
std::pair<const T*, size_t> elements(const Napi::Value& value, napi_typedarray_type type) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type)
    throw wrong(value.Env(), "native: a typed array of another type was expected");
  const auto array = value.As<Napi::TypedArray>();
  const auto* data = static_cast<const uint8_t*>(array.ArrayBuffer().Data()) + array.ByteOffset();
  return {reinterpret_cast<const T*>(data), array.ElementLength()};
}

// Token bytes one after the other and where each starts, checked.
inline void read_tokens(const Napi::Object& options, std::vector<uint8_t>& bytes, std::vector<uint32_t>& starts) {
  const auto [data, size] = elements<uint8_t>(options.Get("bytes"), napi_uint8_array);
  const auto [at, count] = elements<uint32_t>(options.Get("starts"), napi_uint32_array);
  bool good = count > 0 && at[0] == 0 && at[count - 1] == size;
  for (size_t i = 1; good && i < count; ++i) good = at[i] >= at[i - 1];
  if (!good) throw wrong(options.Env(), "native: starts must ascend from 0 to the number of bytes");
  bytes.assign(data, data + size);
  starts.assign(at, at + count);
}

inline std::vector<int32_t> read_ids(const Napi::Object& options, const char* name, size_t limit) {
  const auto [data, count] = elements<int32_t>(options.Get(name), napi_int32_array);
  for (size_t i = 0; i < count; ++i)
    if (data[i] < 0 || static_cast<size_t>(data[i]) >= limit) throw wrong(options.Env(), "native: an id out of range");
  return {data, data + count};
}

inline size_t utf16_length(Napi::Env env, napi_value text) {
  size_t units = 0;
  if (napi_get_value_string_utf16(env, text, nullptr, 0, &units) != napi_ok)
    throw wrong(env, "native: a string was expected");
  return units;
}

// An array whose contents are still to be written. It belongs to the collector: what the addon owned could be freed in a
// later turn of the event loop at the earliest, and a loop over texts would use up the memory.
inline Napi::Int32Array new_array(Napi::Env env, size_t count) {
  constexpr size_t kHuge = 4 << 20;
  const size_t bytes = count * sizeof(int32_t);
  // The room of a Buffer is not cleared.
  const auto room = Napi::Buffer<uint8_t>::New(env, bytes);
  if (bytes >= kHuge) tok::want_huge_pages(room.Data(), bytes);
  return Napi::Int32Array::New(env, count, room.ArrayBuffer(), 0);
}

inline Napi::Int32Array to_array(Napi::Env env, const int32_t* data, size_t count) {
  auto out = new_array(env, count);
  if (count > 0) std::memcpy(out.Data(), data, count * sizeof(int32_t));
  return out;
}

// The environment's threads, made if nothing has asked for them yet; null for the caller's own alone.
inline ThreadPool* pool_of(const Napi::CallbackInfo& info, size_t argument) {
  const double threads = info[argument].ToNumber();
  if (!(threads >= 1 && threads <= 1024)) throw wrong(info.Env(), "native: between 1 and 1024 threads");
  if (threads == 1) return nullptr;
  State& state = *info.Env().GetInstanceData<State>();
  if (!state.pool) state.set_threads(static_cast<int32_t>(threads));
  return state.pool.get();
}

inline void run_all(ThreadPool* pool, int64_t tasks, ThreadPool::Body body, void* arg) {
  if (pool) pool->run(tasks, body, arg);
  else
    for (int64_t task = 0; task < tasks; ++task) body(arg, task, 0);
}

// ---- the scanner from its options: pattern, digits, wholeTail, contractions, classes ----
inline tok::Scanner read_scanner(const Napi::Object& options) {
  const Napi::Env env = options.Env();
  const auto [classes, points] = elements<uint8_t>(options.Get("classes"), napi_uint8_array);
  // Scanners stop at the zeros behind a text, which therefore have no class.
  if (points != tok::kPoints || classes[0] != 0) throw wrong(env, "native: a class for each code point but 0 was expected");
  const int32_t pattern = options.Get("pattern").ToNumber();
  if (pattern < 0 || pattern > static_cast<int32_t>(tok::Pattern::kClip)) throw wrong(env, "native: no such pattern");
  const int32_t digits = options.Get("digits").ToNumber();
  return tok::Scanner(classes, static_cast<tok::Pattern>(pattern), digits, options.Get("wholeTail").ToBoolean(),
                      options.Get("contractions").ToBoolean());
}

// The same with the runs that come before the pattern, where there are any: runs, most.
inline tok::Scanner read_scanner_with_runs(const Napi::Object& options) {
  tok::Scanner scanner = read_scanner(options);
  if (options.Get("runs").IsUndefined()) return scanner;
  const auto [runs, points] = elements<uint16_t>(options.Get("runs"), napi_uint16_array);
  const auto [most, count] = elements<int32_t>(options.Get("most"), napi_int32_array);
  bool good = points == tok::kPoints && count > 0 && count <= tok::Scanner::kMostRuns;
  for (size_t i = 0; good && i < count; ++i) good = most[i] > 0;
  const tok::Pattern pattern = scanner.pattern();
  if (!good || pattern == tok::Pattern::kWords || pattern == tok::Pattern::kMarks || pattern == tok::Pattern::kClip)
    throw wrong(options.Env(), "native: runs of one or more members before a pattern were expected");
  scanner.set_runs(runs, most, count);
  return scanner;
}

}  // namespace ik
