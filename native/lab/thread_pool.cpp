// Runs the thread pool hard: every task once, none of another run's. Made for -DINKSTONE_SANITIZE=thread, under which it
// must report nothing; needs no kernel library.
#include "addon/thread_pool.h"

#include <cstdio>
#include <vector>

namespace {

struct Run {
  std::vector<int64_t>* results;
  int64_t number;
};

void task(void* arg, int64_t i, int32_t) {
  const auto* run = static_cast<const Run*>(arg);
  (*run->results)[static_cast<size_t>(i)] += i + run->number;
}

}  // namespace

int main() {
  constexpr int64_t kMost = 1000;
  std::vector<int64_t> results(kMost), expected(kMost);
  for (const int32_t threads : {1, 2, 4}) {
    ik::ThreadPool pool(threads);
    for (int64_t number = 0; number < 2000; ++number) {
      Run run{&results, number};
      const int64_t tasks = number * 37 % kMost;
      pool.run(tasks, task, &run);
      for (int64_t i = 0; i < tasks; ++i) expected[static_cast<size_t>(i)] += i + number;
      if (results != expected) {
        std::fprintf(stderr, "thread pool: a task ran twice or not at all in run %lld\n", static_cast<long long>(number));
        return 1;
      }
    }
  }
  std::printf("thread pool: ok\n");
}
