// BpeEncoder, ByteDecoder and PairTrainer: the tokenizer's hot loops as JavaScript classes. What each method does and
// throws is written at its type in src/tokenizer.ts.
#pragma once
#include <napi.h>

namespace ik {
void ExportTokenizer(Napi::Env env, Napi::Object exports);
}
