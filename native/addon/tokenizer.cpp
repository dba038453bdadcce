#include "tokenizer.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "freed_memory.h"
#include "token_room.h"
#include "tokenizer_arguments.h"
#include "tokenizer_kinds.h"

namespace ik {
namespace {

using tok::Buffer;
using tok::Tokens;

// Texts to tokens, one or many at a time on several threads, by an encoder of some kind.
template <class Kind>
class TextEncoder : public Napi::ObjectWrap<TextEncoder<Kind>> {
 public:
  static Napi::Function define(Napi::Env env) {
    using Self = Napi::ObjectWrap<TextEncoder<Kind>>;
    std::vector<Napi::ClassPropertyDescriptor<TextEncoder>> methods{
        Self::InstanceMethod("encode", &TextEncoder::Encode), Self::InstanceMethod("encodeBatch", &TextEncoder::EncodeBatch),
        Self::InstanceMethod("steps", &TextEncoder::Steps)};
    if constexpr (Kind::kLearns) {
      methods.push_back(Self::InstanceMethod("unknown", &TextEncoder::Unknown));
      methods.push_back(Self::InstanceMethod("learn", &TextEncoder::Learn));
    }
    return Self::DefineClass(env, Kind::kName, methods);
  }

  explicit TextEncoder(const Napi::CallbackInfo& info) : Napi::ObjectWrap<TextEncoder<Kind>>(info) {
    const Napi::Env env = info.Env();
    if (info.Length() < 1 || !info[0].IsObject()) throw wrong(env, "native: an object of options was expected");
    keep_freed_memory();
    try {
      encoder_ = Kind::read(info[0].As<Napi::Object>());
      add_seat(env);
    } catch (const std::bad_alloc&) {
      throw out_of_memory(env);
    }
  }

  void Finalize(Napi::Env env) override {
    Napi::MemoryManagement::AdjustExternalMemory(env, -kSeatBytes * static_cast<int64_t>(seats_.size()));
  }

 private:
  // What one thread encodes with, and the tokens it is at. Apart from those of other threads.
  struct alignas(64) Seat {
    explicit Seat(const typename Kind::Encoder& encoder) : worker(encoder) {}
    typename Kind::Encoder::Worker worker;
    Tokens tokens;
  };

  // The collector is told what hangs on so small an object: it would let many be.
  void add_seat(Napi::Env env) {
    seats_.push_back(std::make_unique<Seat>(*encoder_));
    Napi::MemoryManagement::AdjustExternalMemory(env, kSeatBytes);
  }

  // encode(text, spans, place): ids, or [ids, offsets, words], or null where the encoder cannot say. Places are bits that the
  // encoder knows, 0 by default.
  Napi::Value Encode(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    try {
      const size_t units = utf16_length(env, info[0]);
      const bool spans = info[1].ToBoolean();
      const uint32_t place = info[2].IsUndefined() ? 0 : info[2].ToNumber().Uint32Value();
      units_.reserve(units + 1);
      size_t copied = 0;
      napi_get_value_string_utf16(env, info[0], units_.data(), units + 1, &copied);
      Seat& seat = *seats_[0];
      seat.tokens.count = 0;
      const bool done = Kind::encode(*encoder_, units_.data(), copied, place, spans, seat.worker, seat.tokens);
      const Napi::Value out = done ? arrays(env, seat.tokens, spans) : env.Null();
      if (units > tok::kKept) forget_room();
      return out;
    } catch (const std::bad_alloc&) {
      forget_room();
      throw out_of_memory(env);
    }
  }

  static Napi::Value arrays(Napi::Env env, const Tokens& tokens, bool spans) {
    const auto ids = to_array(env, tokens.ids.data(), tokens.count);
    if (!spans) return ids;
    auto all = Napi::Array::New(env, 3);
    all.Set(0u, ids);
    all.Set(1u, to_array(env, tokens.offsets.data(), 2 * tokens.count));
    all.Set(2u, to_array(env, tokens.words.data(), tokens.count));
    return all;
  }

  // Texts in a row that one thread takes at a time, in a wave.
  struct Task {
    size_t first, last;
  };
  // A wave of texts: while the others wake up the caller looks how long they are, then it copies them out of JavaScript, the
  // others encode what is there already, and so does the caller wherever it is far enough ahead of them.
  struct Wave {
    TextEncoder* self;
    napi_env env;
    const napi_value* texts;  // of the wave and those that follow
    size_t left;              // how many these are
    bool spans;
    const uint8_t* places;  // of each text of the wave, or null
    int32_t threads;
    int32_t* counts;  // of the tokens of each text
    int32_t* starts;  // of these in the room
    // Made by the caller before it copies anything.
    std::vector<size_t> at{}, sizes{};  // of the texts of the wave, in units
    std::vector<Task> tasks{};
    std::optional<TokenRoom> room{};
    std::exception_ptr error{};

