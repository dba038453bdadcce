import { Pcg64 } from '../src/index.js';

/** Corpora for the benches: drawn from a Zipf vocabulary with punctuation, numbers and some other scripts. */
export interface Corpora {
  /** Hypothesis and reference, 50,000 pairs. */
  readonly pairs: readonly (readonly [string, string])[];
  /** Captions with five references each, one image an entry. */
  readonly captions: readonly { readonly hypothesis: string; readonly references: readonly string[] }[];
}

/** Makes the corpora; the same seed gives the same texts. */
export function makeCorpora(pairCount: number, captionCount: number, seed = 1): Corpora {
  const random = new Pcg64(seed);
  const letters = 'etaoinshrdlucmfwypvbgkjqxz';
  const vocabulary = Array.from({ length: 20_000 }, (_, i) => {
    const length = 1 + Math.min(11, Math.floor(Math.log2(i + 2) / 2) + random.below(5));
    return Array.from({ length }, () => letters[Math.floor(random.random() ** 2 * 26)]!).join('');
  });
  vocabulary.splice(
    200,
    12,
    '北京',
    'привет',
    'déjà',
    '3.14',
    '1,000',
    'U.S.',
    "don't",
    '(so)',
    '“quoted”',
    'x-y',
    '&amp;',
    '東京',
  );
  const word = (): string => vocabulary[Math.floor(vocabulary.length ** random.random()) - 1]!;
  const sentence = (length: number): string[] => Array.from({ length }, word);
  const write = (words: readonly string[]): string => {
    const text = words.join(' ');
    return `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}${['.', '.', '!', '?', ''][random.below(5)]!}`;
  };
  const spoil = (words: readonly string[]): string[] =>
    words.flatMap((w) => {
      const r = random.random();
      return r < 0.06 ? [] : r < 0.2 ? [word()] : r < 0.24 ? [w, word()] : [w];
    });
  const pairs = Array.from({ length: pairCount }, () => {
    const base = sentence(8 + random.below(28));
    return [write(spoil(base)), write(base)] as const;
  });
  const captions = Array.from({ length: captionCount }, () => {
    const base = sentence(7 + random.below(7));
    return {
      hypothesis: spoil(base).join(' '),
      references: Array.from({ length: 5 }, () => spoil(base).join(' ')),
    };
  });
  return { pairs, captions };
}
