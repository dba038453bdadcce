// The whole border between the addon and a kernel library: one C struct of function pointers.
#pragma once
#include "inkstone/status.h"
#include "inkstone/view.h"

constexpr uint32_t IK_ABI = 1;

// ---- attribute structs, one per kernel, made from ops.def --------------------------------------
#define I(name) int64_t name;
#define D(name) double name;
#define IK_OP(name, attrs) \
  struct ik_attrs_##name { \
    attrs                  \
  };
#include "ops.def"
#undef IK_OP
#undef I
#undef D

enum ik_kernel_id : int32_t {
#define I(name)
#define D(name)
#define IK_OP(name, attrs) IK_KERNEL_##name,
#include "ops.def"
#undef IK_OP
#undef I
#undef D
  IK_KERNEL_COUNT
};

// What the host lends a kernel for the length of one launch.
struct ik_runtime {
  int32_t threads;  // how many workers `parallel` has, the caller included; at least 1
  // Runs body(arg, task, worker) for every task in [0, tasks), in any order, and returns when all are done.
  // 0 <= worker < threads, and one worker runs one task at a time. Not reentrant. A kernel must give the same
  // bits whatever `threads` is: split the work by size, never by thread count, and reduce in task order.
  void (*parallel)(const ik_runtime* rt, int64_t tasks, void (*body)(void* arg, int64_t task, int32_t worker), void* arg);
  // 64-byte aligned uninitialised memory that lives until the launch returns; nullptr when there is none.
  void* (*scratch)(const ik_runtime* rt, size_t bytes);
  void* host;  // the host's own
};

// Inputs come before outputs. TypeScript has checked shapes, dtypes and bounds; the kernel checks only what it
// alone knows. In-place kernels get the same view as input and output.
using ik_kernel = int32_t (*)(const ik_runtime* rt, const ik_view* in, int32_t n_in, const ik_view* out, int32_t n_out,
                              const void* attrs);

struct ik_backend {
  uint32_t abi;
  const char* device;  // "cpu" or "cuda"
  const char* isa;     // "baseline", "avx2", "avx512", "neon", "sm_90", ...
  // Memory of this device. alloc returns 64-byte aligned memory or nullptr.
  void* (*alloc)(size_t bytes);
  void (*release)(void* data, size_t bytes);
  int32_t (*upload)(void* device, const void* host, size_t bytes);
  int32_t (*download)(void* host, const void* device, size_t bytes);
  int32_t (*synchronize)();
  ik_kernel kernels[IK_KERNEL_COUNT];  // a null entry is the answer "unsupported"
};

// Every kernel library exports these two. The score is 0 when this machine or its operating system cannot run
// the library, and grows with what it can use.
extern "C" {
typedef int32_t (*ik_score_fn)();
typedef const ik_backend* (*ik_table_fn)();
}
