// ByteDecoder: ids to bytes, or straight to a JavaScript string.
#include <cstring>
#include <vector>

#include "tokenizer.h"
#include "tokenizer_arguments.h"
#include "tokenizer/utf_decode.h"

namespace ik {
namespace {

using tok::Buffer;

class ByteDecoder : public Napi::ObjectWrap<ByteDecoder> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "ByteDecoder",
                       {InstanceMethod("decode", &ByteDecoder::Decode), InstanceMethod("decodeText", &ByteDecoder::DecodeText)});
  }

  explicit ByteDecoder(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ByteDecoder>(info) {
    const Napi::Env env = info.Env();
    if (info.Length() < 1 || !info[0].IsObject()) throw wrong(env, "native: an object of options was expected");
    const auto options = info[0].As<Napi::Object>();
    read_tokens(options, bytes_, starts_);
    const auto [kinds, count] = elements<uint8_t>(options.Get("kinds"), napi_uint8_array);
    if (count != starts_.size() - 1) throw wrong(env, "native: a kind for each token was expected");
    tokens_.resize(count);
    for (size_t id = 0; id < count; ++id) {
      const uint32_t size = starts_[id + 1] - starts_[id];
      tokens_[id].kind = kinds[id];
      tokens_[id].size = size < kInline ? static_cast<uint8_t>(size) : kInline;
      if (size > 0 && size < kInline) std::memcpy(tokens_[id].bytes, &bytes_[starts_[id]], size);
    }
  }

 private:
  static constexpr uint8_t kInline = 15;
  // Four tokens to a cache line: most are copied by one move of 16 bytes that may write too much.
  struct Token {
    uint8_t bytes[14];
    uint8_t size = 0;
    uint8_t kind = 0;  // 0 text, 1 special, 2 no such token
  };
  struct Ids {
    const int32_t* data;
    size_t count;
    bool skip;  // special ones
  };

  uint32_t size_of(int32_t id) const { return starts_[static_cast<size_t>(id) + 1] - starts_[static_cast<size_t>(id)]; }

  // use(ids, their bytes); or the index of the first id that does not exist.
  template <class Use>
  Napi::Value with_ids(const Napi::CallbackInfo& info, Use&& use) const {
    const auto [data, count] = elements<int32_t>(info[0], napi_int32_array);
    const Ids ids{data, count, info[1].ToBoolean()};
    size_t total = 0;
    for (size_t i = 0; i < count; ++i) {
      const int32_t id = data[i];
      if (id < 0 || static_cast<size_t>(id) >= tokens_.size() || tokens_[static_cast<size_t>(id)].kind == 2)
        return Napi::Number::New(info.Env(), static_cast<double>(i));
      const Token& token = tokens_[static_cast<size_t>(id)];
      if (ids.skip && token.kind == 1) continue;
      total += token.size < kInline ? token.size : size_of(id);
    }
    if (total > kMostBytes) throw out_of_memory(info.Env());
    return use(ids, total);
  }

  // Writes the bytes; there is room for 16 more.
  void gather(const Ids& ids, uint8_t* out) const {
    for (size_t i = 0; i < ids.count; ++i) {
      const Token& token = tokens_[static_cast<size_t>(ids.data[i])];
      if (ids.skip && token.kind == 1) continue;
      if (token.size < kInline) {
        std::memcpy(out, &token, 16);
        out += token.size;
      } else {
        const uint32_t size = size_of(ids.data[i]);
        std::memcpy(out, &bytes_[starts_[static_cast<size_t>(ids.data[i])]], size);
        out += size;
      }
    }
  }

  // decode(ids, skipSpecial): the bytes, or the index of the first id that does not exist.
  Napi::Value Decode(const Napi::CallbackInfo& info) {
    return with_ids(info, [&](const Ids& ids, size_t total) -> Napi::Value {
      auto buffer = Napi::ArrayBuffer::New(info.Env(), total + 16);
      gather(ids, static_cast<uint8_t*>(buffer.Data()));
      return Napi::Uint8Array::New(info.Env(), total, buffer, 0);
    });
  }

  // decodeText(ids, skipSpecial): the text, or the index of the first id that does not exist.
  Napi::Value DecodeText(const Napi::CallbackInfo& info) {
    return with_ids(info, [&](const Ids& ids, size_t total) { return text_of(info.Env(), ids, total); });
  }

  Napi::Value text_of(Napi::Env env, const Ids& ids, size_t total) {
    try {
      utf8_.reserve(total + tok::kPadding);
      gather(ids, utf8_.data());
      std::memset(utf8_.data() + total, 0, tok::kPadding);
      napi_value text = nullptr;
      napi_status status;
      if (tok::is_ascii(utf8_.data(), total)) {
        status = napi_create_string_latin1(env, reinterpret_cast<const char*>(utf8_.data()), total, &text);
      } else {
        utf16_.reserve(total + tok::kPadding);
        const size_t units = tok::utf8_to_utf16(utf8_.data(), total, utf16_.data());
        status = napi_create_string_utf16(env, utf16_.data(), units, &text);
      }
      if (total > tok::kKept) forget_room();
      if (status == napi_ok) return {env, text};
    } catch (const std::bad_alloc&) {
      forget_room();
      throw out_of_memory(env);
    }
    // V8 says so where a string would be longer than it can be.
    if (env.IsExceptionPending()) throw env.GetAndClearPendingException();
    throw out_of_memory(env);
  }

  void forget_room() {
    utf8_.release();
    utf16_.release();
  }

  static constexpr size_t kMostBytes = size_t{1} << 32;
  std::vector<uint8_t> bytes_;
  std::vector<uint32_t> starts_;
  std::vector<Token> tokens_;
  Buffer<uint8_t> utf8_;
  Buffer<char16_t> utf16_;
};

}  // namespace

void ExportDecoder(Napi::Env env, Napi::Object exports) { exports.Set("ByteDecoder", ByteDecoder::define(env)); }

}  // namespace ik
