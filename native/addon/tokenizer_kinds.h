// The kinds of encoders: what each is made of, read from JavaScript and checked, and how it encodes.
#pragma once
#include <napi.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tokenizer_arguments.h"
#include "tokenizer/encoder.h"
#include "tokenizer/unigram.h"
#include "tokenizer/word_piece.h"

namespace ik {

// A cell for each code point, `value << shift | flags | kind` with the kind in the lowest three bits: one of a character, a
// sequence of such, or what depends on its neighbours. Checked.
template <class Kind>
std::vector<uint32_t> read_cells(const Napi::Value& value, const std::vector<uint32_t>& sequences, uint32_t shift) {
  const auto [cells, count] = elements<uint32_t>(value, napi_uint32_array);
  if (count != tok::kPoints) throw wrong(value.Env(), "native: a cell for each code point was expected");
  const auto single = [&](uint32_t cell) {
    return (cell & 7) < static_cast<uint32_t>(Kind::kSequence) && cell >> shift < tok::kPoints;
  };
  for (size_t i = 0; i < count; ++i) {
    const uint32_t cell = cells[i], at = cell >> shift;
    const auto kind = static_cast<Kind>(cell & 7);
    bool good = single(cell) || kind == Kind::kElse;
    if (kind == Kind::kSequence) {
      good = at < sequences.size() && sequences[at] < sequences.size() - at;
      for (uint32_t k = 1; good && k <= sequences[at]; ++k) good = single(sequences[at + k]);
    }
    if (!good) throw wrong(value.Env(), "native: a cell that makes no sense");
  }
  return {cells, cells + count};
}

// Byte-pair encoding.
struct Bpe {
  using Encoder = tok::Encoder;
  static constexpr const char* kName = "BpeEncoder";
  static constexpr bool kLearns = false;  // of clusters

  static std::unique_ptr<Encoder> read(const Napi::Object& options) {
    const Napi::Env env = options.Env();
    tok::Vocabulary vocabulary;
    read_tokens(options, vocabulary.bytes, vocabulary.starts);
    const size_t limit = vocabulary.starts.size() - 1;
    if (limit > tok::kIdLimit) throw wrong(env, "native: too many tokens");
    vocabulary.byte_ids = read_ids(options, "byteIds", limit);
    if (vocabulary.byte_ids.size() != 256) throw wrong(env, "native: an id for each byte was expected");
    if (!options.Get("endIds").IsUndefined()) {
      vocabulary.end_ids = read_ids(options, "endIds", limit);
      if (vocabulary.end_ids.size() != 256) throw wrong(env, "native: an id for each byte was expected");
    }
    if (!options.Get("points").IsUndefined()) {
      const auto [points, size] = elements<uint32_t>(options.Get("points"), napi_uint32_array);
      vocabulary.points.assign(points, points + size);
      vocabulary.point_ids = read_ids(options, "pointIds", limit);
      if (vocabulary.point_ids.size() != size) throw wrong(env, "native: an id for each character was expected");
    }
    vocabulary.whole_pieces = options.Get("wholePieces").ToBoolean();
    const std::vector<int32_t> rules = read_ids(options, "rules", limit);
    const std::vector<int32_t> ranks = read_ids(options, "ranks", tok::kRankLimit);
    if (rules.size() != 3 * ranks.size()) throw wrong(env, "native: three ids for each rank were expected");
    return std::make_unique<Encoder>(read_scanner_with_runs(options), std::move(vocabulary),
                                     tok::PairRules(rules.data(), ranks.data(), ranks.size(), limit));
  }

  static bool encode(const Encoder& encoder, const char16_t* text, size_t units, uint32_t, bool spans, Encoder::Worker& worker,
                     tok::Tokens& out) {
    encoder.encode(text, units, spans, worker, out);
    return true;
  }

  // Merges of long pieces looked at.
  static uint64_t steps(const Encoder::Worker& worker) { return worker.merger.steps(); }
};

struct WordPiece {
  using Encoder = tok::WordPieceEncoder;
  static constexpr const char* kName = "WordPieceEncoder";
  static constexpr bool kLearns = false;  // of clusters

  static std::unique_ptr<Encoder> read(const Napi::Object& options) {
    const Napi::Env env = options.Env();
    tok::WordPieceVocabulary vocabulary;
    read_tokens(options, vocabulary.bytes, vocabulary.starts);
    const auto [prefix, prefix_size] = elements<uint8_t>(options.Get("prefix"), napi_uint8_array);
    vocabulary.prefix.assign(prefix, prefix + prefix_size);
    const double unknown = options.Get("unknown").ToNumber();
    if (!(unknown >= 0 && unknown < static_cast<double>(vocabulary.starts.size() - 1)))
      throw wrong(env, "native: an id out of range");
    vocabulary.unknown = static_cast<int32_t>(unknown);
    vocabulary.most_characters = options.Get("mostCharacters").ToNumber();
    const auto [sequences, size] = elements<uint32_t>(options.Get("sequences"), napi_uint32_array);
    vocabulary.sequences.assign(sequences, sequences + size);
    vocabulary.cells = read_cells<tok::CellKind>(options.Get("cells"), vocabulary.sequences, 3);
    return std::make_unique<Encoder>(std::move(vocabulary));
  }

