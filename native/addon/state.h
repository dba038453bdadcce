// Everything the addon knows, one per JavaScript environment: libraries, threads, storage slots, the command buffer.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "allocator.h"
#include "library.h"
#include "thread_pool.h"

namespace ik {

// A device with an opened library and the memory it owns.
struct DeviceState {
  Library library;
  std::unique_ptr<Allocator> allocator;
  const ik_backend* backend() const { return library.table(); }
};

// A storage handle is slot + generation * 2^24: exact in a double, and a stale one is recognised, never followed.
struct Slot {
  Block block;
  uint32_t generation = 1;
  int32_t device = -1;  // -1: free
};

constexpr int32_t kDevices = 2;  // 0 cpu, 1 cuda; the order of src/devices.ts
constexpr size_t kCommandDoubles = size_t{1} << 17;

class State {
 public:
  State() : command(kCommandDoubles) {}
  ~State();

  // Returns an empty string or why not.
  std::string open(int32_t device, const std::string& path);
  void set_threads(int32_t threads);

  // A handle, or -1 when memory ran out.
  double allocate(int32_t device, size_t bytes);
  // Null for a handle that is not (or no longer) alive.
  Slot* find(double handle);
  // False when the handle was not alive.
  bool release(double handle);
  int32_t broken_guards();

  // Runs the command in `command`; see launch.cpp for its layout.
  int32_t launch();
  void* scratch(size_t bytes);

  DeviceState devices[kDevices];
  std::vector<double> command;
  std::unique_ptr<ThreadPool> pool;
  int32_t overwritten_guards = 0;

 private:
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_slots_;
  std::vector<Block> scratch_;
  int32_t scratch_device_ = 0;
};

}  // namespace ik
