#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "tokenizer.h"
#include "tokenizer/merge_learner.h"
#include "tokenizer/word_table.h"
#include "tokenizer_arguments.h"

namespace ik {
namespace {

using tok::Buffer;

// Tables that grew in steps leave malloc with free memory that other steps of a training do not find, that of other threads
// above all; the system gets it back.
void give_back_freed() {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}

class WordCounter : public Napi::ObjectWrap<WordCounter> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "WordCounter",
                       {InstanceMethod("count", &WordCounter::Count), InstanceMethod("countOpen", &WordCounter::CountOpen),
                        InstanceMethod("take", &WordCounter::Take), InstanceAccessor<&WordCounter::Bytes>("bytes")});
  }

  explicit WordCounter(const Napi::CallbackInfo& info) : Napi::ObjectWrap<WordCounter>(info) {
    if (info.Length() < 1 || !info[0].IsObject()) throw wrong(info.Env(), "native: an object of options was expected");
    const auto options = info[0].As<Napi::Object>();
    scanner_ = std::make_unique<tok::Scanner>(read_scanner(options));
    const double most = options.Get("maxWordLength").ToNumber();
    if (!(most >= 1)) throw wrong(info.Env(), "native: maxWordLength is 1 or more");
    most_units_ = most < 4e9 ? static_cast<size_t>(most) : SIZE_MAX;
    workers_.push_back(std::make_unique<Worker>());
  }

 private:
  struct Worker {
    tok::WordTable words;
    Buffer<uint8_t> text;
  };
  struct Span {
    size_t at, units;
  };
  struct Batch {
    WordCounter* self;
    const std::vector<Span>* texts;
    const std::vector<size_t>* tasks;  // the first text of each, and the end
    std::atomic<bool> failed{false};
  };

  // Appends a text to the units at hand.
  Span copy(Napi::Env env, napi_value text, size_t at) {
    const size_t size = utf16_length(env, text);
    units_.reserve(at + size + 1);
    size_t copied = 0;
    napi_get_value_string_utf16(env, text, units_.data() + at, size + 1, &copied);
    return {at, copied};
  }

  // As UTF-8 in the worker's room, with padding; returns its bytes.
  size_t convert(const Span& span, Worker& worker) const {
    worker.text.reserve(3 * span.units + tok::kPadding);
    const size_t n = tok::utf16_to_utf8(units_.data() + span.at, span.units, worker.text.data());
    std::memset(worker.text.data() + n, 0, tok::kPadding);
    return n;
  }

  // count(texts, threads).
  Napi::Value Count(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    if (!info[0].IsArray()) throw wrong(env, "native: an array of strings was expected");
    const auto texts = info[0].As<Napi::Array>();
    ThreadPool* const pool = pool_of(info, 1);
    try {
      while (workers_.size() < static_cast<size_t>(pool ? pool->threads() : 1)) workers_.push_back(std::make_unique<Worker>());
      std::vector<Span> spans;
      std::vector<size_t> tasks;
      size_t units = 0, task_units = kTaskUnits;
      for (uint32_t i = 0; i < texts.Length(); ++i) {
        Napi::HandleScope scope(env);
        spans.push_back(copy(env, texts.Get(i), units));
        units += spans.back().units;
        if (task_units >= kTaskUnits) {
          tasks.push_back(i);
          task_units = 0;
        }
        task_units += spans.back().units;
      }
      tasks.push_back(spans.size());
      Batch batch{this, &spans, &tasks, {}};
      run_all(pool, static_cast<int64_t>(tasks.size()) - 1, run_task, &batch);
      if (batch.failed) throw std::bad_alloc();
      return env.Undefined();
    } catch (const std::bad_alloc&) {
      throw out_of_memory(env);
    }
  }

  static void run_task(void* arg, int64_t task, int32_t index) {
    Batch& batch = *static_cast<Batch*>(arg);
    Worker& worker = *batch.self->workers_[static_cast<size_t>(index)];
    const auto at = static_cast<size_t>(task);
    try {
      for (size_t text = (*batch.tasks)[at]; text < (*batch.tasks)[at + 1]; ++text) {
        const size_t n = batch.self->convert((*batch.texts)[text], worker);
        tok::count_pieces(*batch.self->scanner_, worker.text.data(), n, batch.self->most_units_, false, worker.words);
      }
    } catch (const std::bad_alloc&) {
      batch.failed = true;
    }
  }

  // countOpen(text): the units that are done with; more text follows.
  Napi::Value CountOpen(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    try {
      const Span span = copy(env, info[0], 0);
      Worker& worker = *workers_[0];
      const size_t n = convert(span, worker);
      const size_t done = tok::count_pieces(*scanner_, worker.text.data(), n, most_units_, true, worker.words);
      return Napi::Number::New(env, static_cast<double>(tok::utf16_size(worker.text.data(), done)));
    } catch (const std::bad_alloc&) {
      throw out_of_memory(env);
    }
  }

  Napi::Value Bytes(const Napi::CallbackInfo& info) {
    size_t bytes = 0;
    for (const auto& worker : workers_) bytes += 2 * worker->words.units() + 28 * worker->words.words().size();
    return Napi::Number::New(info.Env(), static_cast<double>(bytes));
  }

  // take(sorted): { bytes, starts, counts } of all words, which are then forgotten.
  Napi::Value Take(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    try {
      tok::WordTable& all = workers_[0]->words;
      for (size_t w = 1; w < workers_.size(); ++w) all.take(workers_[w]->words);
      const auto& words = all.words();
      if (all.text_size() > UINT32_MAX) throw std::bad_alloc();
      std::vector<uint32_t> order;
      if (info[0].ToBoolean()) order = all.sorted();
      auto bytes = Napi::Uint8Array::New(env, all.text_size());
      auto starts = Napi::Uint32Array::New(env, words.size() + 1);
      auto counts = Napi::Float64Array::New(env, words.size());
      uint32_t at = 0;
      for (size_t i = 0; i < words.size(); ++i) {
        const auto& word = words[order.empty() ? i : order[i]];
        starts[i] = at;
        counts[i] = static_cast<double>(word.count);
        if (word.size > 0) std::memcpy(bytes.Data() + at, all.bytes() + word.at, word.size);
        at += word.size;
      }
      starts[words.size()] = at;
      all.clear();
      units_.release();
      for (const auto& worker : workers_) worker->text.release();
      give_back_freed();
      auto out = Napi::Object::New(env);
      out.Set("bytes", bytes);
      out.Set("starts", starts);
      out.Set("counts", counts);
      return out;
    } catch (const std::bad_alloc&) {
      throw out_of_memory(env);
    }
  }

  static constexpr size_t kTaskUnits = 32 << 10;
  std::unique_ptr<tok::Scanner> scanner_;
  size_t most_units_ = SIZE_MAX;
  // The first is the caller's own.
  std::vector<std::unique_ptr<Worker>> workers_;
  Buffer<char16_t, true> units_;
};

