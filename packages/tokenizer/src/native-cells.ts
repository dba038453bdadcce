/** What normalizers make of each character, as a table for the addon (`TextRules` of @inkstone/native). */
import type { TextRules } from '@inkstone/native';
import { characterBlocks } from './character-blocks.js';
import { VISIBLE_SPACE } from './native-rewriting.js';
import { type Normalizer, normalizedText } from './normalizers/normalizer.js';
import { Precompiled } from './normalizers/precompiled.js';
import { Replace } from './normalizers/replace.js';
import { Lowercase, Nmt, StripAccents } from './normalizers/simple.js';
import { JOINS, UnicodeForm } from './normalizers/unicode-form.js';

/** What is stripped from a text, as code points; `first` where that is done before characters are rewritten, else after. */
export interface Edges {
  start: readonly number[];
  end: readonly number[];
  first: boolean;
}

type Cells = Pick<TextRules, 'cells' | 'sequences'>;

const [SPACE, MARK, GONE, SEQUENCE, ELSE] = [1, 2, 3, 4, 5] as const;
const [NO_START, NO_END] = [512, 1024] as const;
/** Flags for pairs of neighbours: one of each for some steps apart. */
const LONE = [8, 16, 32] as const;
const JOINING = [64, 128, 256] as const;
const VALUE = 2048;

/** True if what a normalizer makes of a character depends on no more than a neighbour of a kind that can be told. */
export function isByCharacter(normalizer: Normalizer): boolean {
  if (normalizer instanceof Replace)
    return 'String' in normalizer.pattern && normalizer.pattern.String !== '';
  return [UnicodeForm, Lowercase, StripAccents, Nmt, Precompiled].some((kind) => normalizer instanceof kind);
}

/** Cells of characters that stay as they are, but for spaces and the mark. */
export function plainCells(spaces: readonly number[]): Uint32Array {
  const cells = new Uint32Array(0x110000);
  for (let point = 0; point < cells.length; point++) cells[point] = point * VALUE;
  cells[VISIBLE_SPACE.codePointAt(0)!] = MARK;
  for (const point of spaces) cells[point] = SPACE;
  return cells;
}

/** What tokenizers with the same normalizers share, by the last of these: a table is four megabytes. */
const tables = new WeakMap<Normalizer, { steps: readonly Normalizer[]; key: string; made: Cells }[]>();

/** Cells of what steps by character, one after the other, make of each character. */
export function characterCells(
  steps: readonly Normalizer[],
  spaces: readonly number[],
  edges: Edges | undefined,
): Cells {
  const last = steps.at(-1);
  if (!last) return makeCells([], spaces, edges);
  const known = tables.get(last) ?? [];
  tables.set(last, known);
  const key = JSON.stringify([spaces, edges]);
  const same = (other: readonly Normalizer[]) =>
    other.length === steps.length && other.every((step, i) => step === steps[i]);
  let found = known.find((each) => each.key === key && same(each.steps));
  if (!found) {
    found = { steps, key, made: makeCells(steps.map(stepOf), spaces, edges) };
    known.push(found);
  }
  return found.made;
}

function makeCells(steps: readonly Step[], spaces: readonly number[], edges: Edges | undefined): Cells {
  const cells = plainCells(spaces);
  const sequences: number[] = [];
  if (steps.some(({ broken }) => broken)) return { cells: cells.fill(ELSE), sequences: new Uint32Array(0) };
  const isSpace = new Set(spaces);
  const stripped = (point: number) =>
    (edges?.start.includes(point) ? NO_START : 0) | (edges?.end.includes(point) ? NO_END : 0);
  let pairs = 0;
  const lanes = steps.map((step) => (step.lone ? pairs++ : 0) % LONE.length);
  const cellOf = (char: string): number => {
    const source = char.codePointAt(0)!;
    let text = char;
    let flags = 0;
    for (const [i, step] of steps.entries()) {
      const chars = [...text];
      if (chars.some((each) => step.unsettled?.(each))) return ELSE;
      if (chars.some((each) => step.lone?.(each))) flags |= LONE[lanes[i]!]!;
      if (chars[0] !== undefined && step.joins?.(chars[0])) flags |= JOINING[lanes[i]!]!;
      text = step.normalize(text);
    }
    const parts = Array.from(text, (each) => {
      const point = each.codePointAt(0)!;
      const cell = each === VISIBLE_SPACE ? MARK : isSpace.has(point) ? SPACE : point * VALUE;
      return cell + stripped(edges?.first ? source : point);
    });
    // White space on both sides of what is gone would have to be told apart.
    if (parts.length === 0) return edges?.first ? ELSE : GONE | flags;
    if (parts.length === 1) return parts[0]! | flags;
    sequences.push(parts.length, ...parts);
    return (sequences.length - parts.length - 1) * VALUE + (SEQUENCE | flags);
  };
  const put = (char: string) => {
    cells[char.codePointAt(0)!] = cellOf(char);
  };
  for (const points of [edges?.start ?? [], edges?.end ?? []])
    for (const point of points) put(String.fromCodePoint(point));
  for (const { chars } of steps) for (const char of chars ?? []) put(char);
  for (const block of characterBlocks()) {
    if (steps.some((step) => step.touches(block)))
      for (const char of block) if (steps.some((step) => step.touches(char))) put(char);
  }
  return { cells, sequences: Uint32Array.from(sequences) };
}

