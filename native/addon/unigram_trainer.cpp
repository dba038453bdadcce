#include "tokenizer/unigram_trainer.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <vector>

#include "tokenizer.h"
#include "tokenizer_arguments.h"

namespace ik {
namespace {

using Clock = std::chrono::steady_clock;

template <class Array, class T>
Array array_of(Napi::Env env, const std::vector<T>& numbers) {
  auto out = Array::New(env, numbers.size());
  if (!numbers.empty()) std::memcpy(out.Data(), numbers.data(), numbers.size() * sizeof(T));
  return out;
}

template <class F>
auto guarded(Napi::Env env, F&& work) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    throw out_of_memory(env);
  }
}

// Whether bytes are characters of UTF-8, as far as reading them goes.
bool readable(const uint8_t* p, size_t n) {
  for (size_t i = 0; i < n;) {
    const uint8_t lead = p[i];
    if ((lead >= 0x80 && lead < 0xc0) || lead >= 0xf5) return false;
    const size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (size > n - i) return false;
    for (size_t k = 1; k < size; ++k)
      if ((p[i + k] & 0xc0) != 0x80) return false;
    if (size == 4 && tok::decode_utf8(p + i).point >= tok::kPoints) return false;
    i += size;
  }
  return true;
}

class WordLattices : public Napi::ObjectWrap<WordLattices> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "WordLattices",
        {InstanceMethod("characters", &WordLattices::Characters), InstanceMethod("seed", &WordLattices::Seed),
         InstanceMethod("keep", &WordLattices::Keep), InstanceMethod("expect", &WordLattices::Begin<false>),
         InstanceMethod("cut", &WordLattices::Begin<true>), InstanceMethod("run", &WordLattices::Run),
         InstanceMethod("sums", &WordLattices::Sums), InstanceMethod("parts", &WordLattices::Parts)});
  }

  explicit WordLattices(const Napi::CallbackInfo& info) : Napi::ObjectWrap<WordLattices>(info) {
    const Napi::Env env = info.Env();
    if (info.Length() < 1 || !info[0].IsObject()) throw wrong(env, "native: words were expected");
    const auto words = info[0].As<Napi::Object>();
    const auto [text, size] = elements<uint8_t>(words.Get("bytes"), napi_uint8_array);
    const auto [at, places] = elements<uint32_t>(words.Get("starts"), napi_uint32_array);
    const auto [counts, count] = elements<double>(words.Get("counts"), napi_float64_array);
    bool good = places == count + 1 && at[0] == 0 && at[count] == size;
    for (size_t i = 0; good && i < count; ++i) good = at[i] <= at[i + 1] && at[i + 1] <= size && counts[i] >= 1 && counts[i] <= kMostCount;
    for (size_t i = 0; good && i < count; ++i) good = readable(text + at[i], at[i + 1] - at[i]);
    if (!good) throw wrong(env, "native: words of UTF-8 that lie one behind the other, with a count of 1 or more each, were expected");
    guarded(env, [&, text = text, at = at, counts = counts, count = count] {
      lattices_ = std::make_unique<tok::WordLattices>(text, at, counts, count);
    });
  }

 private:
  enum class Step { kNone, kGoing, kDone };

  Napi::Value Characters(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    if (seeded_) throw wrong(env, "native: the seed has been made");
    const auto found = guarded(env, [&] { return lattices_->characters(); });
    auto out = Napi::Object::New(env);
    out.Set("points", array_of<Napi::Int32Array>(env, found.points));
    out.Set("counts", array_of<Napi::Float64Array>(env, found.counts));
    return out;
  }

  // seed(characters, longest, limit).
  Napi::Value Seed(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    if (seeded_) throw wrong(env, "native: the seed has been made");
    const auto [characters, count] = elements<int32_t>(info[0], napi_int32_array);
    const double longest = info[1].ToNumber(), limit = info[2].ToNumber();
    if (!(longest >= 2 && longest <= tok::WordLattices::kLongest)) throw wrong(env, "native: the longest piece has 2 to 64 characters");
    if (!(limit >= 0)) throw wrong(env, "native: a limit of 0 or more was expected");
    const auto seed = guarded(env, [&, characters = characters, count = count] {
      std::vector<bool> seen(tok::kPoints);
      for (size_t i = 0; i < count; ++i) {
        const auto point = static_cast<uint32_t>(characters[i]);
        if (point >= tok::kPoints || seen[point]) throw wrong(env, "native: different code points were expected");
        seen[point] = true;
      }
      constexpr size_t kMost = tok::WordLattices::kMostPieces;
      const size_t most = limit < static_cast<double>(kMost) ? static_cast<size_t>(limit) : kMost;
      seeded_ = true;
      return lattices_->seed(characters, count, static_cast<int32_t>(longest), most);
    });
    auto out = Napi::Object::New(env);
    out.Set("points", array_of<Napi::Int32Array>(env, seed.points));
    out.Set("starts", array_of<Napi::Int32Array>(env, seed.starts));
    out.Set("counts", array_of<Napi::Float64Array>(env, seed.counts));
    return out;
  }

  // keep(ids, threads).
  Napi::Value Keep(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const auto [ids, count] = elements<int32_t>(info[0], napi_int32_array);
    for (size_t i = 0; i < count; ++i)
      if (ids[i] <= (i > 0 ? ids[i - 1] : 0) || static_cast<size_t>(ids[i]) > lattices_->pieces())
        throw wrong(env, "native: ascending ids of pieces were expected");
    ThreadPool* const pool = pool_of(info, 1);
    step_ = Step::kNone;
    guarded(env, [&, ids = ids, count = count] { lattices_->begin_keep(ids, count); });
    const auto body = [](void* lattices, int64_t task, int32_t) {
      static_cast<tok::WordLattices*>(lattices)->keep(static_cast<size_t>(task));
    };
    run_all(pool, static_cast<int64_t>(lattices_->word_tasks()), body, lattices_.get());
    return env.Undefined();
  }

  // expect(probabilities), cut(scores): what `run` does from now on.
  template <bool kCut>
  Napi::Value Begin(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const auto [values, count] = elements<double>(info[0], napi_float64_array);
    if (count != lattices_->pieces() + 1) throw wrong(env, "native: a number for each piece and one more were expected");
    step_ = Step::kNone;
    guarded(env, [&, values = values] {
      if (kCut) lattices_->begin_cut(values);
      else lattices_->begin_expect(values);
      for (auto& worker : workers_) worker->sums.clear();
      waiting_.resize(lattices_->tasks());
      for (size_t i = 0; i < waiting_.size(); ++i) waiting_[i] = i;
    });
    cutting_ = kCut;
    step_ = Step::kGoing;
    return env.Undefined();
  }

  struct Batch {
    WordLattices* self;
    Clock::time_point end;
    std::atomic<bool> failed{false};
  };
  static constexpr size_t kFinished = SIZE_MAX;

  // run(threads, milliseconds): true when the step is done.
  Napi::Value Run(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    ThreadPool* const pool = pool_of(info, 0);
    const double milliseconds = info[1].ToNumber();
    if (!(milliseconds >= 0)) throw wrong(env, "native: a time of 0 or more was expected");
    if (step_ == Step::kNone) throw wrong(env, "native: no step was begun");
    const auto time = std::chrono::duration<double, std::milli>(std::min(milliseconds, 1e9));
    guarded(env, [&] {
      while (workers_.size() < static_cast<size_t>(pool ? pool->threads() : 1))
        workers_.push_back(std::make_unique<tok::WordLattices::Worker>());
      Batch batch{this, Clock::now() + std::chrono::duration_cast<Clock::duration>(time), {}};
      run_all(pool, static_cast<int64_t>(waiting_.size()), run_task, &batch);
      if (batch.failed) {
        step_ = Step::kNone;
        throw std::bad_alloc();
      }
    });
    std::erase(waiting_, kFinished);
    if (waiting_.empty()) step_ = Step::kDone;
    return Napi::Boolean::New(env, waiting_.empty());
  }

  static void run_task(void* arg, int64_t index, int32_t worker) {
    Batch& batch = *static_cast<Batch*>(arg);
    WordLattices& self = *batch.self;
    // One is always done, so that every call gets on.
    if (index > 0 && Clock::now() >= batch.end) return;
    size_t& task = self.waiting_[static_cast<size_t>(index)];
    try {
      self.lattices_->run(task, *self.workers_[static_cast<size_t>(worker)]);
    } catch (const std::bad_alloc&) {
      batch.failed = true;
    }
    task = kFinished;
  }

  // sums(): of all threads. They are exact, so their order is of no matter.
  Napi::Value Sums(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    if (step_ != Step::kDone) throw wrong(env, "native: no step was done");
    auto out = Napi::Float64Array::New(env, lattices_->pieces() + 1);
    double* const sums = out.Data();
    std::fill_n(sums, out.ElementLength(), 0.0);
    for (const auto& worker : workers_)
      for (size_t id = 0; id < worker->sums.size(); ++id) sums[id] += worker->sums[id];
    return out;
  }

  Napi::Value Parts(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    if (step_ != Step::kDone || !cutting_) throw wrong(env, "native: no cut was done");
    const auto found = guarded(env, [&] { return lattices_->parts(); });
    auto out = Napi::Object::New(env);
    out.Set("parts", array_of<Napi::Int32Array>(env, found.parts));
    out.Set("starts", array_of<Napi::Int32Array>(env, found.starts));
    return out;
  }

  static constexpr double kMostCount = 9007199254740992.0;
  std::unique_ptr<tok::WordLattices> lattices_;
  bool seeded_ = false, cutting_ = false;
  Step step_ = Step::kNone;
  // The first is the caller's own.
  std::vector<std::unique_ptr<tok::WordLattices::Worker>> workers_;
  std::vector<size_t> waiting_;  // tasks of the step
};

}  // namespace

void ExportUnigramTrainer(Napi::Env env, Napi::Object exports) { exports.Set("WordLattices", WordLattices::define(env)); }

}  // namespace ik