class MergeLearner : public Napi::ObjectWrap<MergeLearner> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "MergeLearner",
                       {InstanceMethod("learn", &MergeLearner::Learn), InstanceMethod("take", &MergeLearner::Take),
                        InstanceAccessor<&MergeLearner::Tokens>("tokens")});
  }

  explicit MergeLearner(const Napi::CallbackInfo& info) : Napi::ObjectWrap<MergeLearner>(info) {
    const Napi::Env env = info.Env();
    if (info.Length() < 2 || !info[0].IsObject() || !info[1].IsObject()) throw wrong(env, "native: words and options were expected");
    const auto options = info[1].As<Napi::Object>();
    const auto words = info[0].As<Napi::Object>();
    std::vector<uint8_t> bytes;
    std::vector<uint32_t> starts;
    read_tokens(options, bytes, starts);
    std::vector<std::string> tokens;
    for (size_t t = 0; t + 1 < starts.size(); ++t) tokens.emplace_back(bytes.begin() + starts[t], bytes.begin() + starts[t + 1]);
    const std::vector<int32_t> byte_ids = read_ids(options, "byteIds", tokens.size());
    if (byte_ids.size() != 256) throw wrong(env, "native: an id for each byte was expected");
    const auto [low, high] = std::minmax_element(byte_ids.begin(), byte_ids.end());
    if (*high - *low != 255) throw wrong(env, "native: the ids of bytes follow each other");
    const double vocabulary = options.Get("vocabSize").ToNumber();
    if (!(vocabulary >= 0 && vocabulary <= INT32_MAX)) throw wrong(env, "native: vocabSize is out of range");
    const tok::MergeLearner::Options limits{static_cast<size_t>(vocabulary), options.Get("minFrequency").ToNumber(),
                                            options.Get("maxTokenLength").ToNumber()};
    const auto [text, size] = elements<uint8_t>(words.Get("bytes"), napi_uint8_array);
    const auto [at, places] = elements<uint32_t>(words.Get("starts"), napi_uint32_array);
    const auto [counts, count] = elements<double>(words.Get("counts"), napi_float64_array);
    bool good = places == count + 1 && at[0] == 0 && at[count] == size;
    for (size_t i = 0; good && i < count; ++i) good = at[i] <= at[i + 1] && counts[i] >= 0 && counts[i] <= kMostCount;
    if (!good) throw wrong(env, "native: words that lie one behind the other, with a count each, were expected");
    try {
      learner_ = std::make_unique<tok::MergeLearner>(std::move(tokens), byte_ids.data(), text, at, counts, count, limits);
    } catch (const std::bad_alloc&) {
      throw out_of_memory(env);
    }
  }

 private:
  tok::MergeLearner& learner(Napi::Env env) const {
    if (!learner_) throw wrong(env, "native: the merges have been taken");
    return *learner_;
  }

  // learn(milliseconds): true when there is nothing more to learn.
  Napi::Value Learn(const Napi::CallbackInfo& info) {
    const double milliseconds = info[0].ToNumber();
    const auto start = std::chrono::steady_clock::now();
    try {
      tok::MergeLearner& learner = this->learner(info.Env());
      while (learner.step()) {
        const std::chrono::duration<double, std::milli> spent = std::chrono::steady_clock::now() - start;
        if (!(spent.count() < milliseconds)) return Napi::Boolean::New(info.Env(), false);
      }
    } catch (const std::bad_alloc&) {
      throw out_of_memory(info.Env());
    }
    return Napi::Boolean::New(info.Env(), true);
  }

  Napi::Value Tokens(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(learner(info.Env()).tokens()));
  }

  // take(): triples left, right, token; everything else is freed.
  Napi::Value Take(const Napi::CallbackInfo& info) {
    const auto& merges = learner(info.Env()).merges();
    static_assert(sizeof(tok::MergeLearner::Merge) == 3 * sizeof(int32_t));
    const auto out = to_array(info.Env(), reinterpret_cast<const int32_t*>(merges.data()), 3 * merges.size());
    learner_.reset();
    give_back_freed();
    return out;
  }

  static constexpr double kMostCount = 9007199254740992.0;
  std::unique_ptr<tok::MergeLearner> learner_;
};

}  // namespace

void ExportTrainer(Napi::Env env, Napi::Object exports) {
  exports.Set("WordCounter", WordCounter::define(env));
  exports.Set("MergeLearner", MergeLearner::define(env));
}

}  // namespace ik
