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
import { type Normalizer, normalizedText } from '../normalizers/normalizer.js';
import { UnicodeForm } from '../normalizers/unicode-form.js';
import { Metaspace, type MetaspaceOptions } from '../pre-tokenizers/metaspace.js';
import { cutMarks, type PreTokenizer } from '../pre-tokenizers/pre-tokenizer.js';
import { Tokenizer } from '../tokenizer.js';
import { toWellFormed } from '../unicode.js';
import { type ByteWords, byteWords } from './byte-words.js';
import { countByteWords } from './count-byte-words.js';
import { type CountOptions, countWords, cutWith } from './count-words.js';
import { PieceLattices } from './piece-lattices.js';
import { Pace } from './progress.js';
import type { TrainerEngine } from './trainer-engine.js';
import { maximize, prune, withUnknown } from './unigram-em.js';
import type { CharacterCounts, Seed } from './word-lattices.js';

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
  /** Candidates to begin with, at most 2^25; default 1,000,000. */
  seedSize?: number;
  /** Share of the candidates that a round keeps, in (0, 1); default 0.75. */
  shrinkingFactor?: number;
  /** EM steps in a round; default 2. */
  subIterations?: number;
  /** Default: NFKC; null for none. */
  normalizer?: Normalizer | null;
  /** Default: `Metaspace`, which makes spaces visible and cuts before them. */
  preTokenizer?: PreTokenizer;
  /** Does the work in the place of TypeScript and finds the same tokens and scores, sooner: see `nativeTrainer`. */
  engine?: TrainerEngine;
}

/** A token with its log probability in nats. */
type Piece = readonly [token: string, score: number];

/** How much larger than asked for the vocabulary is when the rounds end. */
const MARGIN = 1.1;

/**
 * Trains a Unigram tokenizer as SentencePiece does (Kudo 2018, arXiv 1804.10959): from the words' frequent
 * substrings, EM finds each piece's probability, the pieces whose loss would hurt the likelihood least go, and so on
 * until the vocabulary has the size asked for. Deterministic; does not depend on the order of the texts.
 *
 * Time is O(different words' characters) an EM step; a seed takes about 30 bytes a character of the different words, and
 * training then 4 bytes for each place at which a piece stands.
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
  check(whole(seedSize, 1, 2 ** 25), 'seedSize', seedSize, 'an integer from 1 to 2^25');
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

  const words = await countPieces(texts, options, pace, normalizer ?? undefined, preTokenizer);
  const lattices = options.engine ? options.engine.lattices(words) : new PieceLattices(words);
  const target = vocabSize - fixed.length;
  const characters = coveringCharacters(lattices.characters(), characterCoverage);
  check(
    characters.length <= target,
    'vocabSize',
    vocabSize,
    `${fixed.length + characters.length} or more, for the characters of the text`,
  );

  const seed = lattices.seed(characters, maxTokenLength, seedSize);
  /** The seed's ids of the pieces left. */
  let left = candidates(seed, characters.length, fixed);
  lattices.keep(left);
  let scores = logShares(seed, left);
  const keep = (kept: Int32Array) => {
    lattices.keep(kept);
    left = kept.map((id) => left[id - 1]!);
  };
  const enough = Math.max(characters.length, Math.floor(target * MARGIN));
  const first = left.length;
  for (;;) {
    // The vocabulary shrinks by a factor a round, so its logarithm tells how far the way is.
    const way =
      first > enough ? Math.log(first / Math.max(enough, left.length)) / Math.log(first / enough) : 1;
    const progress = { stage: 'learn', done: Math.floor(way * 0.99 * vocabSize), total: vocabSize } as const;
    await pace.rest(progress);
    for (let i = 0; i < subIterations; i++) {
      const next = maximize(await lattices.expect(scores.map(Math.exp), pace, progress));
      keep(next.kept);
      scores = next.scores;
    }
    if (left.length <= enough) break;
    const size = Math.max(enough, Math.floor(left.length * shrinkingFactor));
    const kept = prune(await lattices.cut(scores, pace, progress), size);
    keep(kept);
    scores = withUnknown(pick(scores, kept));
  }
  const spelled = Array.from(left, (id, i): Piece => [spell(seed, id), scores[i + 1]!]);
  const pieces = finish(
    spelled,
    Array.from(characters, (point) => String.fromCodePoint(point)),
    target,
  );
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

/** Counts the words of texts, by the engine where it can. */
async function countPieces(
  texts: Iterable<string> | AsyncIterable<string>,
  options: TrainUnigramOptions,
  pace: Pace,
  normalizer: Normalizer | undefined,
  preTokenizer: PreTokenizer,
): Promise<ByteWords> {
  const mark = preTokenizer instanceof Metaspace && preTokenizer.textMarker();
  if (!mark) return byteWords(await countWords(texts, options, pace, cutWith(normalizer, preTokenizer)));
  const prepare = (text: string) => mark(normalizedText(toWellFormed(text), normalizer));
  return countByteWords(texts, options, pace, cutMarks, prepare);
}

/** The most frequent characters that make up a share of the text; of equals the smaller first. */
function coveringCharacters({ points, counts }: CharacterCounts, share: number): Int32Array {
  const order = Int32Array.from(points.keys()).sort(
    (a, b) => counts[b]! - counts[a]! || points[a]! - points[b]!,
  );
  const sum = counts.reduce((a, b) => a + b, 0);
  let covered = 0;
  let count = 0;
  for (; count < order.length && covered < share * sum; count++) covered += counts[order[count]!]!;
  return order.subarray(0, count).map((i) => points[i]!);
}

function spell({ points, starts }: Seed, id: number): string {
  return String.fromCodePoint(...points.subarray(starts[id - 1]!, starts[id]!));
}

/** The ids of the seed's pieces but for those that spell other tokens; characters stay. */
function candidates(seed: Seed, characters: number, taken: readonly string[]): Int32Array {
  const { points, starts, counts } = seed;
  const others = new Set(taken);
  const heads = new Set(taken.map((token) => token.codePointAt(0)));
  const out = new Int32Array(counts.length);
  let size = 0;
  for (let id = 1; id <= counts.length; id++) {
    const free = id <= characters || !heads.has(points[starts[id - 1]!]!) || !others.has(spell(seed, id));
    if (free) out[size++] = id;
  }
  return out.subarray(0, size);
}

/** The numbers of some ids, by the ids that those have from now on. */
function pick(numbers: Float64Array, kept: Int32Array): Float64Array {
  const out = new Float64Array(kept.length + 1);
  for (let i = 0; i < kept.length; i++) out[i + 1] = numbers[kept[i]!]!;
  return out;
}

/** The first scores: log shares of count times length. */
function logShares({ starts, counts }: Seed, ids: Int32Array): Float64Array {
  const scores = new Float64Array(ids.length + 1);
  let sum = 0;
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!;
    sum += scores[i + 1] = counts[id - 1]! * (starts[id]! - starts[id - 1]!);
  }
  const total = Math.log(sum);
  for (let i = 1; i < scores.length; i++) scores[i] = Math.log(scores[i]!) - total;
  return withUnknown(scores);
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