/** A normalizer by character. */
interface Step {
  normalize(text: string): string;
  /** True if it may change a text, or if a character of it joins or is unsettled; of `chars` it need not say so. */
  touches(text: string): boolean;
  /** More characters that must be looked at. */
  chars?: Iterable<string>;
  /** True if what becomes of a character depends on those behind it that join. */
  lone?(char: string): boolean;
  joins?(char: string): boolean;
  /** True if what becomes of a character depends on others. */
  unsettled?(char: string): boolean;
  /** Nothing can be said of any character. */
  broken?: boolean;
}

function stepOf(normalizer: Normalizer): Step {
  const normalize = (text: string) => normalizedText(text, normalizer);
  if (normalizer instanceof UnicodeForm) {
    const unsettled = (text: string) => JOINS.test(text);
    return { normalize, unsettled, touches: (text) => normalize(text) !== text || unsettled(text) };
  }
  if (normalizer instanceof Replace) {
    const chars = 'String' in normalizer.pattern ? [...normalizer.pattern.String] : [];
    const [before, behind] = [chars.slice(0, -1), chars.slice(1)];
    const pairs = {
      lone: (char: string) => before.includes(char),
      joins: (char: string) => behind.includes(char),
    };
    return { normalize, touches: () => false, chars, ...pairs };
  }
  if (normalizer instanceof Precompiled) return { normalize, ...ofRules(normalizer, normalize) };
  // Each of the others rewrites every character by itself.
  return { normalize, touches: (text) => normalize(text) !== text };
}

/**
 * What may be of one user-perceived character with what stands before it, where that is no Hangul and not one of the few that
 * take any (Unicode Standard Annex 29): it is more rather than less.
 */
export const EXTENDS =
  /[\p{M}\p{Emoji_Modifier}\p{Regional_Indicator}\u0e33\u0eb3\u1160-\u11ff\u200c-\u200d\ud7b0-\ud7ff\uff9e\uff9f\u{e0020}-\u{e007f}]/u;
const LEADING_HANGUL = /[\u1100-\u115f\ua960-\ua97c]/;

function ofRules(normalizer: Precompiled, normalize: Step['normalize']): Omit<Step, 'normalize'> {
  const ruled = normalizer.ruled();
  if (!ruled) return { touches: () => false, broken: true };
  const { first, before, behind } = ruled;
  const all = Array.from(new Set([...first, ...behind]), (point) => String.fromCodePoint(point));
  const begins = (char: string) => first.has(char.codePointAt(0)!);
  // What a character becomes several of stands for the next too, where that is gone.
  const expands = (char: string) => begins(char) && [...normalize(char)].length > 1;
  const isGone = (char: string) => begins(char) && normalize(char) === '';
  if (normalizer.matching === 'longest') {
    const kept = normalizer.kept.map((symbol) => [...symbol]).filter((symbol) => symbol.some(begins));
    const keeps = new Set(kept.map((symbol) => symbol[0]!));
    return {
      touches: () => false,
      chars: [...all, ...keeps],
      lone: (char) => before.has(char.codePointAt(0)!) || expands(char),
      joins: (char) => behind.has(char.codePointAt(0)!) || isGone(char),
      unsettled: (char) => keeps.has(char),
    };
  }
  const segmenter = new Intl.Segmenter('und', { granularity: 'grapheme' });
  const takesAll = (char: string) =>
    char === '\r' || LEADING_HANGUL.test(char) || [...segmenter.segment(`${char}a`)].length < 2;
  const unsettled = new Set(all.filter(takesAll));
  return {
    touches: (text) => EXTENDS.test(text),
    chars: all,
    lone: begins,
    joins: (char) => EXTENDS.test(char) || isGone(char),
    unsettled: (char) => unsettled.has(char),
  };
}
