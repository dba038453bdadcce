import { AddedTokens } from './added-tokens.js';
import type { Decoder } from './decoders/decoder.js';
import { Denormalize } from './decoders/denormalize.js';
import {
  ByteFallbackDecoder,
  DecoderSequence,
  Fuse,
  ReplaceDecoder,
  StripDecoder,
} from './decoders/simple.js';
import { describe, TokenizerError } from './errors.js';
import { Bpe } from './models/bpe.js';
import type { Model } from './models/model.js';
import { SentenceWords } from './models/sentence-words.js';
import { Unigram } from './models/unigram.js';
import { Vocab } from './models/vocab.js';
import type { Normalizer } from './normalizers/normalizer.js';
import { Precompiled } from './normalizers/precompiled.js';
import { Replace } from './normalizers/replace.js';
import { NormalizerSequence, Prepend } from './normalizers/simple.js';
import { Metaspace } from './pre-tokenizers/metaspace.js';
import type { PreTokenizer } from './pre-tokenizers/pre-tokenizer.js';
import { PreTokenizerSequence } from './pre-tokenizers/simple.js';
import { Split } from './pre-tokenizers/split.js';
import { bitsToFloat, readProto } from './protobuf.js';
import { Tokenizer } from './tokenizer.js';

/** Types of pieces, as numbered in sentencepiece_model.proto. */
const NORMAL = 1;
const UNKNOWN = 2;
const CONTROL = 3;
const USER_DEFINED = 4;
const BYTE = 6;

const UNIGRAM = 1;
const BPE = 2;
const WORD = 3;
const CHAR = 4;
const SPACE = '\u2581';

interface Piece {
  token: string;
  score: number;
  type: number;
}

/** How texts are rewritten: before they are cut, or once they are decoded. */
interface NormalizerSpec {
  charsmap: Uint8Array;
  dummyPrefix: boolean;
  removeExtraSpaces: boolean;
  escapeSpaces: boolean;
}

/** What a model file says. */
interface ModelProto {
  pieces: Piece[];
  modelType: number;
  byteFallback: boolean;
  suffixSpace: boolean;
  normalizer: NormalizerSpec;
  /** Does nothing without rules. */
  denormalizer: NormalizerSpec;
}

/**
 * A tokenizer from a SentencePiece `.model` file: BPE, Unigram, words or characters (Kudo and Richardson 2018, arXiv
 * 1808.06226; field numbers of sentencepiece_model.proto). Control pieces become special tokens; nothing is put around a
 * text. A model of words and one with rules for decoded text cannot be written to tokenizer.json.
 *
 * @param bytes the content of the file.
 * @throws {TokenizerError} E_FORMAT on bytes that are no such file, E_UNSUPPORTED on a model of another type.
 *
 * @example
 * ```ts
 * const tokenizer = fromSentencePiece(await readFile('tokenizer.model'));
 * ```
 */
export function fromSentencePiece(bytes: Uint8Array): Tokenizer {
  const proto = readModel(bytes);
  const { pieces } = proto;
  const userDefined = pieces.filter((piece) => piece.type === USER_DEFINED).map((piece) => piece.token);
  return new Tokenizer({
    normalizer: normalizer(proto.normalizer, 'normalizer_spec', proto.suffixSpace, userDefined),
    preTokenizer: preTokenizer(proto, userDefined),
    model: model(proto, userDefined),
    decoder: decoder(proto),
    addedTokens: AddedTokens.special(
      pieces.flatMap(({ token, type }, id) =>
        type === CONTROL || type === UNKNOWN ? [[token, id] as const] : [],
      ),
    ),
  });
}

