import { AddedTokens } from '../added-tokens.js';
import { BYTE_TOKENS } from '../byte-alphabet.js';
import type { Decoder } from '../decoders/decoder.js';
import {
  ByteFallbackDecoder,
  DecoderSequence,
  Fuse,
  MetaspaceDecoder,
  ReplaceDecoder,
  StripDecoder,
} from '../decoders/simple.js';
import { describe, TokenizerError } from '../errors.js';
import { Unigram } from '../models/unigram.js';
import type { Normalizer } from '../normalizers/normalizer.js';
import { UnicodeForm } from '../normalizers/unicode-form.js';
import { Metaspace, type MetaspaceOptions } from '../pre-tokenizers/metaspace.js';
import type { PreTokenizer } from '../pre-tokenizers/pre-tokenizer.js';
import { Tokenizer } from '../tokenizer.js';
import { type CountOptions, countWords, cutWith } from './count-words.js';
import { type UnitWords, unitWords } from './piece-lattice.js';
import { Pace } from './progress.js';
import { seedPieces } from './seed-pieces.js';
import { expect, maximize, type Piece, prune } from './unigram-em.js';

/** Options of `trainUnigram`. */
export interface TrainUnigramOptions extends CountOptions {
  /** Tokens wanted in all: special tokens, bytes, characters and longer pieces. Fewer come out of little text. */
  vocabSize: number;
  /** Control tokens, which take the first ids; default `['<unk>', '<s>', '</s>']`. */
  specialTokens?: readonly string[];
  /** The special token for what no token spells; default `<unk>`, put first if it is not among them. */
  unkToken?: string;
  /** Spell characters that have no token as `<0xNN>` tokens, one a UTF-8 byte, so that nothing is lost. */
  byteFallback?: boolean;
  /** Share of the text's characters that get tokens, the most frequent first, in (0, 1]; default 1. */
  characterCoverage?: number;
  /** Longest token in characters, 2 to 64; default 16. */
  maxTokenLength?: number;
  /** Candidates to begin with; default 1,000,000. */
  seedSize?: number;
  /** Share of the candidates that a round keeps, in (0, 1); default 0.75. */
  shrinkingFactor?: number;
  /** EM steps in a round; default 2. */
  subIterations?: number;
  /** Default: NFKC; null for none. */
  normalizer?: Normalizer | null;
  /** Default: `Metaspace`, which makes spaces visible and cuts before them. */
  preTokenizer?: PreTokenizer;
}

/** How much larger than asked for the vocabulary is when the rounds end. */
const MARGIN = 1.1;

/**
 * Trains a Unigram tokenizer as SentencePiece does (Kudo 2018, arXiv 1804.10959): from the words' frequent
 * substrings, EM finds each piece's probability, the pieces whose loss would hurt the likelihood least go, and so on
 * until the vocabulary has the size asked for. Deterministic; does not depend on the order of the texts.
 *
 * Time is O(different words' characters) an EM step; a seed takes about 30 bytes a character of the different words.
 *
 * @param texts training texts, read once and not kept.
 * @throws {TokenizerError} E_OPTION on an option out of range or a vocabulary too small for the characters; rejects
 *   with `signal.reason` when aborted.
 *
 * @example
 * ```ts
 * const tokenizer = await trainUnigram(['to be or not to be'], { vocabSize: 16 });
 * tokenizer.decode(tokenizer.encodeIds('not to be')); // => 'not to be'
 * ```
 */