    std::atomic<size_t> limit{kUnknown};      // how many tasks there are
    std::atomic<size_t> copied{0}, taken{0};  // of these
    std::atomic<bool> failed{false};
  };

  // encodeBatch(texts, spans, threads, places): [counts, starts, waves]; see BpeEncoder in src/tokenizer.ts.
  Napi::Value EncodeBatch(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    if (!info[0].IsArray()) throw wrong(env, "native: an array of strings was expected");
    const auto texts = info[0].As<Napi::Array>();
    const bool spans = info[1].ToBoolean();
    ThreadPool* const pool = pool_of(info, 2);
    const int32_t threads = pool ? pool->threads() : 1;
    const uint8_t* places = nullptr;
    if (!info[3].IsUndefined()) {
      const auto [data, size] = elements<uint8_t>(info[3], napi_uint8_array);
      if (size != texts.Length()) throw wrong(env, "native: a place for each text was expected");
      places = data;
    }
    try {
      while (seats_.size() < static_cast<size_t>(threads)) add_seat(env);
      const size_t count = texts.Length();
      auto counts = Napi::Int32Array::New(env, count), starts = Napi::Int32Array::New(env, count);
      auto all = Napi::Array::New(env, 3), waves = Napi::Array::New(env);
      all.Set(0u, counts);
      all.Set(1u, starts);
      all.Set(2u, waves);
      // Before threads begin: an element may be a getter, which may run anything.
      std::vector<napi_value> elements(count);
      for (size_t i = 0; i < count; ++i) elements[i] = texts.Get(static_cast<uint32_t>(i));
      for (size_t done = 0; done < count;) {
        const Napi::HandleScope scope(env);
        Wave wave{this, env, &elements[done], count - done, spans, places ? places + done : nullptr, threads, counts.Data() + done, starts.Data() + done};
        run_all(pool, threads, run_part, &wave);
        if (wave.error) std::rethrow_exception(wave.error);
        if (wave.failed) throw std::bad_alloc();
        const auto units = static_cast<double>(wave.at.back() + wave.sizes.back());
        if (units >= kTaskUnits) tokens_per_unit_ = static_cast<double>(wave.room->count()) / units;
        const TokenRoom::Arrays tokens = wave.room->finish();
        auto out = Napi::Array::New(env, 4);
        out.Set(0u, Napi::Number::New(env, static_cast<double>(wave.sizes.size())));
        out.Set(1u, tokens.ids);
        out.Set(2u, tokens.offsets);
        out.Set(3u, tokens.words);
        waves.Set(waves.Length(), out);
        done += wave.sizes.size();
      }
      if (units_.capacity() > 2 * kWaveUnits) forget_room();
      return all;
    } catch (const std::bad_alloc&) {
      forget_room();
      throw out_of_memory(env);
    }
  }

  // One thread's part of a wave. Only the caller's, which is number 0, may read strings.
  static void run_part(void* arg, int64_t, int32_t thread) {
    Wave& wave = *static_cast<Wave*>(arg);
    Seat& seat = *wave.self->seats_[static_cast<size_t>(thread)];
    if (thread == 0 && wave.limit == kUnknown) {
      wave.limit = wave.self->plan(wave);
      // Four tasks a thread are enough to keep the others busy while this one encodes.
      const size_t ahead = 4 * static_cast<size_t>(wave.threads - 1) + 1;
      for (size_t task = 0; task < wave.limit; ++task) {
        copy_task(wave, task);
        wave.copied.store(task + 1, std::memory_order_release);
        if (task + 1 >= wave.taken.load(std::memory_order_relaxed) + ahead) take_task(wave, task + 1, seat);
      }
    }
    while (take_task(wave, wave.limit, seat)) {
    }
    // The pool's work is counted by calls: one that returned before the caller's own began could take that one's place.
    while (wave.copied.load(std::memory_order_acquire) < wave.limit) std::this_thread::yield();
  }

  // As many texts as make a wave, in tasks; how many of these. The caller's own exceptions wait until all threads are done.
  size_t plan(Wave& wave) try {
    const size_t most = std::min(wave.left, kWaveTexts);
    wave.at.reserve(most);
    wave.sizes.reserve(most);
    size_t units = 0, task_units = kTaskUnits;
    for (size_t i = 0; i < most && units < kWaveUnits; ++i) {
      const size_t size = utf16_length(wave.env, wave.texts[i]);
      wave.at.push_back(units);
      wave.sizes.push_back(size);
      if (task_units >= kTaskUnits) {
        wave.tasks.push_back({i, i});
        task_units = 0;
      }
      wave.tasks.back().last = i + 1;
      units += size;
      task_units += size;
    }
    units_.reserve(units + 1);
    // As many tokens as the last wave would have had, and some more.
    wave.room.emplace(wave.env, static_cast<size_t>(1.1 * tokens_per_unit_ * static_cast<double>(units + kTaskUnits)),
                      wave.spans);
    return wave.tasks.size();
  } catch (...) {
    wave.error = std::current_exception();
    return 0;
  }