function readModel(bytes: Uint8Array): ModelProto {
  const utf8 = new TextDecoder();
  const out: ModelProto = {
    pieces: [],
    modelType: UNIGRAM,
    byteFallback: false,
    suffixSpace: false,
    normalizer: {
      charsmap: new Uint8Array(0),
      dummyPrefix: true,
      removeExtraSpaces: true,
      escapeSpaces: true,
    },
    denormalizer: {
      charsmap: new Uint8Array(0),
      dummyPrefix: true,
      removeExtraSpaces: true,
      escapeSpaces: true,
    },
  };
  const specs = new Set<number>();
  const readPiece = (message: Uint8Array) => {
    const piece: Piece = { token: '', score: 0, type: NORMAL };
    for (const field of readProto(message, 'pieces')) {
      if (field.number === 1 && field.bytes) piece.token = utf8.decode(field.bytes);
      else if (field.number === 2 && field.value !== undefined) piece.score = bitsToFloat(field.value);
      else if (field.number === 3 && field.value !== undefined) piece.type = field.value;
    }
    out.pieces.push(piece);
  };
  for (const { number, bytes: message } of readProto(bytes, 'sentencepiece model')) {
    if (!message) continue;
    if (number === 2 || number === 3) specs.add(number);
    if (number === 1) readPiece(message);
    if (number === 2) {
      for (const { number: name, value } of readProto(message, 'trainer_spec')) {
        if (name === 3) out.modelType = value ?? UNIGRAM;
        if (name === 24) out.suffixSpace = value === 1;
        if (name === 35) out.byteFallback = value === 1;
      }
    }
    if (number === 3) readSpec(message, 'normalizer_spec', out.normalizer);
    if (number === 5) readSpec(message, 'denormalizer_spec', out.denormalizer);
  }
  if (!specs.has(2) || !specs.has(3)) {
    throw new TokenizerError('E_FORMAT', 'sentencepiece model', {
      rule: 'must hold pieces, trainer_spec and normalizer_spec',
      received: `${out.pieces.length} pieces and ${specs.size} of the others`,
      fix: 'check that the file is complete',
    });
  }
  check(out);
  return out;
}

function readSpec(message: Uint8Array, subject: string, spec: NormalizerSpec): void {
  for (const { number, value, bytes } of readProto(message, subject)) {
    if (number === 2 && bytes) spec.charsmap = bytes;
    if (number === 3) spec.dummyPrefix = value === 1;
    if (number === 4) spec.removeExtraSpaces = value === 1;
    if (number === 5) spec.escapeSpaces = value === 1;
  }
}

function check({ pieces, modelType }: ModelProto): void {
  if (pieces.length === 0) {
    throw new TokenizerError('E_FORMAT', 'sentencepiece model', {
      rule: 'must hold pieces',
      received: 'none',
      fix: 'check that the file is complete',
    });
  }
  if (![UNIGRAM, BPE, WORD, CHAR].includes(modelType)) {
    throw new TokenizerError('E_UNSUPPORTED', 'sentencepiece model', {
      rule: 'must be of type unigram (1), bpe (2), word (3) or char (4)',
      received: describe(modelType),
      fix: 'train it as one of these',
    });
  }
  if (modelType === WORD && !pieces.some(({ type }) => type === UNKNOWN)) {
    throw new TokenizerError('E_FORMAT', 'sentencepiece model', {
      rule: 'must hold an unknown piece',
      received: 'none',
      fix: 'check that the file is complete',
    });
  }
}

/** @param kept symbols that no rule touches. */
function normalizer(
  { charsmap, dummyPrefix, removeExtraSpaces, escapeSpaces }: NormalizerSpec,
  subject: string,
  suffixSpace = false,
  kept: readonly string[] = [],
): Normalizer {
  const steps: Normalizer[] = [];
  const space = escapeSpaces ? SPACE : ' ';
  if (charsmap.length > 0) steps.push(new Precompiled(charsmap, subject, 'longest', kept));
  if (removeExtraSpaces) {
    // At the end SentencePiece looks for the escaped form, so a spelled one goes too.
    const end = escapeSpaces ? `[ ${SPACE}]` : ' ';
    steps.push(new Replace({ Regex: `\\A +|${end}+\\z` }, ''), new Replace({ Regex: ' {2,}' }, ' '));
  }
  if (dummyPrefix) steps.push(suffixSpace ? new Replace({ Regex: '\\z' }, space) : new Prepend(space));
  if (escapeSpaces) steps.push(new Replace({ String: ' ' }, SPACE));
  return new NormalizerSequence(steps);
}

/** True if texts can spell a piece of this type. */
function inText(type: number): boolean {
  return type === NORMAL || type === USER_DEFINED;
}

