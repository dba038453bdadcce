#include "tokenizer.h"

#include <atomic>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "tokenizer_arguments.h"
#include "tokenizer/encoder.h"

namespace ik {
namespace {

using tok::Buffer;
using tok::Tokens;

class BpeEncoder : public Napi::ObjectWrap<BpeEncoder> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "BpeEncoder",
                       {InstanceMethod("encode", &BpeEncoder::Encode), InstanceMethod("encodeBatch", &BpeEncoder::EncodeBatch),
                        InstanceMethod("steps", &BpeEncoder::Steps)});
  }

  explicit BpeEncoder(const Napi::CallbackInfo& info) : Napi::ObjectWrap<BpeEncoder>(info) {
    const Napi::Env env = info.Env();
    if (info.Length() < 1 || !info[0].IsObject()) throw wrong(env, "native: an object of options was expected");
    const auto options = info[0].As<Napi::Object>();
    tok::Vocabulary vocabulary;
    read_tokens(options, vocabulary.bytes, vocabulary.starts);
    const size_t limit = vocabulary.starts.size() - 1;
    vocabulary.byte_ids = read_ids(options, "byteIds", limit);
    if (vocabulary.byte_ids.size() != 256) throw wrong(env, "native: an id for each byte was expected");
    vocabulary.whole_pieces = options.Get("wholePieces").ToBoolean();
    const std::vector<int32_t> rules = read_ids(options, "rules", limit);
    const std::vector<int32_t> ranks = read_ids(options, "ranks", tok::kRankLimit);
    if (rules.size() != 3 * ranks.size()) throw wrong(env, "native: three ids for each rank were expected");
    encoder_ = std::make_unique<tok::Encoder>(read_scanner(options), std::move(vocabulary),
                                              tok::PairRules(rules.data(), ranks.data(), ranks.size()));
    workers_.push_back(std::make_unique<tok::Encoder::Worker>(*encoder_));
  }

 private:
  // encode(text, spans): ids, or [ids, offsets, words].
  Napi::Value Encode(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    try {
      const size_t units = utf16_length(env, info[0]);
      const bool spans = info[1].ToBoolean();
      units_.reserve(units + 1);
      size_t copied = 0;
      napi_get_value_string_utf16(env, info[0], units_.data(), units + 1, &copied);
      tokens_.count = 0;
      encoder_->encode(units_.data(), copied, spans, *workers_[0], tokens_);
      const Napi::Value out = arrays(env, tokens_, spans);
      if (units > tok::kKept) forget_room();
      return out;
    } catch (const std::bad_alloc&) {
      forget_room();
      throw out_of_memory(env);
    }
  }

  static Napi::Value arrays(Napi::Env env, Tokens& tokens, bool spans) {
    const auto ids = give_array(env, tokens.ids, tokens.count);
    if (!spans) return ids;
    auto all = Napi::Array::New(env, 3);
    all.Set(0u, ids);
    all.Set(1u, give_array(env, tokens.offsets, 2 * tokens.count));
    all.Set(2u, give_array(env, tokens.words, tokens.count));
    return all;
  }

  // Texts in a row that one thread takes at a time.
  struct Task {
    size_t first, last;
    Tokens tokens;
  };
  struct Batch {
    BpeEncoder* self;
    std::vector<Task>* tasks;
    size_t begin;
    const std::vector<size_t>* starts;  // of the texts, in units
    const std::vector<size_t>* sizes;   // of the texts, in units
    int32_t* counts;
    bool spans;
    std::atomic<bool> failed{false};
  };

  // The tokens of all tasks, put one behind the other.
  struct Join {
    const std::vector<Task>* tasks;
    Tokens* joined;
    std::vector<size_t> places;
    bool spans;
  };

  static void run_join(void* arg, int64_t index, int32_t) {
    const Join& join = *static_cast<Join*>(arg);
    const auto at = static_cast<size_t>(index);
    const Tokens& from = (*join.tasks)[at].tokens;
    const size_t place = join.places[at], bytes = from.count * sizeof(int32_t);
    if (bytes == 0) return;
    std::memcpy(join.joined->ids.data() + place, from.ids.data(), bytes);
    if (!join.spans) return;
    std::memcpy(join.joined->offsets.data() + 2 * place, from.offsets.data(), 2 * bytes);
    std::memcpy(join.joined->words.data() + place, from.words.data(), bytes);
  }

  // encodeBatch(texts, spans, threads): [counts per text, ids, offsets, words].
  Napi::Value EncodeBatch(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    if (!info[0].IsArray()) throw wrong(env, "native: an array of strings was expected");
    const auto texts = info[0].As<Napi::Array>();
    const bool spans = info[1].ToBoolean();
    ThreadPool* const pool = pool_of(info, 2);
    try {
      while (workers_.size() < static_cast<size_t>(pool ? pool->threads() : 1))
        workers_.push_back(std::make_unique<tok::Encoder::Worker>(*encoder_));
      const size_t count = texts.Length();
      auto counts = Napi::Int32Array::New(env, count);
      std::vector<Task> tasks;
      for (size_t done = 0; done < count;) done = run_wave(env, texts, done, spans, pool, tasks, counts.Data());
      Tokens joined;
      Join join{&tasks, &joined, {}, spans};
      for (const Task& task : tasks) {
        join.places.push_back(joined.count);
        joined.count += task.tokens.count;
      }
      joined.ids.reserve(joined.count);
      if (spans) joined.offsets.reserve(2 * joined.count);
      if (spans) joined.words.reserve(joined.count);
      run_all(pool, static_cast<int64_t>(tasks.size()), run_join, &join);
      const size_t spanned = spans ? joined.count : 0;
      auto all = Napi::Array::New(env, 4);
      all.Set(0u, counts);
      all.Set(1u, give_array(env, joined.ids, joined.count));
      all.Set(2u, give_array(env, joined.offsets, 2 * spanned));
      all.Set(3u, give_array(env, joined.words, spanned));
      if (units_.capacity() > 2 * kWaveUnits) forget_room();
      return all;
    } catch (const std::bad_alloc&) {
      forget_room();
      throw out_of_memory(env);
    }
  }

  // Copies texts from `first` on, as many as make a wave, and encodes them; returns where the next wave begins.
  size_t run_wave(Napi::Env env, const Napi::Array& texts, size_t first, bool spans, ThreadPool* pool,
                  std::vector<Task>& tasks, int32_t* counts) {
    std::vector<size_t> starts, sizes;
    size_t units = 0, next = first;
    const size_t begin = tasks.size();
    size_t task_units = kTaskUnits;
    const auto count = static_cast<size_t>(texts.Length());
    for (; next < count && units < kWaveUnits; ++next) {
      Napi::HandleScope scope(env);
      const napi_value text = texts.Get(static_cast<uint32_t>(next));
      const size_t size = utf16_length(env, text);
      units_.reserve(units + size + 1);
      size_t copied = 0;
      napi_get_value_string_utf16(env, text, units_.data() + units, size + 1, &copied);
      starts.push_back(units);
      sizes.push_back(copied);
      units += copied;
      if (task_units >= kTaskUnits) {
        tasks.push_back({next, next, {}});
        task_units = 0;
      }
      task_units += copied;
      tasks.back().last = next + 1;
    }
    Batch batch{this, &tasks, begin, &starts, &sizes, counts, spans, {}};
    run_all(pool, static_cast<int64_t>(tasks.size() - begin), run_task, &batch);
    if (batch.failed) throw std::bad_alloc();
    return next;
  }

  static void run_task(void* arg, int64_t index, int32_t worker) {
    Batch& batch = *static_cast<Batch*>(arg);
    const BpeEncoder& self = *batch.self;
    Task& task = (*batch.tasks)[batch.begin + static_cast<size_t>(index)];
    const size_t wave_first = (*batch.tasks)[batch.begin].first;
    try {
      for (size_t text = task.first; text < task.last; ++text) {
        const size_t before = task.tokens.count;
        const size_t at = text - wave_first;
        self.encoder_->encode(self.units_.data() + (*batch.starts)[at], (*batch.sizes)[at], batch.spans,
                              *self.workers_[static_cast<size_t>(worker)], task.tokens);
        batch.counts[text] = static_cast<int32_t>(task.tokens.count - before);
      }
    } catch (const std::bad_alloc&) {
      batch.failed = true;
    }
  }

  // steps(): merges of long pieces looked at so far, by all threads.
  Napi::Value Steps(const Napi::CallbackInfo& info) {
    uint64_t steps = 0;
    for (const auto& worker : workers_) steps += worker->merger.steps();
    return Napi::Number::New(info.Env(), static_cast<double>(steps));
  }

  void forget_room() {
    units_.release();
    tokens_.ids.release();
    tokens_.offsets.release();
    tokens_.words.release();
  }

  static constexpr size_t kTaskUnits = 32 << 10;
  static constexpr size_t kWaveUnits = 8 << 20;
  std::unique_ptr<tok::Encoder> encoder_;
  // The first is the caller's own.
  std::vector<std::unique_ptr<tok::Encoder::Worker>> workers_;
  Buffer<char16_t> units_;
  Tokens tokens_;
};

