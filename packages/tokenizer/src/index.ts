export { type AddedToken, AddedTokens, type AllowedSpecial } from './added-tokens.js';
export { AlignedText } from './aligned-text.js';
export { AppendEncoder, type Appended } from './append-encoder.js';
export type { ChatMessage, ChatOptions } from './chat.js';
export type { Role, TokenizerConfig } from './config.js';
export { DecodeStream } from './decode-stream.js';
export { ByteLevelDecoder } from './decoders/byte-level.js';
export type { Decoder } from './decoders/decoder.js';
export {
  BpeDecoder,
  ByteFallbackDecoder,
  CtcDecoder,
  DecoderSequence,
  Fuse,
  MetaspaceDecoder,
  ReplaceDecoder,
  StripDecoder,
  WordPieceDecoder,
} from './decoders/simple.js';
export { Encoding } from './encoding.js';
export type { EncoderParts, Engine, EngineFactory, TextTokens, TokenTable } from './engine.js';
export { TokenizerError, type TokenizerErrorCode } from './errors.js';
export { fromVocabAndMerges, fromVocabTxt, type VocabTxtOptions } from './legacy.js';
export { Bpe, type BpeOptions } from './models/bpe.js';
export type { Cut } from './models/lattice.js';
export type { Model } from './models/model.js';
export { Unigram, type UnigramOptions, type UnigramSampling } from './models/unigram.js';
export { Vocab } from './models/vocab.js';
export { WordLevel } from './models/word-level.js';
export { WordPiece, type WordPieceOptions } from './models/word-piece.js';
export { BertNormalizer, type BertNormalizerOptions } from './normalizers/bert.js';
export type { Normalizer } from './normalizers/normalizer.js';
export { Precompiled } from './normalizers/precompiled.js';
export { Replace } from './normalizers/replace.js';
export {
  ByteLevelNormalizer,
  Lowercase,
  Nmt,
  NormalizerSequence,
  Prepend,
  Strip,
  StripAccents,
} from './normalizers/simple.js';
export { UnicodeForm } from './normalizers/unicode-form.js';
export type { Pattern } from './pattern.js';
export { BertProcessing, RobertaProcessing } from './post-processors/bert.js';
export { ByteLevelProcessor } from './post-processors/byte-level.js';
export type { PostProcessor } from './post-processors/post-processor.js';
export {
  PostProcessorSequence,
  type TemplatePiece,
  TemplateProcessing,
  type TemplateToken,
} from './post-processors/template.js';
export { ByteLevel, type ByteLevelOptions } from './pre-tokenizers/byte-level.js';
export { Metaspace, type MetaspaceOptions } from './pre-tokenizers/metaspace.js';
export type { PreTokenizer } from './pre-tokenizers/pre-tokenizer.js';
export {
  BertPreTokenizer,
  CharDelimiterSplit,
  Digits,
  FixedLength,
  PreTokenizerSequence,
  Punctuation,
  Whitespace,
  WhitespaceSplit,
} from './pre-tokenizers/simple.js';
export { Split } from './pre-tokenizers/split.js';
export type { SplitBehavior } from './pre-tokenizers/split-text.js';
export { UnicodeScripts } from './pre-tokenizers/unicode-scripts.js';
export { fromSentencePiece } from './sentencepiece.js';
export { fromTiktoken, TIKTOKEN_ENCODINGS, type TiktokenEncoding } from './tiktoken.js';
export type { DecodeOptions } from './token-decoder.js';
export { type EncodeOptions, Tokenizer, type TokenizerParts } from './tokenizer.js';
export { type TrainBpeOptions, trainBpe } from './trainers/bpe.js';
export type { ByteWords } from './trainers/byte-words.js';
export type { CountOptions, DroppedWords } from './trainers/count-words.js';
export { type TrainFromFilesOptions, trainFromFiles } from './trainers/files.js';
export type { Pace, TrainProgress } from './trainers/progress.js';
export type { ByteMergesOptions, TrainerEngine } from './trainers/trainer-engine.js';
export { type TrainUnigramOptions, trainUnigram } from './trainers/unigram.js';
export type { ByteWordCounter, WordCounter } from './trainers/word-counter.js';
export { type TrainWordPieceOptions, trainWordPiece } from './trainers/word-piece.js';
export type { Padding, Truncation } from './truncation.js';
