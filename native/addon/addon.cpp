// The JavaScript face of the addon: arguments in, one State per environment, numbers out. What each function does
// and throws is written at its type, NativeAddon in src/binding.ts.
#include <napi.h>

#include <cstring>

#include "map_file.h"
#include "state.h"
#include "tokenizer.h"

namespace {

using ik::State;

State& state_of(const Napi::CallbackInfo& info) { return *info.Env().GetInstanceData<State>(); }

Napi::TypeError wrong(Napi::Env env, const char* message) { return Napi::TypeError::New(env, message); }

double number(const Napi::CallbackInfo& info, size_t i) {
  if (i >= info.Length() || !info[i].IsNumber()) throw wrong(info.Env(), "native: a number was expected");
  return info[i].As<Napi::Number>().DoubleValue();
}

int32_t device_index(const Napi::CallbackInfo& info, size_t i) {
  const double device = number(info, i);
  if (!(device >= 0 && device < ik::kDevices)) throw wrong(info.Env(), "native: no such device");
  return static_cast<int32_t>(device);
}

int32_t open_device(const Napi::CallbackInfo& info, size_t i) {
  const int32_t device = device_index(info, i);
  if (!state_of(info).devices[device].allocator) throw wrong(info.Env(), "native: that device is not open");
  return device;
}

size_t byte_count(const Napi::CallbackInfo& info, size_t i) {
  const double bytes = number(info, i);
  if (!(bytes >= 0 && bytes <= 9007199254740991.0)) throw wrong(info.Env(), "native: a byte count was expected");
  return static_cast<size_t>(bytes);
}

Napi::Value Open(const Napi::CallbackInfo& info) {
  const std::string path = info[1].ToString();
  return Napi::String::New(info.Env(), state_of(info).open(device_index(info, 0), path));
}

// Opens a library only to ask how good it would be here: { score, isa, error }.
Napi::Value Probe(const Napi::CallbackInfo& info) {
  const std::string path = info[0].ToString();
  const ik::Library library = ik::Library::open(path);
  auto result = Napi::Object::New(info.Env());
  result.Set("score", library.score());
  result.Set("isa", library.table() ? library.table()->isa : "");
  result.Set("error", library.error());
  return result;
}

Napi::Value Kernels(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const ik_backend* backend = state_of(info).devices[open_device(info, 0)].backend();
  auto list = Napi::Array::New(env);
  uint32_t id = 0;
  const auto add = [&](const char* name, const char* layout) {
    auto entry = Napi::Object::New(env);
    entry.Set("name", name);
    entry.Set("layout", layout);
    entry.Set("supported", backend->kernels[id] != nullptr);
    list.Set(id++, entry);
  };
#define I(name) "i:" #name ";"
#define D(name) "d:" #name ";"
#define IK_OP(name, attrs) add(#name, "" attrs);
#include "ops.def"
#undef IK_OP
#undef I
#undef D
  return list;
}

Napi::Value SetThreads(const Napi::CallbackInfo& info) {
  const double threads = number(info, 0);
  if (!(threads >= 1 && threads <= 1024)) throw wrong(info.Env(), "native: between 1 and 1024 threads");
  state_of(info).set_threads(static_cast<int32_t>(threads));
  return info.Env().Undefined();
}

Napi::Value Allocate(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), state_of(info).allocate(open_device(info, 0), byte_count(info, 1)));
}

Napi::Value AdjustExternalMemory(const Napi::CallbackInfo& info) {
  const double change = number(info, 0);
  if (!(change >= -9007199254740991.0 && change <= 9007199254740991.0)) throw wrong(info.Env(), "native: a byte count was expected");
  const int64_t total = Napi::MemoryManagement::AdjustExternalMemory(info.Env(), static_cast<int64_t>(change));
  return Napi::Number::New(info.Env(), static_cast<double>(total));
}

struct Span {
  uint8_t* data;
  size_t bytes;
  int32_t device;
};

// The bytes [offset, offset + bytes) of a live storage, or a thrown RangeError.
Span storage_span(const Napi::CallbackInfo& info, double handle, size_t offset, size_t bytes) {
  const ik::Slot* slot = state_of(info).find(handle);
  if (!slot || offset > slot->block.bytes || bytes > slot->block.bytes - offset)
    throw Napi::RangeError::New(info.Env(), "native: outside a live storage");
  return {static_cast<uint8_t*>(slot->block.data) + offset, bytes, slot->device};
}

