import { AddedTokens } from '../added-tokens.js';
import { BYTE_TO_CHAR, byteAlphabet } from '../byte-alphabet.js';
import { ByteLevelDecoder } from '../decoders/byte-level.js';
import { describe, TokenizerError } from '../errors.js';
import { Bpe } from '../models/bpe.js';
import { Vocab } from '../models/vocab.js';
import { ByteLevel } from '../pre-tokenizers/byte-level.js';
import type { PreTokenizer } from '../pre-tokenizers/pre-tokenizer.js';
import { Tokenizer } from '../tokenizer.js';
import { symbolWords } from './byte-words.js';
import { countByteWords } from './count-byte-words.js';
import { type CountOptions, checkCountOptions } from './count-words.js';
import { learnMerges } from './learn-merges.js';
import { Pace } from './progress.js';
import type { TrainerEngine } from './trainer-engine.js';

/** Options of `trainBpe`. */
export interface TrainBpeOptions extends CountOptions {
  /** Tokens wanted in all: special tokens, 256 bytes and merges. Fewer come out if the text has no more pairs. */
  vocabSize: number;
  /** A pair must occur this often to become a token; default 2. */
  minFrequency?: number;
  /** Control tokens, which take the first ids; default `['<|endoftext|>']`. */
  specialTokens?: readonly string[];
  /** Longest token in bytes, exclusive; no limit by default. */
  maxTokenLength?: number;
  /** What cuts the text; must have a `byteCutter`. Default: GPT-2's pattern without a prefix space. */
  preTokenizer?: PreTokenizer;
  /** Does the work in the place of TypeScript and finds the same tokens, sooner: see `nativeTrainer`. */
  engine?: TrainerEngine;
}

/**
 * Trains a byte-level BPE tokenizer. The merges are those of Hugging Face's `BpeTrainer` on the same texts with the
 * byte alphabet; texts are read once and not kept, only their different words are.
 *
 * @param texts training texts; a merge never crosses from one to the next.
 * @throws {TokenizerError} E_OPTION on an option out of range; rejects with `signal.reason` when aborted.
 *
 * @example
 * ```ts
 * const tokenizer = await trainBpe(['to be or not to be'], { vocabSize: 262 });
 * tokenizer.encodeIds(' be').length; // => 1
 * ```
 */
export async function trainBpe(
  texts: Iterable<string> | AsyncIterable<string>,
  options: TrainBpeOptions,
): Promise<Tokenizer> {
  const { vocabSize, minFrequency = 2, specialTokens = ['<|endoftext|>'] } = options;
  const preTokenizer = options.preTokenizer ?? new ByteLevel();
  const cut = preTokenizer.byteCutter;
  const specials = [...new Set(specialTokens)];
  check(Number.isInteger(vocabSize) && vocabSize >= 256 + specials.length, 'vocabSize', vocabSize, {
    rule: `must be an integer of at least 256 bytes + ${specials.length} special tokens`,
    fix: 'ask for a larger vocabulary',
  });
  check(minFrequency >= 0, 'minFrequency', minFrequency, { rule: 'must be 0 or more', fix: 'use 2' });
  check(!specials.some((token) => token === '' || BYTE_TO_CHAR.includes(token)), 'specialTokens', specials, {
    rule: 'must not be empty or a character of the byte alphabet',
    fix: 'use a spelling such as <|endoftext|>',
  });
  if (!cut) {
    throw new TokenizerError('E_OPTION', 'preTokenizer', {
      rule: 'must cut text into byte-level pieces that tile it',
      received: describe(preTokenizer.toJSON()),
      fix: 'use ByteLevel without addPrefixSpace',
    });
  }
  checkCountOptions(options);
  const pace = new Pace(options);

  const words = await countByteWords(texts, options, pace, cut);
  const tokens = [...specials, ...byteAlphabet()];
  const byteIds = Int32Array.from(BYTE_TO_CHAR, (char) => tokens.indexOf(char));
  const learn = { vocabSize, minFrequency, maxTokenLength: options.maxTokenLength };
  const learned = options.engine
    ? await options.engine.learn(tokens, words, { ...learn, byteIds }, pace)
    : await learnMerges(tokens, symbolWords(words, byteIds), learn, pace);

  const vocab = new Vocab(tokens.map((token, id) => [token, id] as const));
  const merges = learned.map(([left, right]) => [tokens[left]!, tokens[right]!] as const);
  const [first] = specials;
  return new Tokenizer({
    // The first special token ends texts, as in GPT-2, where it also begins them.
    config: first === undefined ? {} : { roles: { bos: first, eos: first, unk: first } },
    model: new Bpe(vocab, merges),
    preTokenizer,
    decoder: new ByteLevelDecoder(),
    addedTokens: AddedTokens.special(specials.map((content, id) => [content, id] as const)),
  });
}

function check(ok: boolean, subject: string, value: unknown, text: { rule: string; fix: string }): void {
  if (!ok) throw new TokenizerError('E_OPTION', subject, { ...text, received: describe(value) });
}
