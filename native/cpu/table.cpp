// The two symbols a CPU kernel library exports: how good it is here, and its kernels.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "inkstone/backend.h"

#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#endif
#if defined(__x86_64__) || defined(_M_X64)
#include <cpuid.h>
#define IK_X86 1
#endif

#define IK_OP(name, attrs)                                                                               \
  int32_t ik_cpu_##name(const ik_runtime*, const ik_view*, int32_t, const ik_view*, int32_t, const void*) \
      __attribute__((weak));
#include "ops.def"
#undef IK_OP

namespace {

// Matrices and heads are read with strides of many pages: with pages of 2 MB they are found in the TLB.
constexpr size_t kHugePage = size_t{2} << 20;

size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

#if defined(__linux__) && defined(MADV_HUGEPAGE)
constexpr bool kMaps = true;
size_t page_bytes() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }
// Straight from the operating system: what free() is given back, up to 32 MB, it may keep.
void* map_pages(size_t bytes) {
  const size_t size = round_up(bytes, page_bytes());
  void* const from = mmap(nullptr, size + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (from == MAP_FAILED) return nullptr;
  char* const first = static_cast<char*>(from);
  const size_t before = round_up(reinterpret_cast<uintptr_t>(first), kHugePage) - reinterpret_cast<uintptr_t>(first);
  if (before > 0) munmap(first, before);
  munmap(first + before + size, kHugePage - before);
  // Only whole huge pages: the last, partial one would take memory that nobody asked for. Refusal costs speed alone.
  madvise(first + before, bytes & ~(kHugePage - 1), MADV_HUGEPAGE);
  return first + before;
}
void unmap_pages(void* data, size_t bytes) { munmap(data, round_up(bytes, page_bytes())); }
#else
constexpr bool kMaps = false;
void* map_pages(size_t) { return nullptr; }
void unmap_pages(void*, size_t) {}
#endif

void* allocate(size_t bytes) {
  if (kMaps && bytes >= kHugePage) return map_pages(bytes);
  // A multiple of the alignment, as aligned_alloc demands.
  return std::aligned_alloc(64, round_up(std::max<size_t>(bytes, 1), 64));
}
void release(void* data, size_t bytes) {
  if (kMaps && bytes >= kHugePage) unmap_pages(data, bytes);
  else std::free(data);
}
int32_t copy(void* to, const void* from, size_t bytes) {
  // An empty array has no address, and memcpy demands one even for nothing.
  if (bytes > 0) std::memcpy(to, from, bytes);
  return IK_OK;
}
int32_t synchronize() { return IK_OK; }

const ik_backend table = {
    IK_ABI,
    "cpu",
    IK_ISA_NAME,
    allocate,
    release,
    copy,
    copy,
    synchronize,
    {
#define IK_OP(name, attrs) ik_cpu_##name,
#include "ops.def"
#undef IK_OP
    },
};

#ifdef IK_X86
// The operating system must save the wide registers on a context switch; the CPU flag alone does not say so.
uint64_t enabled_register_state() {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<uint64_t>(high) << 32) | low;
}

bool cpu_runs_this_build() {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return false;
  const bool osxsave = c & (1u << 27);
  [[maybe_unused]] const bool fma = c & (1u << 12), f16c = c & (1u << 29);
  [[maybe_unused]] const uint64_t state = osxsave ? enabled_register_state() : 0;
  [[maybe_unused]] unsigned b7 = 0, c7 = 0, d7 = 0, a71 = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) b7 = b, c7 = c, d7 = d;
  if (__get_cpuid_count(7, 1, &a, &b, &c, &d)) a71 = a;
#if defined(__AVX512F__)
  const bool registers = (state & 0xe6) == 0xe6;
  const bool foundation = (b7 & (1u << 16)) && (b7 & (1u << 17)) && (b7 & (1u << 30)) && (b7 & (1u << 31));
  return registers && foundation && fma && f16c && (c7 & (1u << 11)) && (a71 & (1u << 5));  // VNNI, BF16
#elif defined(__AVX2__)
  return (state & 0x6) == 0x6 && fma && f16c && (b7 & (1u << 5));
#else
  return true;
#endif
}
#else
bool cpu_runs_this_build() { return true; }
#endif

}  // namespace

#define IK_EXPORT extern "C" __attribute__((visibility("default")))

IK_EXPORT int32_t ik_score() { return cpu_runs_this_build() ? IK_ISA_SCORE : 0; }
IK_EXPORT const ik_backend* ik_table() { return &table; }
