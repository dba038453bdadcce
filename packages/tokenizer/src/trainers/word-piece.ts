import { AddedTokens } from '../added-tokens.js';
import { WordPieceDecoder } from '../decoders/simple.js';
import { describe, TokenizerError } from '../errors.js';
import { Vocab } from '../models/vocab.js';
import { WordPiece } from '../models/word-piece.js';
import { BertNormalizer } from '../normalizers/bert.js';
import type { Normalizer } from '../normalizers/normalizer.js';
import { BertProcessing } from '../post-processors/bert.js';
import type { PreTokenizer } from '../pre-tokenizers/pre-tokenizer.js';
import { BertPreTokenizer } from '../pre-tokenizers/simple.js';
import { Tokenizer } from '../tokenizer.js';
import { type CountOptions, countWords, cutWith } from './count-words.js';
import { learnMerges, type SymbolWords } from './learn-merges.js';
import { Pace } from './progress.js';
import type { WordCounts } from './word-counts.js';

/** The special tokens of BERT; `trainWordPiece` needs `[UNK]`, `[CLS]` and `[SEP]`. */
const BERT_TOKENS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'] as const;
const PREFIX = '##';

/** Options of `trainWordPiece`. */
export interface TrainWordPieceOptions extends CountOptions {
  /** Tokens wanted in all. Fewer come out if the texts have no more pairs, more if they have more characters. */
  vocabSize: number;
  /** A pair must occur this often to become a token; default 2. */
  minFrequency?: number;
  /** The most frequent characters that are kept; words with others lose them. Default 1000. */
  limitAlphabet?: number;
  /** Further special tokens, behind those of BERT. */
  specialTokens?: readonly string[];
  /** Default: BERT's clean-up, in lower case. */
  normalizer?: Normalizer;
  /** Default: BERT's cut. */
  preTokenizer?: PreTokenizer;
}

/**
 * Trains a WordPiece tokenizer in the way of Hugging Face: merges as for BPE, with `##` before every symbol that
 * goes on a word; the tokens alone are kept. Ids do not depend on the order of the texts but through ties.
 *
 * @param texts training texts, read once.
 * @throws {TokenizerError} E_OPTION on an option out of range; rejects with `signal.reason` when aborted.
 *
 * @example
 * ```ts
 * const tokenizer = await trainWordPiece(['unwanted, unwieldy'], { vocabSize: 40 });
 * ```
 */
export async function trainWordPiece(
  texts: Iterable<string> | AsyncIterable<string>,
  options: TrainWordPieceOptions,
): Promise<Tokenizer> {
  const { vocabSize, minFrequency = 2, limitAlphabet = 1000 } = options;
  const normalizer = options.normalizer ?? new BertNormalizer();
  const preTokenizer = options.preTokenizer ?? new BertPreTokenizer();
  const specials = [...new Set([...BERT_TOKENS, ...(options.specialTokens ?? [])])];
  check(
    Number.isInteger(vocabSize) && vocabSize > specials.length,
    'vocabSize',
    vocabSize,
    `> ${specials.length}`,
  );
  check(minFrequency >= 0, 'minFrequency', minFrequency, '>= 0');
  check(
    Number.isInteger(limitAlphabet) && limitAlphabet > 0,
    'limitAlphabet',
    limitAlphabet,
    'an integer > 0',
  );
  check(!specials.includes(''), 'specialTokens', specials, 'not empty');
  const pace = new Pace(options);

  const words = await countWords(texts, options, pace, cutWith(normalizer, preTokenizer));

  const tokens: string[] = [...specials];
  const symbols = spell(words, tokens, limitAlphabet);
  const learn = { vocabSize, minFrequency, continuingSubwordPrefix: PREFIX };
  await learnMerges(tokens, symbols, learn, pace);
  const vocab = new Vocab(tokens.map((token, id) => [token, id] as const));
  const id = (token: string) => [token, vocab.id(token)!] as const;
  return new Tokenizer({
    normalizer,
    preTokenizer,
    model: new WordPiece(vocab, { hidden: new Set(specials.keys()) }),
    postProcessor: new BertProcessing(id('[SEP]'), id('[CLS]')),
    decoder: new WordPieceDecoder(PREFIX, true),
    addedTokens: AddedTokens.special(specials.map(id)),
    config: { roles: { unk: '[UNK]', sep: '[SEP]', pad: '[PAD]', cls: '[CLS]', mask: '[MASK]' } },
  });
}

/** The words in symbols. Adds the kept characters to the tokens, in order, and their forms inside words. */
function spell(words: WordCounts, tokens: string[], limit: number): SymbolWords {
  const { counts } = words;
  const pieces = Array.from({ length: words.size }, (_, word) => [...words.piece(word)]);
  const frequency = new Map<string, number>();
  pieces.forEach((chars, word) => {
    for (const char of chars) frequency.set(char, (frequency.get(char) ?? 0) + counts[word]!);
  });
  const byPoint = (a: string, b: string) => a.codePointAt(0)! - b.codePointAt(0)!;
  const kept = [...frequency.keys()]
    .sort((a, b) => frequency.get(b)! - frequency.get(a)! || byPoint(a, b))
    .slice(0, limit)
    .sort(byPoint);
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const add = (token: string) => {
    if (ids.has(token)) return;
    ids.set(token, tokens.length);
    tokens.push(token);
  };
  kept.forEach(add);
  const alphabet = new Set(kept);
  const inside = new Set(pieces.flatMap((chars) => chars.slice(1).filter((char) => alphabet.has(char))));
  for (const char of kept) if (inside.has(char)) add(PREFIX + char);
  const starts = new Int32Array(words.size + 1);
  const symbols: number[] = [];
  pieces.forEach((chars, word) => {
    chars.forEach((char, i) => {
      if (alphabet.has(char)) symbols.push(ids.get(i > 0 ? PREFIX + char : char)!);
    });
    starts[word + 1] = symbols.length;
  });
  return { symbols: Int32Array.from(symbols), starts, counts };
}

function check(ok: boolean, subject: string, value: unknown, range: string): void {
  if (ok) return;
  throw new TokenizerError('E_OPTION', subject, {
    rule: `must be ${range}`,
    received: describe(value),
    fix: 'change the option',
  });
}
