// mapFile(path): a file's bytes as an ArrayBuffer, paged in by the operating system when touched.
#pragma once
#include <napi.h>

namespace ik {
Napi::Value MapFile(const Napi::CallbackInfo& info);
}
