// Status codes are the only way a kernel reports failure; nothing throws across a library border.
#pragma once
#include <cstdint>

enum ik_status : int32_t {
  IK_OK = 0,
  IK_UNSUPPORTED = 1,  // this kernel has no code for these dtypes or this layout
  IK_OOM = 2,          // scratch memory could not be had
  IK_BAD_INDEX = 3,    // an index tensor points outside its target; nothing outside was touched
  IK_INTERNAL = 4      // a broken promise between TypeScript and the kernel: a bug, reported as one
};