Napi::Value Write(const Napi::CallbackInfo& info) {
  if (info.Length() < 3 || !info[2].IsTypedArray()) throw wrong(info.Env(), "native: a typed array was expected");
  const auto source = info[2].As<Napi::TypedArray>();
  const Span to = storage_span(info, number(info, 0), byte_count(info, 1), source.ByteLength());
  const auto* from = static_cast<const uint8_t*>(source.ArrayBuffer().Data()) + source.ByteOffset();
  const int32_t status = state_of(info).devices[to.device].backend()->upload(to.data, from, to.bytes);
  return Napi::Number::New(info.Env(), status);
}

Napi::Value Read(const Napi::CallbackInfo& info) {
  if (info.Length() < 3 || !info[2].IsTypedArray()) throw wrong(info.Env(), "native: a typed array was expected");
  const auto target = info[2].As<Napi::TypedArray>();
  const Span from = storage_span(info, number(info, 0), byte_count(info, 1), target.ByteLength());
  auto* to = static_cast<uint8_t*>(target.ArrayBuffer().Data()) + target.ByteOffset();
  const int32_t status = state_of(info).devices[from.device].backend()->download(to, from.data, from.bytes);
  return Napi::Number::New(info.Env(), status);
}

Napi::Value Memory(const Napi::CallbackInfo& info) {
  const ik::Allocator& a = *state_of(info).devices[open_device(info, 0)].allocator;
  auto result = Napi::Object::New(info.Env());
  result.Set("live", static_cast<double>(a.live));
  result.Set("peak", static_cast<double>(a.peak));
  result.Set("pooled", static_cast<double>(a.pooled));
  result.Set("storages", static_cast<double>(a.blocks));
  return result;
}

Napi::Value SetMemoryLimit(const Napi::CallbackInfo& info) {
  const int32_t device = open_device(info, 0);
  state_of(info).devices[device].allocator->limit = byte_count(info, 1);
  return info.Env().Undefined();
}

Napi::Value ResetPeak(const Napi::CallbackInfo& info) {
  ik::Allocator& a = *state_of(info).devices[open_device(info, 0)].allocator;
  a.peak = a.live;
  return info.Env().Undefined();
}

Napi::Value Trim(const Napi::CallbackInfo& info) {
  state_of(info).devices[open_device(info, 0)].allocator->trim();
  return info.Env().Undefined();
}

Napi::Value SetGuards(const Napi::CallbackInfo& info) {
  const int32_t device = open_device(info, 0);
  state_of(info).devices[device].allocator->guards = info[1].ToBoolean();
  return info.Env().Undefined();
}

Napi::Value BrokenGuards(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), state_of(info).broken_guards());
}

Napi::Value CommandBuffer(const Napi::CallbackInfo& info) {
  State& state = state_of(info);
  return Napi::ArrayBuffer::New(info.Env(), state.command.data(), state.command.size() * sizeof(double));
}

// The two hot calls speak plain Node-API: the C++ wrapper's bookkeeping costs as much as the work.
napi_value Launch(napi_env env, napi_callback_info) {
  State* state = nullptr;
  napi_get_instance_data(env, reinterpret_cast<void**>(&state));
  napi_value result = nullptr;
  const int32_t status = state->launch();
  napi_create_int32(env, status, &result);
  return result;
}

napi_value Release(napi_env env, napi_callback_info info) {
  State* state = nullptr;
  napi_get_instance_data(env, reinterpret_cast<void**>(&state));
  napi_value argument, result = nullptr;
  size_t count = 1;
  double handle = -1;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  if (count == 1) napi_get_value_double(env, argument, &handle);
  napi_get_boolean(env, state->release(handle), &result);
  return result;
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new State());
  const auto set = [&](const char* name, Napi::Value (*f)(const Napi::CallbackInfo&)) {
    exports.Set(name, Napi::Function::New(env, f, name));
  };
  set("open", Open);
  set("probe", Probe);
  set("kernels", Kernels);
  set("setThreads", SetThreads);
  set("allocate", Allocate);
  set("adjustExternalMemory", AdjustExternalMemory);
  set("write", Write);
  set("read", Read);
  set("memory", Memory);
  set("setMemoryLimit", SetMemoryLimit);
  set("resetPeak", ResetPeak);
  set("trim", Trim);
  set("setGuards", SetGuards);
  set("brokenGuards", BrokenGuards);
  set("commandBuffer", CommandBuffer);
  set("mapFile", ik::MapFile);
  ik::ExportTokenizer(env, exports);
  napi_value launch, release;
  napi_create_function(env, "launch", NAPI_AUTO_LENGTH, Launch, nullptr, &launch);
  napi_create_function(env, "release", NAPI_AUTO_LENGTH, Release, nullptr, &release);
  exports.Set("launch", launch);
  exports.Set("release", release);
  return exports;
}

}  // namespace

NODE_API_MODULE(inkstone, Init)
