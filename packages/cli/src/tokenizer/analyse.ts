import type { Tokenizer } from '@inkstone/tokenizer';

/** One token of a text. */
export interface TokenView {
  readonly id: number;
  /** As the vocabulary spells it. */
  readonly token: string;
  /** Range of the text in UTF-16 units; both 0 for a token that stands for no text. */
  readonly start: number;
  readonly end: number;
  readonly unknown: boolean;
}

/** Sums that tell how finely text is cut. */
export interface Fertility {
  tokens: number;
  /** Words as Unicode's rules (UAX #29) and the dictionaries of ICU see them, for writing without spaces too. */
  words: number;
  /** UTF-8 bytes. */
  bytes: number;
  characters: number;
  /** Tokens that say no more than that something is there. */
  unknown: number;
}

/** What is known of one text. */
export interface Analysis {
  readonly tokens: readonly TokenView[];
  readonly total: Fertility;
  /** By script, such as `Latin`; what many scripts use, such as digits and punctuation, is `Common`. */
  readonly scripts: ReadonlyMap<string, Fertility>;
}

const SCRIPTS =
  'Latin Cyrillic Greek Han Hiragana Katakana Hangul Arabic Hebrew Devanagari Thai Bengali Tamil Telugu Kannada Malayalam Gujarati Gurmukhi Sinhala Lao Khmer Myanmar Tibetan Georgian Armenian Ethiopic Mongolian'
    .split(' ')
    .map(
      (name) => [name, new RegExp(`\\p{Script=${name}}`, 'u'), new RegExp(`\\p{scx=${name}}`, 'u')] as const,
    );
const EMOJI = /[\p{Extended_Pictographic}\p{Regional_Indicator}\p{Emoji_Modifier}]/u;
const LETTER = /\p{L}/u;
const known = new Map<string, string>();

/** The script of a character: its name, `Emoji`, `Other` for letters of a script not listed, or `Common`. */
export function scriptOf(char: string): string {
  const cached = known.get(char);
  if (cached) return cached;
  let script: string | undefined = SCRIPTS.find(([, own]) => own.test(char))?.[0];
  // Letters that few scripts share, such as the long vowel mark of kana.
  if (!script && LETTER.test(char))
    script = SCRIPTS.find(([, , shared]) => shared.test(char))?.[0] ?? 'Other';
  script ??= EMOJI.test(char) ? 'Emoji' : 'Common';
  known.set(char, script);
  return script;
}

export const emptyFertility = (): Fertility => ({ tokens: 0, words: 0, bytes: 0, characters: 0, unknown: 0 });

/** Adds `more` to `sum`. */
export function addFertility(sum: Fertility, more: Fertility): void {
  for (const key of Object.keys(sum) as (keyof Fertility)[]) sum[key] += more[key];
}

/** Tokens per word; NaN without words. */
export const tokensPerWord = ({ tokens, words }: Fertility): number =>
  words > 0 ? tokens / words : Number.NaN;

/** UTF-8 bytes per token; NaN without tokens. */
export const bytesPerToken = ({ tokens, bytes }: Fertility): number =>
  tokens > 0 ? bytes / tokens : Number.NaN;

const utf8 = (point: number): number => (point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4);
const segmenter = new Intl.Segmenter('en', { granularity: 'word' });

/**
 * Encodes a text, without special tokens, and counts by script. A token, and a word, is of the script of its first
 * character that has one.
 *
 * @example
 * const { total } = analyse(tokenizer, 'Guten Tag');
 * tokensPerWord(total);
 */
export function analyse(tokenizer: Tokenizer, text: string): Analysis {
  const { ids, offsets } = tokenizer.encode(text, {
    addSpecialTokens: false,
    truncation: null,
    padding: null,
  });
  const spellings = tokenizer.idsToTokens(ids);
  const unknownToken = tokenizer.config.roles?.unk ?? unknownOf(tokenizer);
  const total = emptyFertility();
  const scripts = new Map<string, Fertility>();
  const add = (script: string, key: keyof Fertility, amount = 1) => {
    total[key] += amount;
    let sums = scripts.get(script);
    if (!sums) scripts.set(script, (sums = emptyFertility()));
    sums[key] += amount;
  };
  const scriptIn = (start: number, end: number): string => {
    for (let i = start; i < end; ) {
      const char = String.fromCodePoint(text.codePointAt(i)!);
      const script = scriptOf(char);
      if (script !== 'Common') return script;
      i += char.length;
    }
    return 'Common';
  };

  for (const char of text) {
    const script = scriptOf(char);
    add(script, 'characters');
    add(script, 'bytes', utf8(char.codePointAt(0)!));
  }
  let at = 0;
  // Line by line: the segmenter is slow on long texts.
  for (const line of text.split(/(?<=\n)/)) {
    for (const { segment, index, isWordLike } of segmenter.segment(line)) {
      if (!isWordLike) continue;
      const script = scriptIn(at + index, at + index + segment.length);
      // Numbers are words of the text, but say nothing of a script.
      if (script === 'Common') total.words++;
      else add(script, 'words');
    }
    at += line.length;
  }
  const spans = narrowed(text, offsets);
  const tokens = spellings.map((token, i): TokenView => {
    const [start, end] = spans[i]!;
    const unknown = token === unknownToken;
    const script = scriptIn(start, end);
    add(script, 'tokens');
    if (unknown) add(script, 'unknown');
    return { id: ids[i]!, token, start, end, unknown };
  });
  return { tokens, total, scripts };
}

/**
 * The spans of tokens. Several tokens on one span, as many as it has bytes, are its bytes one by one: each gets the
 * character that its byte is of.
 */
function narrowed(text: string, offsets: Int32Array): [start: number, end: number][] {
  const out: [number, number][] = [];
  for (let i = 0; i < offsets.length; ) {
    const [start, end] = [offsets[i]!, offsets[i + 1]!];
    let next = i + 2;
    while (next < offsets.length && offsets[next] === start && offsets[next + 1] === end) next += 2;
    const bytes: [number, number][] = [];
    for (let at = start; at < end; ) {
      const point = text.codePointAt(at)!;
      const after = at + (point > 0xffff ? 2 : 1);
      for (let k = utf8(point); k > 0; k--) bytes.push([at, after]);
      at = after;
    }
    const count = (next - i) / 2;
    for (let k = 0; k < count; k++) out.push(count === bytes.length ? bytes[k]! : [start, end]);
    i = next;
  }
  return out;
}

function unknownOf(tokenizer: Tokenizer): string | undefined {
  const json = tokenizer.model.toJSON() as { unk_token?: string | null; unk_id?: number | null };
  return json.unk_token ?? (typeof json.unk_id === 'number' ? tokenizer.idToToken(json.unk_id) : undefined);
}
