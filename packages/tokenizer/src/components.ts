import { AddedTokens } from './added-tokens.js';
import { ByteLevelDecoder } from './decoders/byte-level.js';
import type { Decoder } from './decoders/decoder.js';
import * as decoders from './decoders/simple.js';
import { Fields, unknownType } from './json.js';
import { Bpe } from './models/bpe.js';
import type { Model } from './models/model.js';
import { Unigram } from './models/unigram.js';
import { WordLevel } from './models/word-level.js';
import { WordPiece } from './models/word-piece.js';
import { BertNormalizer } from './normalizers/bert.js';
import type { Normalizer } from './normalizers/normalizer.js';
import { Precompiled } from './normalizers/precompiled.js';
import { Replace } from './normalizers/replace.js';
import * as normalizers from './normalizers/simple.js';
import { UnicodeForm } from './normalizers/unicode-form.js';
import { patternFromJSON } from './pattern.js';
import { BertProcessing, RobertaProcessing } from './post-processors/bert.js';
import { ByteLevelProcessor } from './post-processors/byte-level.js';
import type { PostProcessor } from './post-processors/post-processor.js';
import { PostProcessorSequence, TemplateProcessing } from './post-processors/template.js';
import { ByteLevel } from './pre-tokenizers/byte-level.js';
import { Metaspace, metaspaceFromJSON } from './pre-tokenizers/metaspace.js';
import type { PreTokenizer } from './pre-tokenizers/pre-tokenizer.js';
import * as preTokenizers from './pre-tokenizers/simple.js';
import { Split } from './pre-tokenizers/split.js';
import { BEHAVIORS } from './pre-tokenizers/split-text.js';
import { UnicodeScripts } from './pre-tokenizers/unicode-scripts.js';
import type { TokenizerParts } from './tokenizer.js';
import { paddingFromJSON, truncationFromJSON } from './truncation.js';

/** How deep sequences may nest. */
const DEEPEST = 32;

/** Makes a component of its fields; one reader per `type`. */
type Readers<T> = Record<string, (fields: Fields, depth: number) => T>;

const normalizerReaders: Readers<Normalizer> = {
  NFC: () => new UnicodeForm('NFC'),
  NFD: () => new UnicodeForm('NFD'),
  NFKC: () => new UnicodeForm('NFKC'),
  NFKD: () => new UnicodeForm('NFKD'),
  BertNormalizer: (fields) => BertNormalizer.fromJSON(fields),
  Lowercase: () => new normalizers.Lowercase(),
  Strip: (fields) => new normalizers.Strip(fields.boolean('strip_left'), fields.boolean('strip_right')),
  StripAccents: () => new normalizers.StripAccents(),
  Replace: (fields) => Replace.fromJSON(fields),
  Prepend: (fields) => new normalizers.Prepend(fields.string('prepend')),
  Nmt: () => new normalizers.Nmt(),
  ByteLevel: () => new normalizers.ByteLevelNormalizer(),
  Precompiled: (fields) =>
    Precompiled.fromBase64(fields.raw('precompiled_charsmap'), `${fields.subject}.precompiled_charsmap`),
  Sequence: (fields, depth) =>
    new normalizers.NormalizerSequence(list(fields, 'normalizers', normalizerReaders, depth)),
};

const preTokenizerReaders: Readers<PreTokenizer> = {
  ByteLevel: (fields) => ByteLevel.fromJSON(fields),
  Metaspace: (fields) => Metaspace.fromJSON(fields),
  BertPreTokenizer: () => new preTokenizers.BertPreTokenizer(),
  Whitespace: () => new preTokenizers.Whitespace(),
  WhitespaceSplit: () => new preTokenizers.WhitespaceSplit(),
  Digits: (fields) => new preTokenizers.Digits(fields.boolean('individual_digits', false)),
  Punctuation: (fields) => new preTokenizers.Punctuation(fields.oneOf('behavior', BEHAVIORS, 'Isolated')),
  Split: (fields) => Split.fromJSON(fields),
  CharDelimiterSplit: (fields) => new preTokenizers.CharDelimiterSplit(fields.string('delimiter')),
  FixedLength: (fields) => new preTokenizers.FixedLength(fields.integer('length', 1, 2 ** 31 - 1, 5)),
  UnicodeScripts: () => new UnicodeScripts(),
  Sequence: (fields, depth) =>
    new preTokenizers.PreTokenizerSequence(list(fields, 'pretokenizers', preTokenizerReaders, depth)),
};