  static bool encode(const Encoder& encoder, const char16_t* text, size_t units, uint32_t, bool spans, Encoder::Worker& worker,
                     tok::Tokens& out) {
    return encoder.encode(text, units, spans, worker, out);
  }

  static uint64_t steps(const Encoder::Worker&) { return 0; }
};

struct Unigram {
  using Encoder = tok::UnigramEncoder;
  static constexpr const char* kName = "UnigramEncoder";
  static constexpr bool kLearns = true;

  static std::unique_ptr<Encoder> read(const Napi::Object& options) {
    const Napi::Env env = options.Env();
    tok::UnigramVocabulary vocabulary;
    read_tokens(options, vocabulary.bytes, vocabulary.starts);
    const size_t limit = vocabulary.starts.size() - 1;
    const auto [scores, size] = elements<double>(options.Get("scores"), napi_float64_array);
    if (size != limit) throw wrong(env, "native: a score for each token was expected");
    vocabulary.scores.assign(scores, scores + size);
    if (!options.Get("byteIds").IsUndefined()) {
      const auto [ids, count] = elements<int32_t>(options.Get("byteIds"), napi_int32_array);
      if (count != 256) throw wrong(env, "native: an id for each byte was expected");
      vocabulary.byte_ids.assign(ids, ids + count);
      for (const int32_t id : vocabulary.byte_ids)
        if (id >= 0 && static_cast<size_t>(id) >= limit) throw wrong(env, "native: an id out of range");
    }
    const double unknown = options.Get("unknown").ToNumber();
    if (!(unknown >= -1 && unknown < static_cast<double>(limit))) throw wrong(env, "native: an id out of range");
    vocabulary.unknown = static_cast<int32_t>(unknown);
    vocabulary.unknown_score = options.Get("unknownScore").ToNumber();
    vocabulary.single_precision = options.Get("singlePrecision").ToBoolean();
    return std::make_unique<Encoder>(std::move(vocabulary), read_rules(options.Get("rules").As<Napi::Object>()));
  }

  static tok::TextRules read_rules(const Napi::Object& options) {
    const Napi::Env env = options.Env();
    tok::TextRules rules;
    const auto [sequences, size] = elements<uint32_t>(options.Get("sequences"), napi_uint32_array);
    rules.sequences.assign(sequences, sequences + size);
    rules.cells = read_cells<tok::PartKind>(options.Get("cells"), rules.sequences, tok::kValueShift);
    if (!options.Get("normalCells").IsUndefined())
      rules.normal_cells = read_cells<tok::PartKind>(options.Get("normalCells"), rules.sequences, tok::kValueShift);
    rules.words = options.Get("words").ToBoolean();
    rules.visible = options.Get("visible").ToBoolean();
    rules.collapses = options.Get("collapses").ToBoolean();
    rules.prefix = options.Get("prefix").ToBoolean();
    const double lead = options.Get("lead").ToNumber();
    if (!(lead == 0 || lead == 1 || lead == 2)) throw wrong(env, "native: no such lead");
    rules.lead = static_cast<tok::Lead>(lead);
    rules.marks = options.Get("marks").ToBoolean();
    return rules;
  }

  static bool encode(const Encoder& encoder, const char16_t* text, size_t units, uint32_t place, bool spans,
                     Encoder::Worker& worker, tok::Tokens& out) {
    return encoder.encode(text, units, place, spans, worker, out);
  }

  // learn(cluster, parts), as UnigramEncoder of src/tokenizer.ts says.
  static void learn(Encoder& encoder, const Napi::Value& units, const Napi::Value& parts) {
    const Napi::Env env = parts.Env();
    if (!units.IsString()) throw wrong(env, "native: a string was expected");
    std::u16string key = units.As<Napi::String>().Utf16Value();
    tok::Cluster cluster;
    if (!parts.IsUndefined()) {
      const auto [data, size] = elements<uint32_t>(parts, napi_uint32_array);
      if (size % 3 != 0) throw wrong(env, "native: three numbers for each character were expected");
      for (const uint32_t* p = data; p < data + size; p += 3) {
        const bool good = (p[0] & 7) < static_cast<uint32_t>(tok::PartKind::kGone) && p[0] >> tok::kValueShift < tok::kPoints &&
                          p[1] < p[2] && p[2] <= key.size();
        if (!good) throw wrong(env, "native: a cluster that makes no sense");
        cluster.parts.push_back({p[0], p[1], p[2]});
      }
      cluster.settled = true;
    }
    encoder.learn(std::move(key), std::move(cluster));
  }

  // Characters looked at to find tokens.
  static uint64_t steps(const Encoder::Worker& worker) { return worker.steps; }
};

}  // namespace ik
