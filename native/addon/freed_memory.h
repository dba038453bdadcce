// What malloc does with the memory of arrays that JavaScript has let go.
#pragma once
#include <cstdlib>
#include <cstring>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace ik {

// Has malloc keep up to 128 MB of freed memory, for the next arrays. Results are freed by the dozen when the collector runs, and
// glibc would give them back to the system: blocks of 128 kB and more at once, others as soon as that much lies free at the end of
// its heap. Faulting the next ones in, page by page, takes longer than to encode their texts (lab/LOG.md has figures). 32 MB is
// the largest block that glibc takes from its heap at all. Holds for the process; one that was told otherwise in its environment
// is left alone, and so are other C libraries.
inline void keep_freed_memory() {
#if defined(__GLIBC__)
  static const bool once = [] {
    const char* const tunables = std::getenv("GLIBC_TUNABLES");
    const bool told = (tunables && std::strstr(tunables, "glibc.malloc.")) || std::getenv("MALLOC_TRIM_THRESHOLD_") ||
                      std::getenv("MALLOC_MMAP_THRESHOLD_");
    return !told && mallopt(M_MMAP_THRESHOLD, 32 << 20) && mallopt(M_TRIM_THRESHOLD, 128 << 20);
  }();
  static_cast<void>(once);
#endif
}

}  // namespace ik
