#include "tokenizer.h"

#include <atomic>
#include <cstring>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

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
    return Self::DefineClass(env, Kind::kName,
                             {Self::InstanceMethod("encode", &TextEncoder::Encode),
                              Self::InstanceMethod("encodeBatch", &TextEncoder::EncodeBatch),
                              Self::InstanceMethod("steps", &TextEncoder::Steps)});
  }

  explicit TextEncoder(const Napi::CallbackInfo& info) : Napi::ObjectWrap<TextEncoder<Kind>>(info) {
    const Napi::Env env = info.Env();
    if (info.Length() < 1 || !info[0].IsObject()) throw wrong(env, "native: an object of options was expected");
    try {
      encoder_ = Kind::read(info[0].As<Napi::Object>());
      workers_.push_back(std::make_unique<Worker>(*encoder_));
    } catch (const std::bad_alloc&) {
      throw out_of_memory(env);
    }
  }

 private:
  using Worker = typename Kind::Encoder::Worker;

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
      tokens_.count = 0;
      const bool done = Kind::encode(*encoder_, units_.data(), copied, place, spans, *workers_[0], tokens_);
      const Napi::Value out = done ? arrays(env, tokens_, spans) : env.Null();
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
  // What one thread makes of a wave, written to arrays of JavaScript as long as they are large enough.
  struct Part {
    Tokens tokens;
    Napi::Int32Array ids, offsets, words;

    void lend(Napi::Env env, size_t room, bool spans) {
      ids = lend(env, tokens.ids, room);
      if (!spans) return;
      offsets = lend(env, tokens.offsets, 2 * room);
      words = lend(env, tokens.words, room);
    }
    Napi::Int32Array all_ids() { return finished(tokens.ids, ids, tokens.count); }
    Napi::Int32Array all_offsets() { return finished(tokens.offsets, offsets, 2 * tokens.count); }
    Napi::Int32Array all_words() { return finished(tokens.words, words, tokens.count); }

   private:
    static Napi::Int32Array lend(Napi::Env env, Buffer<int32_t>& buffer, size_t count) {
      auto array = new_array(env, count);
      buffer.borrow(array.Data(), count);
      return array;
    }
    static Napi::Int32Array finished(const Buffer<int32_t>& buffer, const Napi::Int32Array& lent, size_t count) {
      return buffer.borrowed() ? lent : to_array(lent.Env(), buffer.data(), count);
    }
  };
  // A wave of texts: the caller copies them out of JavaScript, the other threads encode what is there already, and so does
  // the caller wherever it is far enough ahead of them.
  struct Batch {
    TextEncoder* self;
    napi_env env;
    bool spans;
    const uint8_t* places;  // of each text of the batch, or null
    int32_t threads;
    int32_t* counts;  // ids of each text of the batch
    int32_t* takers;  // the part that has them
    size_t first;     // text of the wave
    int32_t first_part;
    std::vector<Part> parts;  // of the wave, one a thread, with its texts in order
    std::vector<napi_value> texts{};
    std::vector<size_t> starts{}, sizes{};  // in units
    std::vector<Task> tasks{};
    std::atomic<size_t> copied{0}, taken{0};  // of the tasks
    std::atomic<bool> failed{false};
  };

  // encodeBatch(texts, spans, threads, places): [counts, takers, ids, offsets, words]; see BpeEncoder in src/tokenizer.ts.
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
      while (workers_.size() < static_cast<size_t>(threads))
        workers_.push_back(std::make_unique<Worker>(*encoder_));
      const size_t count = texts.Length();
      auto counts = Napi::Int32Array::New(env, count), takers = Napi::Int32Array::New(env, count);
      auto all = Napi::Array::New(env, 5), ids = Napi::Array::New(env), offsets = Napi::Array::New(env),
           words = Napi::Array::New(env);
      all.Set(0u, counts);
      all.Set(1u, takers);
      all.Set(2u, ids);
      all.Set(3u, offsets);
      all.Set(4u, words);
      int32_t parts = 0;
      for (size_t done = 0; done < count; parts += threads) {
        const Napi::HandleScope scope(env);
        Batch batch{this, env, spans, places, threads, counts.Data(), takers.Data(), done, parts, std::vector<Part>(static_cast<size_t>(threads))};
        done = run_wave(texts, pool, batch);
        for (int32_t worker = 0; worker < threads; ++worker) {
          Part& part = batch.parts[static_cast<size_t>(worker)];
          const auto at = static_cast<uint32_t>(parts + worker);
          ids.Set(at, part.all_ids());
          if (!spans) continue;
          offsets.Set(at, part.all_offsets());
          words.Set(at, part.all_words());
        }
      }
      if (units_.capacity() > 2 * kWaveUnits) forget_room();
      return all;
    } catch (const std::bad_alloc&) {
      forget_room();
      throw out_of_memory(env);
    }
  }

  // Encodes texts from batch.first on, as many as make a wave; returns where the next wave begins.
  size_t run_wave(const Napi::Array& texts, ThreadPool* pool, Batch& batch) {
    const auto count = static_cast<size_t>(texts.Length());
    size_t units = 0, task_units = kTaskUnits;
    while (batch.first + batch.texts.size() < count && units < kWaveUnits && batch.texts.size() < kWaveTexts) {
      const size_t at = batch.texts.size();
      const napi_value text = texts.Get(static_cast<uint32_t>(batch.first + at));
      const size_t size = utf16_length(batch.env, text);
      batch.texts.push_back(text);
      batch.starts.push_back(units);
      batch.sizes.push_back(size);
      if (task_units >= kTaskUnits) {
        batch.tasks.push_back({at, at});
        task_units = 0;
      }
      batch.tasks.back().last = at + 1;
      units += size;
      task_units += size;
    }
    units_.reserve(units + 1);
    // As many ids as the last wave would have had, and some more: one thread can have a task more than another.
    const auto room = static_cast<size_t>(1.1 * ids_per_unit_ * (static_cast<double>(units) / batch.threads + kTaskUnits));
    for (Part& part : batch.parts) part.lend(batch.env, room, batch.spans);
    run_all(pool, batch.threads, run_part, &batch);
    if (batch.failed) throw std::bad_alloc();
    size_t ids = 0;
    for (const Part& part : batch.parts) ids += part.tokens.count;
    if (units >= kTaskUnits) ids_per_unit_ = static_cast<double>(ids) / static_cast<double>(units);
    return batch.first + batch.texts.size();
  }

  // One thread's part of a wave. Only the caller's, which is number 0, may read strings.
  static void run_part(void* arg, int64_t, int32_t worker) {
    Batch& batch = *static_cast<Batch*>(arg);
    const size_t tasks = batch.tasks.size();
    if (worker == 0) {
      // Four tasks a thread are enough to keep the others busy while this one encodes.
      const size_t ahead = 4 * static_cast<size_t>(batch.threads - 1) + 1;
      for (size_t task = batch.copied.load(std::memory_order_relaxed); task < tasks; ++task) {
        copy_task(batch, task);
        batch.copied.store(task + 1, std::memory_order_release);
        if (task + 1 >= batch.taken.load(std::memory_order_relaxed) + ahead) take_task(batch, task + 1, worker);
      }
    }
    while (take_task(batch, tasks, worker)) {
    }
    // The pool's work is counted by calls: one that returned before the caller's own began could take that one's place.
    while (batch.copied.load(std::memory_order_acquire) < tasks) std::this_thread::yield();
  }

  static void copy_task(Batch& batch, size_t index) {
    const Task& task = batch.tasks[index];
    char16_t* const units = batch.self->units_.data();
    for (size_t at = task.first; at < task.last; ++at) {
      size_t copied = 0;
      napi_get_value_string_utf16(batch.env, batch.texts[at], units + batch.starts[at], batch.sizes[at] + 1, &copied);
    }
  }

  // Encodes the next of the first `limit` tasks that nobody has taken, once it is copied; false if there is none. The
  // caller takes what it has copied, or it would wait for itself.
  static bool take_task(Batch& batch, size_t limit, int32_t worker) {
    size_t index = batch.taken.load(std::memory_order_relaxed);
    do {
      if (index >= limit) return false;
    } while (!batch.taken.compare_exchange_weak(index, index + 1, std::memory_order_relaxed));
    while (batch.copied.load(std::memory_order_acquire) <= index) ThreadPool::pause();
    const TextEncoder& self = *batch.self;
    Tokens& tokens = batch.parts[static_cast<size_t>(worker)].tokens;
    const Task& task = batch.tasks[index];
    try {
      for (size_t at = task.first; at < task.last; ++at) {
        const size_t before = tokens.count;
        const uint32_t place = batch.places ? batch.places[batch.first + at] : 0;
        const bool done = Kind::encode(*self.encoder_, self.units_.data() + batch.starts[at], batch.sizes[at], place, batch.spans,
                                       *self.workers_[static_cast<size_t>(worker)], tokens);
        batch.counts[batch.first + at] = done ? static_cast<int32_t>(tokens.count - before) : -1;
        batch.takers[batch.first + at] = batch.first_part + worker;
      }
    } catch (const std::bad_alloc&) {
      batch.failed = true;
    }
    return true;
  }

  // steps(): merges of long pieces looked at so far, by all threads.
  Napi::Value Steps(const Napi::CallbackInfo& info) {
    uint64_t steps = 0;
    for (const auto& worker : workers_) steps += Kind::steps(*worker);
    return Napi::Number::New(info.Env(), static_cast<double>(steps));
  }

  void forget_room() {
    units_.release();
    tokens_.ids.release();
    tokens_.offsets.release();
    tokens_.words.release();
  }

  static constexpr size_t kTaskUnits = 8 << 10;
  static constexpr size_t kWaveUnits = 8 << 20;
  static constexpr size_t kWaveTexts = 1 << 16;
  std::unique_ptr<typename Kind::Encoder> encoder_;
  // The first is the caller's own.
  std::vector<std::unique_ptr<Worker>> workers_;
  Buffer<char16_t> units_;
  Tokens tokens_;
  // Of the last wave; most texts have fewer ids than a third of their units.
  double ids_per_unit_ = 1.0 / 3;
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
