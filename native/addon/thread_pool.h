// A pool of worker threads that take task numbers from a shared count. One pool per environment.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace ik {

class ThreadPool {
 public:
  using Body = void (*)(void* arg, int64_t task, int32_t worker);

  // `threads` counts the caller, so a pool of 1 starts no thread.
  explicit ThreadPool(int32_t threads) : threads_(threads < 1 ? 1 : threads) {
    for (int32_t w = 1; w < threads_; ++w) workers_.emplace_back([this, w] { serve(w); });
  }
  ~ThreadPool() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stopping_ = true;
      generation_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    for (auto& worker : workers_) worker.join();
  }
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int32_t threads() const { return threads_; }

  void run(int64_t tasks, Body body, void* arg) {
    if (tasks <= 1 || threads_ == 1) {
      for (int64_t t = 0; t < tasks; ++t) body(arg, t, 0);
      return;
    }
    body_ = body;
    arg_ = arg;
    tasks_ = tasks;
    done_.store(0, std::memory_order_relaxed);
    left_.store(tasks, std::memory_order_release);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      generation_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    take_tasks(0);
    // Tasks are waited for, not workers: on a busy machine one that never woke must not hold up the others.
    while (done_.load(std::memory_order_acquire) != tasks) pause();
  }

  // For loops that wait for another thread.
  static void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
  }

 private:
  // A worker may arrive after the tasks are gone, or even during the next run. Counting down tells the two apart by
  // one atomic: a positive value belongs to the run that is published, and that run cannot end before its task does,
  // so the fields read after it are that run's.
  void take_tasks(int32_t worker) {
    for (;;) {
      const int64_t left = left_.fetch_sub(1, std::memory_order_acq_rel);
      if (left <= 0) return;
      body_(arg_, tasks_ - left, worker);
      done_.fetch_add(1, std::memory_order_release);
    }
  }

  void serve(int32_t worker) {
    uint64_t seen = 0;
    for (;;) {
      // Kernels follow each other within microseconds, so spin shortly before sleeping: waking from the
      // condition variable costs more than most small kernels.
      for (int i = 0; i < kSpins && generation_.load(std::memory_order_acquire) == seen; ++i) pause();
      if (generation_.load(std::memory_order_acquire) == seen) {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return generation_.load(std::memory_order_acquire) != seen; });
      }
      seen = generation_.load(std::memory_order_acquire);
      if (stopping_) return;
      take_tasks(worker);
    }
  }

  static constexpr int kSpins = 4000;
  const int32_t threads_;
  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  Body body_ = nullptr;
  void* arg_ = nullptr;
  int64_t tasks_ = 0;
  // Apart, so that taking a task does not invalidate the line the sleepers watch.
  alignas(64) std::atomic<uint64_t> generation_{0};
  alignas(64) std::atomic<int64_t> left_{0};
  alignas(64) std::atomic<int64_t> done_{0};
};

}  // namespace ik