export async function trainUnigram(
  texts: Iterable<string> | AsyncIterable<string>,
  options: TrainUnigramOptions,
): Promise<Tokenizer> {
  const { vocabSize, unkToken = '<unk>', byteFallback = false, characterCoverage = 1 } = options;
  const { maxTokenLength = 16, seedSize = 1_000_000, shrinkingFactor = 0.75, subIterations = 2 } = options;
  const given = [...new Set(options.specialTokens ?? ['<unk>', '<s>', '</s>'])];
  const specials = given.includes(unkToken) ? given : [unkToken, ...given];
  const fixed = [...specials, ...(byteFallback ? BYTE_TOKENS : [])];
  const whole = (value: number, low: number, high = Infinity) =>
    Number.isInteger(value) && value >= low && value <= high;
  const share = (value: number) => value > 0 && value <= 1;
  check(whole(vocabSize, fixed.length + 1), 'vocabSize', vocabSize, `an integer over ${fixed.length}`);
  check(!specials.includes(''), 'specialTokens', specials, 'not empty');
  check(share(characterCoverage), 'characterCoverage', characterCoverage, 'over 0 and at most 1');
  check(whole(maxTokenLength, 2, 64), 'maxTokenLength', maxTokenLength, 'an integer from 2 to 64');
  check(whole(seedSize, 1), 'seedSize', seedSize, 'an integer of 1 or more');
  check(
    share(shrinkingFactor) && shrinkingFactor < 1,
    'shrinkingFactor',
    shrinkingFactor,
    'over 0 and below 1',
  );
  check(whole(subIterations, 1), 'subIterations', subIterations, 'an integer of 1 or more');
  const normalizer = options.normalizer === undefined ? new UnicodeForm('NFKC') : options.normalizer;
  const metaspace: MetaspaceOptions = { replacement: '▁', prependScheme: 'always', split: true };
  const preTokenizer = options.preTokenizer ?? new Metaspace(metaspace);
  const pace = new Pace(options);

  const counted = await countWords(texts, options, pace, cutWith(normalizer ?? undefined, preTokenizer));
  // Sums round by the order of what is added, which must not be that of the texts.
  const words = unitWords(counted.inOrder());
  const target = vocabSize - fixed.length;
  const characters = coveringCharacters(words, characterCoverage);
  check(
    characters.size <= target,
    'vocabSize',
    vocabSize,
    `${fixed.length + characters.size} or more, for the characters of the text`,
  );

  let pieces = seed(words, characters, maxTokenLength, seedSize, new Set(fixed));
  const enough = Math.max(characters.size, Math.floor(target * MARGIN));
  const first = pieces.length;
  for (;;) {
    // The vocabulary shrinks by a factor a round, so its logarithm tells how far the way is.
    const way =
      first > enough ? Math.log(first / Math.max(enough, pieces.length)) / Math.log(first / enough) : 1;
    const progress = { stage: 'learn', done: Math.floor(way * 0.99 * vocabSize), total: vocabSize } as const;
    await pace.rest(progress);
    for (let i = 0; i < subIterations; i++) {
      const { expected } = await expect(words, pieces, pace, progress);
      pieces = maximize(pieces, expected);
    }
    if (pieces.length <= enough) break;
    const keep = Math.max(enough, Math.floor(pieces.length * shrinkingFactor));
    pieces = await prune(words, pieces, keep, pace, progress);
  }
  pieces = finish(pieces, [...characters.keys()], target);
  const total = fixed.length + pieces.length;
  pace.report({ stage: 'learn', done: total, total });

  const specialIds = specials.map((token, id) => [token, id] as const);
  const vocab = [...fixed.map((token) => [token, 0] as const), ...pieces];
  const hidden = new Set(specials.keys());
  const decoder: Decoder = byteFallback
    ? new DecoderSequence([
        new ReplaceDecoder({ String: '▁' }, ' '),
        new ByteFallbackDecoder(),
        new Fuse(),
        new StripDecoder(' ', 1, 0),
      ])
    : new MetaspaceDecoder(metaspace);
  return new Tokenizer({
    normalizer: normalizer ?? undefined,
    preTokenizer,
    model: new Unigram(vocab, { unkId: specials.indexOf(unkToken), byteFallback, hidden }),
    decoder,
    addedTokens: AddedTokens.special(specialIds),
    config: {
      roles: {
        unk: unkToken,
        ...(specials.includes('<s>') ? { bos: '<s>' } : {}),
        ...(specials.includes('</s>') ? { eos: '</s>' } : {}),
      },
    },
  });
}

