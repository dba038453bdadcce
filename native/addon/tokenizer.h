// The tokenizer's hot loops as JavaScript classes: BpeEncoder, ByteDecoder, and for training WordCounter,
// MergeLearner and WordLattices. What each method does and throws is written at its type in src/tokenizer.ts.
#pragma once
#include <napi.h>

namespace ik {
void ExportTokenizer(Napi::Env env, Napi::Object exports);
void ExportDecoder(Napi::Env env, Napi::Object exports);
void ExportTrainer(Napi::Env env, Napi::Object exports);
void ExportUnigramTrainer(Napi::Env env, Napi::Object exports);
}
