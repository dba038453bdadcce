// What a kernel sees of a tensor: plain data, no ownership.
#pragma once
#include <cstddef>
#include <cstdint>

constexpr int32_t IK_MAX_RANK = 8;

// The order is the wire format shared with TypeScript (src/dtypes.ts): append, never reorder.
enum ik_dtype : int32_t {
  IK_F32 = 0,
  IK_F64 = 1,
  IK_BF16 = 2,
  IK_F16 = 3,
  IK_I32 = 4,
  IK_U8 = 5,
  IK_BOOL = 6,
  IK_I8 = 7,
  IK_DTYPE_COUNT
};

// `data` points at element [0, 0, ...]; strides count elements, may be 0 (broadcast) and are never negative.
struct ik_view {
  void* data;
  int32_t dtype;
  int32_t rank;
  int64_t shape[IK_MAX_RANK];
  int64_t stride[IK_MAX_RANK];
};

inline int64_t ik_numel(const ik_view& v) {
  int64_t n = 1;
  for (int32_t i = 0; i < v.rank; ++i) n *= v.shape[i];
  return n;
}

inline size_t ik_dtype_bytes(int32_t dtype) {
  switch (dtype) {
    case IK_F64: return 8;
    case IK_F32:
    case IK_I32: return 4;
    case IK_BF16:
    case IK_F16: return 2;
    default: return 1;
  }
}
