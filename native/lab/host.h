// What a lab program needs around a kernel: a library opened by name, a runtime, random data, a clock.
#pragma once
#include <dlfcn.h>
#include <sys/mman.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "addon/thread_pool.h"
#include "inkstone/backend.h"

namespace lab {

struct Host {
  ik::ThreadPool pool;
  const ik_backend* backend = nullptr;
  ik_runtime runtime{};
  // Kept between launches, as the addon's allocator does: fresh pages would cost more than most kernels.
  struct Scratch {
    void* data;
    size_t bytes;
    bool taken;
  };
  std::vector<Scratch> scratch;

  // usage: INKSTONE_LIBRARY=build/Release/inkstone_cpu_avx512.ikl INKSTONE_THREADS=2 lab_<name>
  explicit Host(int32_t threads = 0)
      : pool(threads ? threads : std::atoi(std::getenv("INKSTONE_THREADS") ? std::getenv("INKSTONE_THREADS") : "2")) {
    const char* path = std::getenv("INKSTONE_LIBRARY");
    if (!path) fail("set INKSTONE_LIBRARY to the kernel library, e.g. build/Release/inkstone_cpu_avx512.ikl");
    void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) fail(dlerror());
    if (reinterpret_cast<ik_score_fn>(dlsym(library, "ik_score"))() == 0) fail("this machine cannot run that library");
    backend = reinterpret_cast<ik_table_fn>(dlsym(library, "ik_table"))();
    runtime.threads = pool.threads();
    runtime.host = this;
    runtime.parallel = [](const ik_runtime* rt, int64_t tasks, void (*body)(void*, int64_t, int32_t), void* arg) {
      static_cast<Host*>(rt->host)->pool.run(tasks, body, arg);
    };
    runtime.scratch = [](const ik_runtime* rt, size_t bytes) {
      auto& all = static_cast<Host*>(rt->host)->scratch;
      for (Scratch& s : all)
        if (!s.taken && s.bytes >= bytes && s.bytes <= 2 * bytes + 64) {
          s.taken = true;
          return s.data;
        }
      void* p = std::aligned_alloc(64, (bytes + 64) & ~size_t{63});
      all.push_back({p, bytes, true});
      return p;
    };
  }

  int32_t launch(ik_kernel_id id, std::vector<ik_view> in, std::vector<ik_view> out, const void* attrs) {
    if (!backend->kernels[id]) fail("no such kernel in this library");
    const int32_t status = backend->kernels[id](&runtime, in.data(), static_cast<int32_t>(in.size()), out.data(),
                                                static_cast<int32_t>(out.size()), attrs);
    for (Scratch& s : scratch) s.taken = false;
    return status;
  }

  [[noreturn]] static void fail(const char* why) {
    std::fprintf(stderr, "lab: %s\n", why);
    std::exit(1);
  }
};

// Memory as the addon's allocator gives it: on huge pages where it is large.
template <class T>
struct HugePages {
  using value_type = T;
  HugePages() = default;
  template <class U>
  HugePages(const HugePages<U>&) {}
  T* allocate(size_t n) {
    constexpr size_t kPage = size_t{2} << 20;
    const size_t bytes = n * sizeof(T), align = bytes >= kPage ? kPage : 64;
    void* const p = std::aligned_alloc(align, (bytes + align - 1) / align * align);
#if defined(MADV_HUGEPAGE)
    if (p && bytes >= kPage) madvise(p, bytes / kPage * kPage, MADV_HUGEPAGE);
#endif
    return static_cast<T*>(p);
  }
  void deallocate(T* p, size_t) { std::free(p); }
  bool operator==(const HugePages&) const { return true; }
};
template <class T>
using Huge = std::vector<T, HugePages<T>>;

inline ik_view view(void* data, int32_t dtype, std::vector<int64_t> shape, std::vector<int64_t> stride = {}) {
  ik_view v{data, dtype, static_cast<int32_t>(shape.size()), {}, {}};
  int64_t dense = 1;
  for (int i = v.rank - 1; i >= 0; --i) {
    v.shape[i] = shape[i];
    v.stride[i] = stride.empty() ? dense : stride[i];
    dense *= shape[i];
  }
  return v;
}

inline std::vector<float> normal(size_t n, uint32_t seed, float std = 1.0f) {
  std::mt19937 rng(seed);
  std::normal_distribution<float> d(0.0f, std);
  std::vector<float> v(n);
  for (auto& x : v) x = d(rng);
  return v;
}

// Seconds now. INKSTONE_CLOCK=cpu counts what this process computed instead of what went by: with INKSTONE_THREADS=1
// that stays meaningful on a machine that is busy with other things.
inline double now() {
  static const bool cpu = std::getenv("INKSTONE_CLOCK") && std::string(std::getenv("INKSTONE_CLOCK")) == "cpu";
  timespec t;
  clock_gettime(cpu ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// Median seconds of `runs` calls after two to warm up.
template <class F>
double median_seconds(F&& f, int runs = 9) {
  f();
  f();
  std::vector<double> t;
  for (int i = 0; i < runs; ++i) {
    const double start = now();
    f();
    t.push_back(now() - start);
  }
  std::sort(t.begin(), t.end());
  return t[t.size() / 2];
}

}  // namespace lab
