#include "state.h"

namespace ik {
namespace {
constexpr uint32_t kSlotBits = 24;
constexpr uint32_t kSlotMask = (1u << kSlotBits) - 1;
constexpr uint32_t kGenerations = 1u << 28;
}  // namespace

// A worker thread may end with tensors alive: their memory goes back before the library that owns it is closed.
State::~State() {
  pool.reset();
  for (Slot& slot : slots_)
    if (slot.device >= 0) devices[slot.device].allocator->release(slot.block);
}

std::string State::open(int32_t device, const std::string& path) {
  Library library = Library::open(path);
  if (!library.is_open() || !library.error().empty()) return library.error();
  if (library.score() == 0) return "this machine cannot run it";
  DeviceState& state = devices[device];
  if (state.allocator) return "a library for this device is already open";
  state.library = std::move(library);
  state.allocator = std::make_unique<Allocator>(state.backend());
  return "";
}

void State::set_threads(int32_t threads) {
  if (!pool || pool->threads() != threads) pool = std::make_unique<ThreadPool>(threads);
}

double State::allocate(int32_t device, size_t bytes) {
  Block block;
  if (!devices[device].allocator->allocate(bytes, block)) return -1;
  uint32_t index;
  if (free_slots_.empty()) {
    if (slots_.size() > kSlotMask) {
      devices[device].allocator->release(block);
      return -1;
    }
    index = static_cast<uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    index = free_slots_.back();
    free_slots_.pop_back();
  }
  Slot& slot = slots_[index];
  slot.block = block;
  slot.device = device;
  return static_cast<double>(index) + static_cast<double>(slot.generation) * (kSlotMask + 1.0);
}

Slot* State::find(double handle) {
  if (!(handle >= 0) || handle >= 4503599627370496.0) return nullptr;
  const auto bits = static_cast<uint64_t>(handle);
  const uint32_t index = bits & kSlotMask;
  if (index >= slots_.size()) return nullptr;
  Slot& slot = slots_[index];
  return slot.device >= 0 && slot.generation == (bits >> kSlotBits) ? &slot : nullptr;
}

bool State::release(double handle) {
  Slot* slot = find(handle);
  if (!slot) return false;
  if (!devices[slot->device].allocator->release(slot->block)) ++overwritten_guards;
  slot->device = -1;
  slot->generation = (slot->generation + 1) % kGenerations;
  free_slots_.push_back(static_cast<uint32_t>(slot - slots_.data()));
  return true;
}

int32_t State::broken_guards() {
  int32_t broken = overwritten_guards;
  for (const Slot& slot : slots_)
    if (slot.device >= 0 && !Allocator::guards_intact(slot.block)) ++broken;
  return broken;
}

void* State::scratch(size_t bytes) {
  Block block;
  if (!devices[scratch_device_].allocator->allocate(bytes, block)) return nullptr;
  scratch_.push_back(block);
  return block.data;
}

// A command's number as an integer, if it can be one: converting any other (NaN, 1e300) is undefined, and differs
// between x86 and ARM.
static bool whole(double number, int64_t& integer) {
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (!(number >= -kExact && number <= kExact)) return false;
  integer = static_cast<int64_t>(number);
  return true;
}

// A small count or index in [0, limit), or -1.
static int32_t index_below(double number, int32_t limit) {
  return number >= 0 && number < limit ? static_cast<int32_t>(number) : -1;
}

// The command, all doubles: kernel, device, inputs, outputs, attributes; the attributes; then for each view
// handle, offset, dtype, rank, shape[rank], stride[rank]. An output whose handle is -1 is allocated here (it must
// be dense) and its handle written back, so that an operation costs one call from JavaScript.
int32_t State::launch() {
  double* c = command.data();
  const double* const end = c + command.size();
  const int32_t kernel_id = index_below(c[0], IK_KERNEL_COUNT), device = index_below(c[1], kDevices);
  const auto most = static_cast<int32_t>(command.size());
  const int32_t n_in = index_below(c[2], most), n_out = index_below(c[3], most), n_attrs = index_below(c[4], 17);
  if (kernel_id < 0 || device < 0 || n_in < 0 || n_out < 0 || n_attrs < 0 || !devices[device].allocator)
    return IK_INTERNAL;
  const ik_backend* backend = devices[device].backend();
  const ik_kernel kernel = backend->kernels[kernel_id];
  if (!kernel) return IK_UNSUPPORTED;

  static const char* const layouts[] = {
#define I(name) "i"
#define D(name) "d"
#define IK_OP(name, attrs) "" attrs,
#include "ops.def"
#undef IK_OP
#undef I
#undef D
  };
  alignas(8) unsigned char attrs[16 * 8];
  const char* layout = layouts[kernel_id];
  c += 5;
  for (int32_t i = 0; i < n_attrs; ++i, ++c) {
    if (layout[i] == 'i') {
      int64_t value;
      if (!whole(*c, value)) return IK_INTERNAL;
      __builtin_memcpy(attrs + 8 * i, &value, 8);
    } else if (layout[i] == 'd') {
      __builtin_memcpy(attrs + 8 * i, c, 8);
    } else {
      return IK_INTERNAL;
    }
  }
  if (layout[n_attrs] != 0) return IK_INTERNAL;

  constexpr int32_t kInlineViews = 12;
  ik_view inline_views[kInlineViews];
  std::vector<ik_view> many;
  ik_view* views = inline_views;
  if (n_in + n_out > kInlineViews) {
    many.resize(static_cast<size_t>(n_in) + n_out);
    views = many.data();
  }
  int32_t status = IK_OK;
  double* allocated[kInlineViews];
  int32_t n_allocated = 0;
  for (int32_t i = 0; i < n_in + n_out && status == IK_OK; ++i) {
    if (c + 4 > end) { status = IK_INTERNAL; break; }
    ik_view& v = views[i];
    double* const handle = c;
    int64_t offset;
    v.dtype = index_below(c[2], IK_DTYPE_COUNT);
    v.rank = index_below(c[3], IK_MAX_RANK + 1);
    if (v.rank < 0 || v.dtype < 0 || c + 4 + 2 * v.rank > end) {
      status = IK_INTERNAL;
      break;
    }
    bool sane = whole(c[1], offset) && offset >= 0;
    c += 4;
    // In doubles, which grow large where integers would overflow.
    double last = static_cast<double>(offset), numel = 1;
    for (int32_t a = 0; a < v.rank; ++a) {
      sane = sane && whole(c[a], v.shape[a]) && whole(c[v.rank + a], v.stride[a]) && v.shape[a] >= 0 && v.stride[a] >= 0;
      if (!sane) break;
      last += static_cast<double>(v.shape[a] - 1) * static_cast<double>(v.stride[a]);
      numel *= static_cast<double>(v.shape[a]);
    }
    c += 2 * v.rank;
    if (!sane) { status = IK_INTERNAL; break; }
    const size_t width = ik_dtype_bytes(v.dtype);
    if (*handle == -1 && i >= n_in && n_allocated < kInlineViews) {
      const double bytes = numel * static_cast<double>(width);
      *handle = bytes < 9e15 ? allocate(device, static_cast<size_t>(bytes)) : -1;
      if (*handle == -1) { status = IK_OOM; break; }
      allocated[n_allocated++] = handle;
    }
    const Slot* slot = find(*handle);
    // The bounds are checked here once more, so that no mistake in TypeScript can reach memory it does not own.
    if (!slot || slot->device != device ||
        (numel > 0 && (last + 1) * static_cast<double>(width) > static_cast<double>(slot->block.bytes))) {
      status = IK_INTERNAL;
      break;
    }
    v.data = static_cast<unsigned char*>(slot->block.data) + static_cast<size_t>(offset) * width;
  }

  if (status == IK_OK) {
    scratch_device_ = device;
    ik_runtime runtime;
    runtime.threads = pool->threads();
    runtime.host = this;
    runtime.parallel = [](const ik_runtime* rt, int64_t tasks, void (*body)(void*, int64_t, int32_t), void* arg) {
      static_cast<State*>(rt->host)->pool->run(tasks, body, arg);
    };
    runtime.scratch = [](const ik_runtime* rt, size_t bytes) { return static_cast<State*>(rt->host)->scratch(bytes); };
    status = kernel(&runtime, views, n_in, views + n_in, n_out, attrs);
    for (Block& block : scratch_)
      if (!devices[device].allocator->release(block)) ++overwritten_guards;
    scratch_.clear();
  }
  if (status != IK_OK)
    for (int32_t i = 0; i < n_allocated; ++i)
      if (*allocated[i] != -1) release(*allocated[i]);
  return status;
}

}  // namespace ik