const postProcessorReaders: Readers<PostProcessor> = {
  ByteLevel: (fields) => ByteLevelProcessor.fromJSON(fields),
  TemplateProcessing: (fields) => TemplateProcessing.fromJSON(fields),
  BertProcessing: (fields) => BertProcessing.fromJSON(fields),
  RobertaProcessing: (fields) => RobertaProcessing.fromJSON(fields),
  Sequence: (fields, depth) =>
    new PostProcessorSequence(list(fields, 'processors', postProcessorReaders, depth)),
};

const decoderReaders: Readers<Decoder> = {
  ByteLevel: (fields) => {
    ByteLevel.fromJSON(fields);
    return new ByteLevelDecoder();
  },
  WordPiece: (fields) =>
    new decoders.WordPieceDecoder(fields.string('prefix', '##'), fields.boolean('cleanup', true)),
  Metaspace: (fields) => new decoders.MetaspaceDecoder(metaspaceFromJSON(fields)),
  ByteFallback: () => new decoders.ByteFallbackDecoder(),
  Fuse: () => new decoders.Fuse(),
  Strip: (fields) =>
    new decoders.StripDecoder(
      fields.string('content'),
      fields.integer('start', 0, 2 ** 31),
      fields.integer('stop', 0, 2 ** 31),
    ),
  Replace: (fields) => {
    const subject = `${fields.subject}.pattern`;
    const pattern = patternFromJSON(fields.raw('pattern'), subject);
    return new decoders.ReplaceDecoder(pattern, fields.string('content'), subject);
  },
  CTC: (fields) =>
    new decoders.CtcDecoder(
      fields.string('pad_token', '<pad>'),
      fields.string('word_delimiter_token', '|'),
      fields.boolean('cleanup', true),
    ),
  BPEDecoder: (fields) => new decoders.BpeDecoder(fields.string('suffix', '</w>')),
  Sequence: (fields, depth) => new decoders.DecoderSequence(list(fields, 'decoders', decoderReaders, depth)),
};

/** Reads the parts of a tokenizer.json; a component that is not known is an error, never left out. */
export function componentsFromJSON(value: unknown): TokenizerParts {
  const fields = new Fields(value, 'tokenizer');
  fields.raw('version');
  const part = <T>(name: string, readers: Readers<T>) => {
    const given = fields.raw(name);
    return given == null ? undefined : component(given, name, readers, 0);
  };
  const addedTokens = AddedTokens.fromJSON(fields.raw('added_tokens'));
  const parts = {
    addedTokens,
    normalizer: part('normalizer', normalizerReaders),
    preTokenizer: part('pre_tokenizer', preTokenizerReaders),
    postProcessor: part('post_processor', postProcessorReaders),
    decoder: part('decoder', decoderReaders),
    model: modelFromJSON(fields.raw('model'), addedTokens),
    truncation: truncationFromJSON(fields.raw('truncation')),
    padding: paddingFromJSON(fields.raw('padding')),
  };
  fields.end();
  return parts;
}

function component<T>(value: unknown, subject: string, readers: Readers<T>, depth: number): T {
  const fields = new Fields(value, subject);
  const type = fields.raw('type');
  if (typeof type !== 'string' || !Object.hasOwn(readers, type) || depth > DEEPEST) {
    throw unknownType(subject, depth > DEEPEST ? `more than ${DEEPEST} nested` : type, Object.keys(readers));
  }
  const out = readers[type]!(fields, depth);
  fields.end();
  return out;
}

function list<T>(fields: Fields, name: string, readers: Readers<T>, depth: number): T[] {
  return fields
    .array(name)
    .map((value, i) => component(value, `${fields.subject}.${name}[${i}]`, readers, depth + 1));
}

function modelFromJSON(value: unknown, addedTokens: AddedTokens): Model {
  const fields = new Fields(value, 'model');
  let type = fields.raw('type');
  // Files from before models had a type.
  if (type === undefined) {
    if (fields.raw('merges') !== undefined) type = 'BPE';
    else if (Array.isArray(fields.raw('vocab'))) type = 'Unigram';
    else if (fields.raw('max_input_chars_per_word') !== undefined) type = 'WordPiece';
  }
  // Models find tokens by spelling, so control tokens that a text spells must be kept from them.
  const special = new Set(addedTokens.list.flatMap((token) => (token.special ? [token.id] : [])));
  if (type === 'BPE') return Bpe.fromJSON(value, special);
  if (type === 'WordPiece') return WordPiece.fromJSON(value, special);
  if (type === 'WordLevel') return WordLevel.fromJSON(value, special);
  if (type === 'Unigram') return Unigram.fromJSON(value, special);
  throw unknownType('model', type, ['BPE', 'WordPiece', 'WordLevel', 'Unigram']);
}