  static void copy_task(Wave& wave, size_t index) {
    const Task& task = wave.tasks[index];
    char16_t* const units = wave.self->units_.data();
    for (size_t i = task.first; i < task.last; ++i) {
      size_t copied = 0;
      napi_get_value_string_utf16(wave.env, wave.texts[i], units + wave.at[i], wave.sizes[i] + 1, &copied);
    }
  }

  // Encodes the next of the first `limit` tasks that nobody has taken, once it is copied; false if there is none. The
  // caller takes what it has copied, or it would wait for itself.
  static bool take_task(Wave& wave, size_t limit, Seat& seat) {
    size_t index = wave.taken.load(std::memory_order_relaxed);
    do {
      if (index >= limit) return false;
    } while (!wave.taken.compare_exchange_weak(index, index + 1, std::memory_order_relaxed));
    while (wave.copied.load(std::memory_order_acquire) <= index) {
      if (index >= wave.limit.load(std::memory_order_acquire)) return false;
      ThreadPool::pause();
    }
    const TextEncoder& self = *wave.self;
    const Task& task = wave.tasks[index];
    Tokens& tokens = seat.tokens;
    tokens.count = 0;
    try {
      for (size_t i = task.first; i < task.last; ++i) {
        const size_t before = tokens.count;
        wave.starts[i] = static_cast<int32_t>(before);
        const uint32_t place = wave.places ? wave.places[i] : 0;
        const bool done = Kind::encode(*self.encoder_, self.units_.data() + wave.at[i], wave.sizes[i], place, wave.spans,
                                       seat.worker, tokens);
        if (!done) tokens.count = before;
        wave.counts[i] = done ? static_cast<int32_t>(tokens.count - before) : -1;
      }
      const auto place = static_cast<int32_t>(wave.room->take(tokens));
      for (size_t i = task.first; i < task.last; ++i) wave.starts[i] += place;
      if (tokens.ids.capacity() > tok::kKept) tokens = {};
    } catch (const std::bad_alloc&) {
      wave.failed = true;
    }
    return true;
  }

  // steps(): merges of long pieces looked at so far, by all threads.
  Napi::Value Steps(const Napi::CallbackInfo& info) {
    uint64_t steps = 0;
    for (const auto& seat : seats_) steps += Kind::steps(seat->worker);
    return Napi::Number::New(info.Env(), static_cast<double>(steps));
  }

  // unknown() and learn(cluster, parts); see UnigramEncoder in src/tokenizer.ts.
  Napi::Value Unknown(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    auto all = Napi::Array::New(env);
    for (const auto& seat : seats_) {
      for (const std::u16string& units : seat->worker.unknown) all.Set(all.Length(), Napi::String::New(env, units));
      seat->worker.unknown = {};
    }
    return all;
  }

  Napi::Value Learn(const Napi::CallbackInfo& info) try {
    Kind::learn(*encoder_, info[0], info[1]);
    return info.Env().Undefined();
  } catch (const std::bad_alloc&) {
    throw out_of_memory(info.Env());
  }

  void forget_room() {
    units_.release();
    for (const auto& seat : seats_) seat->tokens = {};
  }

  // Of a new seat, about, most of it the cache's.
  static constexpr int64_t kSeatBytes = 12 << 20;
  static constexpr size_t kUnknown = SIZE_MAX;
  static constexpr size_t kTaskUnits = 4 << 10;
  static constexpr size_t kWaveUnits = 8 << 20;
  static constexpr size_t kWaveTexts = 1 << 16;
  std::unique_ptr<typename Kind::Encoder> encoder_;
  // The first is the caller's own.
  std::vector<std::unique_ptr<Seat>> seats_;
  Buffer<char16_t> units_;
  // Of the last wave; most texts have fewer ids than a third of their units.
  double tokens_per_unit_ = 1.0 / 3;
};

}  // namespace

void ExportTokenizer(Napi::Env env, Napi::Object exports) {
  exports.Set("BpeEncoder", TextEncoder<Bpe>::define(env));
  exports.Set("WordPieceEncoder", TextEncoder<WordPiece>::define(env));
  exports.Set("UnigramEncoder", TextEncoder<Unigram>::define(env));
  ExportDecoder(env, exports);
  ExportTrainer(env, exports);
  ExportUnigramTrainer(env, exports);
}

}  // namespace ik