/** User-defined symbols stand alone; and where no merge crosses a space, words can be looked at one by one. */
function preTokenizer(
  { pieces, modelType, normalizer: { escapeSpaces } }: ModelProto,
  userDefined: string[],
): PreTokenizer | undefined {
  const steps: PreTokenizer[] = [];
  // A word is looked up with all that is in it.
  if (modelType === WORD) return undefined;
  if (userDefined.length > 0) {
    const longestFirst = [...userDefined].sort((a, b) => b.length - a.length);
    const pattern = longestFirst.map((token) => token.replace(/[\\^$.*+?()[\]{}|#\s-]/g, '\\$&')).join('|');
    steps.push(new Split({ Regex: pattern }, 'Isolated', false));
  }
  const space = escapeSpaces ? SPACE : ' ';
  // An unknown space is one token with unknown neighbours.
  const known = pieces.some(({ token, type }) => token === space && inText(type));
  if (modelType === BPE && known && !pieces.some(({ token }) => token.lastIndexOf(space) > 0)) {
    steps.push(
      escapeSpaces
        ? new Metaspace({ replacement: SPACE, prependScheme: 'never', split: true })
        : new Split({ String: ' ' }, 'MergedWithNext', false),
    );
  }
  return steps.length > 0 ? new PreTokenizerSequence(steps) : undefined;
}

function model({ pieces, modelType, byteFallback }: ModelProto, userDefined: string[]): Model {
  const unkId = pieces.findIndex(({ type }) => type === UNKNOWN);
  const hidden = new Set(pieces.flatMap(({ type }, id) => (inText(type) ? [] : [id])));
  // Characters are pieces that no other piece competes with, but for the symbols of the user.
  if (modelType === UNIGRAM || modelType === CHAR) {
    // A symbol of the user scores as certain: nothing that it could be cut into scores more.
    const vocab = pieces.map(({ token, score, type }) => [token, type === USER_DEFINED ? 0 : score] as const);
    return new Unigram(vocab, {
      ...(unkId >= 0 ? { unkId } : {}),
      byteFallback,
      hidden,
      singlePrecision: true,
    });
  }
  const vocab = new Vocab(
    pieces.map(({ token }, id) => [token, id] as const),
    'pieces',
  );
  if (modelType === WORD) return new SentenceWords(vocab, unkId, hidden);
  // The higher the score of what two pieces make, the sooner they merge.
  const order = pieces
    .map(({ token, score, type }, id) => ({ token, score, type, id }))
    .filter(({ type }) => inText(type))
    .sort((a, b) => b.score - a.score || a.id - b.id);
  const mergeable = new Set(order.map(({ token }) => token));
  const merges: [string, string][] = [];
  const ranks: number[] = [];
  order.forEach(({ token, type }, rank) => {
    if (type === USER_DEFINED) return;
    for (let i = 1; i < token.length; i++) {
      const left = token.slice(0, i);
      const right = token.slice(i);
      if (!mergeable.has(left) || !mergeable.has(right)) continue;
      merges.push([left, right]);
      ranks.push(rank);
    }
  });
  const unkToken = pieces[unkId]?.token;
  return new Bpe(vocab, merges, {
    ...(unkToken === undefined ? {} : { unkToken }),
    fuseUnk: true,
    byteFallback,
    mergeRanks: Int32Array.from(ranks),
    wholePieces: new Set(userDefined),
  });
}

function decoder({ normalizer: { dummyPrefix, escapeSpaces }, denormalizer, pieces }: ModelProto): Decoder {
  const steps: Decoder[] = [new ReplaceDecoder({ String: SPACE }, ' ')];
  if (pieces.some(({ type }) => type === BYTE)) steps.push(new ByteFallbackDecoder());
  steps.push(new Fuse());
  // SentencePiece takes an escape from the beginning, and a space that is none stays.
  if (dummyPrefix && escapeSpaces) steps.push(new StripDecoder(' ', 1, 0));
  if (denormalizer.charsmap.length > 0)
    steps.push(new Denormalize(normalizer(denormalizer, 'denormalizer_spec')));
  return new DecoderSequence(steps);
}
