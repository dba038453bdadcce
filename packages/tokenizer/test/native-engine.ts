/** What the tests of the native engine share: tokenizers in two ways, and texts that tell them apart. */
import { loadAddon } from '@inkstone/native';
import fc from 'fast-check';
import { AddedTokens } from '../src/added-tokens.js';
import { Bpe } from '../src/models/bpe.js';
import { Vocab } from '../src/models/vocab.js';
import { useNative } from '../src/native.js';
import { Lowercase, NormalizerSequence, Strip } from '../src/normalizers/simple.js';
import { UnicodeForm } from '../src/normalizers/unicode-form.js';
import { ByteLevel } from '../src/pre-tokenizers/byte-level.js';
import {
  CL100K_PATTERN,
  QWEN2_PATTERN,
  TIKTOKEN_CL100K_PATTERN,
} from '../src/pre-tokenizers/known-patterns.js';
import { O200K_PATTERN } from '../src/pre-tokenizers/o200k-cutter.js';
import { PreTokenizerSequence } from '../src/pre-tokenizers/simple.js';
import { Split } from '../src/pre-tokenizers/split.js';
import { Tokenizer } from '../src/tokenizer.js';
import { trainBpe } from '../src/trainers/bpe.js';
import { anyText as textOf } from './any-text.js';
import { fixture } from './fixture.js';
import { expectSame } from './same.js';

/** Why the addon is not there; empty where it is. */
export const absent = (() => {
  try {
    loadAddon();
    return '';
  } catch (error) {
    return (error as Error).message;
  }
})();

/** The title of tests that need the addon, with the reason where they are skipped. */
export function nativeTitle(name: string): string {
  return absent ? `skipped: ${name} (${absent})` : name;
}

export const golden = fixture<{ texts: string[] }>('bpe-train.json');

/** Units and words that patterns and UTF-8 treat in ways of their own, lone surrogates among them. */
const special = [
  ...[
    ' ',
    '  ',
    '\t',
    '\n',
    '\r\n',
    '\n\n',
    '\u00a0',
    '\u3000',
    '\u0085',
    '\0',
    '\ufeff',
    '\ufffd',
    '\u200d',
  ],
  ..."'s 'RE 'ſ 'll ' '' 'v".split(' '),
  ...'👩‍👩‍👧 🙂 \ud83d \ude42 𝕏 𐐀 é e\u0301 \u0301 ǅ 砚 墨水 你好,世界。 ภาษาไทย ที่ مرحبا हिन्दी 한국어 Привет'.split(
    ' ',
  ),
  ...'ﬁ ªº Ⅷ ² ½ ٣ १२३ 1 1234567 a A AAb aB the tion / //\n ... ^ _ { <|endoftext|> <|pad|>'.split(' '),
  ' the',
];
export const anyText = textOf(special, golden.texts, ['a', ' ', '砚', '🙂', 'ab'], 300);

const sequence = (pattern: string) =>
  new PreTokenizerSequence([
    new Split({ Regex: pattern }, 'Isolated', false),
    new ByteLevel({ useRegex: false }),
  ]);
export const preTokenizers = {
  gpt2: new ByteLevel(),
  'gpt2 with a space before': new ByteLevel({ addPrefixSpace: true }),
  whole: new ByteLevel({ useRegex: false }),
  cl100k: sequence(CL100K_PATTERN),
  'cl100k of tiktoken': sequence(TIKTOKEN_CL100K_PATTERN),
  qwen2: sequence(QWEN2_PATTERN),
  o200k: sequence(O200K_PATTERN),
};

/** Merges and vocabulary of a byte-level model. */
export function rulesOf(tokenizer: Tokenizer) {
  return tokenizer.model.toJSON() as { merges: [string, string][]; vocab: Record<string, number> };
}

let training: Promise<Tokenizer> | undefined;