/** The most frequent characters that make up a share of the text, with their counts; of equals the smaller first. */
function coveringCharacters(words: UnitWords, share: number): Map<string, number> {
  const frequency = new Map<number, number>();
  let sum = 0;
  eachPoint(words, (point, word) => {
    frequency.set(point, (frequency.get(point) ?? 0) + words.counts[word]!);
    sum += words.counts[word]!;
  });
  const sorted = [...frequency].sort(([a, m], [b, n]) => n - m || a - b);
  let covered = 0;
  let count = 0;
  for (; count < sorted.length && covered < share * sum; count++) covered += sorted[count]![1];
  return new Map(sorted.slice(0, count).map(([point, n]) => [String.fromCodePoint(point), n]));
}

/** Visits the code points of all words. */
function eachPoint({ units, starts }: UnitWords, visit: (point: number, word: number) => void): void {
  for (let word = 0; word + 1 < starts.length; word++) {
    for (let i = starts[word]!; i < starts[word + 1]!; i++) {
      const unit = units[i]!;
      const next = i + 1 < starts[word + 1]! ? units[i + 1]! : 0;
      const pair = (unit & 0xfc00) === 0xd800 && (next & 0xfc00) === 0xdc00;
      if (pair) i++;
      visit(pair ? 0x10000 + ((unit & 0x3ff) << 10) + (next & 0x3ff) : unit, word);
    }
  }
}

/** The first pieces: the characters, and the substrings made of them, with log shares of their counts. */
function seed(
  words: UnitWords,
  characters: ReadonlyMap<string, number>,
  longest: number,
  limit: number,
  taken: ReadonlySet<string>,
): Piece[] {
  // A character without a token ends a word: no candidate holds it.
  const known = new Set(Array.from(characters.keys(), (char) => char.codePointAt(0)!));
  const points: number[] = [];
  const starts = [0];
  const counts: number[] = [];
  let last = 0;
  const close = (word: number) => {
    if (points.length === starts.at(-1)) return;
    starts.push(points.length);
    counts.push(words.counts[word]!);
  };
  eachPoint(words, (point, word) => {
    if (word !== last) close(last);
    last = word;
    if (known.has(point)) points.push(point);
    else close(word);
  });
  close(last);
  const found = {
    points: Int32Array.from(points),
    starts: Int32Array.from(starts),
    counts: Float64Array.from(counts),
  };
  const candidates: [string, number][] = [...characters];
  for (const { at, length, count } of seedPieces(found, longest, limit)) {
    const token = String.fromCodePoint(...found.points.subarray(at, at + length));
    if (!taken.has(token)) candidates.push([token, count * length]);
  }
  const total = Math.log(candidates.reduce((sum, [, count]) => sum + count, 0));
  return candidates.map(([token, count]) => [token, Math.log(count) - total]);
}

/** The characters, then the likeliest of the rest, `size` in all, likeliest first. */
function finish(pieces: readonly Piece[], characters: readonly string[], size: number): Piece[] {
  const scores = new Map(pieces);
  let lowest = pieces.reduce((low, [, score]) => Math.min(low, score), 0);
  const kept = new Map<string, number>();
  for (const char of characters) {
    // A character that EM has dropped is rarer than all that are left.
    if (!scores.has(char)) lowest -= 1e-4;
    kept.set(char, scores.get(char) ?? lowest);
  }
  const order = ([a, m]: Piece, [b, n]: Piece) => n - m || (a < b ? -1 : 1);
  for (const [token, score] of [...pieces].sort(order)) {
    if (kept.size >= size) break;
    kept.set(token, score);
  }
  return [...kept].sort(order);
}

function check(ok: boolean, subject: string, value: unknown, range: string): void {
  if (ok) return;
  throw new TokenizerError('E_OPTION', subject, {
    rule: `must be ${range}`,
    received: describe(value),
    fix: 'change the option',
  });
}