class ByteDecoder : public Napi::ObjectWrap<ByteDecoder> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "ByteDecoder", {InstanceMethod("decode", &ByteDecoder::Decode)});
  }

  explicit ByteDecoder(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ByteDecoder>(info) {
    const Napi::Env env = info.Env();
    if (info.Length() < 1 || !info[0].IsObject()) throw wrong(env, "native: an object of options was expected");
    const auto options = info[0].As<Napi::Object>();
    read_tokens(options, bytes_, starts_);
    const auto [kinds, count] = elements<uint8_t>(options.Get("kinds"), napi_uint8_array);
    if (count != starts_.size() - 1) throw wrong(env, "native: a kind for each token was expected");
    tokens_.resize(count);
    for (size_t id = 0; id < count; ++id) {
      const uint32_t size = starts_[id + 1] - starts_[id];
      tokens_[id].kind = kinds[id];
      tokens_[id].size = size < kInline ? static_cast<uint8_t>(size) : kInline;
      if (size > 0 && size < kInline) std::memcpy(tokens_[id].bytes, &bytes_[starts_[id]], size);
    }
  }

 private:
  static constexpr uint8_t kInline = 15;
  // Four tokens to a cache line: most are copied by one move of 16 bytes that may write too much.
  struct Token {
    uint8_t bytes[14];
    uint8_t size = 0;
    uint8_t kind = 0;  // 0 text, 1 special, 2 no such token
  };

  uint32_t size_of(int32_t id) const { return starts_[static_cast<size_t>(id) + 1] - starts_[static_cast<size_t>(id)]; }

  // decode(ids, skipSpecial): the bytes, or the index of the first id that does not exist.
  Napi::Value Decode(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const auto [ids, count] = elements<int32_t>(info[0], napi_int32_array);
    const bool skip = info[1].ToBoolean();
    size_t total = 0;
    for (size_t i = 0; i < count; ++i) {
      const int32_t id = ids[i];
      if (id < 0 || static_cast<size_t>(id) >= tokens_.size() || tokens_[static_cast<size_t>(id)].kind == 2)
        return Napi::Number::New(env, static_cast<double>(i));
      const Token& token = tokens_[static_cast<size_t>(id)];
      if (skip && token.kind == 1) continue;
      total += token.size < kInline ? token.size : size_of(id);
    }
    if (total > kMostBytes) throw out_of_memory(env);
    auto buffer = Napi::ArrayBuffer::New(env, total + 16);
    auto* out = static_cast<uint8_t*>(buffer.Data());
    for (size_t i = 0; i < count; ++i) {
      const Token& token = tokens_[static_cast<size_t>(ids[i])];
      if (skip && token.kind == 1) continue;
      if (token.size < kInline) {
        std::memcpy(out, &token, 16);
        out += token.size;
      } else {
        const uint32_t size = size_of(ids[i]);
        std::memcpy(out, &bytes_[starts_[static_cast<size_t>(ids[i])]], size);
        out += size;
      }
    }
    return Napi::Uint8Array::New(env, total, buffer, 0);
  }

  static constexpr size_t kMostBytes = size_t{1} << 32;
  std::vector<uint8_t> bytes_;
  std::vector<uint32_t> starts_;
  std::vector<Token> tokens_;
};

}  // namespace

void ExportTokenizer(Napi::Env env, Napi::Object exports) {
  exports.Set("BpeEncoder", BpeEncoder::define(env));
  exports.Set("ByteDecoder", ByteDecoder::define(env));
  ExportTrainer(env, exports);
}

}  // namespace ik