/** A trained model with other parts: merges as they are, or tiktoken's ranks, by which whole pieces are tokens. */
export async function bytePair(name: keyof typeof preTokenizers, ranked: boolean) {
  training ??= trainBpe(golden.texts, { vocabSize: 700, specialTokens: ['<|endoftext|>', '<|pad|>'] });
  const trained = await training;
  const { merges, vocab } = rulesOf(trained);
  const mergeRanks = Int32Array.from(merges, ([left, right]) => vocab[left + right]!);
  const options = ranked ? { ignoreMerges: true, mergeRanks } : {};
  const model = new Bpe(Vocab.fromJSON(vocab), merges, options);
  const plain = trained.with({ model, preTokenizer: preTokenizers[name] });
  return { plain, native: useNative(plain, { threads: 2 }) };
}

interface LlamaJson {
  model: { vocab: Record<string, number>; merges: string[][] };
  normalizer: { normalizers: object[] };
  added_tokens: { special: boolean }[];
}

/** The tokenizer of the Llama 2 kind without added tokens that are words, and with other merges and normalizer. */
export function characterPair(across: boolean, prepend: boolean) {
  const { tokenizer: json } = fixture<{ tokenizer: LlamaJson }>('whole-llama.json');
  const { model, normalizer, added_tokens } = json;
  const joins = ([left, right]: string[]) => /[^▁]▁/.test(left! + right!);
  const more = [
    ['e', '▁'],
    ['▁', '▁'],
    ['d', '▁▁'],
    ['e▁', 'a'],
  ];
  const merges = across ? [...model.merges, ...more] : model.merges.filter((pair) => !joins(pair));
  const vocab = { ...model.vocab };
  if (across) for (const pair of more) vocab[pair.join('')] ??= Object.keys(vocab).length;
  const plain = Tokenizer.fromJSON({
    ...json,
    model: { ...model, merges, vocab },
    normalizer: { ...normalizer, normalizers: normalizer.normalizers.slice(prepend ? 0 : 1) },
    added_tokens: added_tokens.filter(({ special }) => special),
  });
  return { plain, native: useNative(plain, { threads: 2 }) };
}

const word = { id: 5, singleWord: false, lstrip: false, rstrip: false };
/** Added tokens of every kind, words among them. */
export const addedWords = new AddedTokens([
  { ...word, id: 1000, content: 'ink', normalized: true, special: false },
  { ...word, id: 1001, content: 'Stone', normalized: true, special: false, lstrip: true },
  { ...word, id: 1002, content: '<x>', normalized: false, special: false, rstrip: true },
  { ...word, id: 1003, content: '<s>', normalized: false, special: true },
  { ...word, id: 1004, content: '<y>', normalized: true, special: true },
]);

export const normalizers = {
  none: undefined,
  NFC: new UnicodeForm('NFC'),
  'NFKD and lower case': new NormalizerSequence([new UnicodeForm('NFKD'), new Lowercase()]),
  'without spaces around': new Strip(true, true),
};

/** Text that normalizers change, and that spells added tokens. */
const changing = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: anyText },
      fc.constantFrom(...'e\u0301 A\u030a\u0323 \u1100\u1161\u11a8 ﬁ Å \u2126 가\u11a8 \u0344'.split(' ')),
      fc.constantFrom('ink', ' Stone', '<x> ', '<s>', '<y>', ' ', 'INK', '▁', '▁▁a', '▁ b▁'),
    ),
    { maxLength: 5 },
  )
  .map((parts) => parts.join(''));

/** Expects of a tokenizer that the engine gives what TypeScript does, text by text and in batches. */
export function expectAsTypeScript(tokenizer: Tokenizer, numRuns = 40): void {
  const native = useNative(tokenizer, { threads: 2 });
  const plain = tokenizer.with({ engine: undefined });
  fc.assert(
    fc.property(
      fc.array(changing, { maxLength: 4 }),
      fc.constantFrom('none' as const, 'all' as const),
      (texts, allowedSpecial) => {
        const options = { allowedSpecial };
        const expected = plain.encodeBatch(texts, options);
        expectSame(native.encodeBatch(texts, options), expected);
        expectSame(
          native.encodeIdsBatch(texts, options),
          expected.map(({ ids }) => ids),
        );
        texts.forEach((text, i) => {
          const alone = plain.encode(text, options);
          expectSame(alone, expected[i]);
          expectSame(plain.encodeIds(text, options), alone.ids);
          expectSame(native.encodeIds(text, options), alone.ids);
          expectSame(native.encode(text, options), alone);
        });
      },
    ),
    { numRuns },
  );
}
