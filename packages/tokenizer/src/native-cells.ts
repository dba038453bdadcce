/** What normalizers make of each character, as a table for the addon (`TextRules` of @inkstone/native), and of clusters of them. */
import { AlignedText } from './aligned-text.js';
import { characterBlocks } from './character-blocks.js';
import { VISIBLE_SPACE } from './native-rewriting.js';
import { stepOf } from './native-steps.js';
import { type Normalizer, normalizedText } from './normalizers/normalizer.js';
import { toWellFormed } from './unicode.js';

/** What is stripped from a text, as code points; `first` where that is done before characters are rewritten, else after. */
export interface Edges {
  start: readonly number[];
  end: readonly number[];
  first: boolean;
}

export interface Characters {
  cells: Uint32Array;
  sequences: Uint32Array;
  /**
   * What a cluster becomes: of each character the cell and the units of the cluster it stands for, from and to; undefined if
   * that depends on what is around it.
   */
  clusterOf(cluster: string): Uint32Array | undefined;
}

const [SPACE, MARK, GONE, SEQUENCE, ELSE] = [1, 2, 3, 4, 5] as const;
const [JOINS, TAKES, NO_START, NO_END] = [8, 16, 32, 64] as const;
const VALUE = 128;

/** Cells of characters that stay as they are, but for spaces and the mark. */
export function plainCells(spaces: readonly number[]): Uint32Array {
  const cells = new Uint32Array(0x110000);
  for (let point = 0; point < cells.length; point++) cells[point] = point * VALUE;
  cells[VISIBLE_SPACE.codePointAt(0)!] = MARK;
  for (const point of spaces) cells[point] = SPACE;
  return cells;
}

/** What tokenizers with the same normalizers share, by the last of these: a table is four megabytes. */
const tables = new WeakMap<object, { steps: readonly Normalizer[]; key: string; made: Characters }[]>();
/** Stands for the last where there is none. */
const NONE = {};

/** What steps by character, one after the other, make of characters. */
export function charactersOf(
  steps: readonly Normalizer[],
  spaces: readonly number[],
  edges: Edges | undefined,
): Characters {
  const last = steps.at(-1) ?? NONE;
  const known = tables.get(last) ?? [];
  tables.set(last, known);
  const key = JSON.stringify([spaces, edges]);
  const same = (other: readonly Normalizer[]) =>
    other.length === steps.length && other.every((step, i) => step === steps[i]);
  let found = known.find((each) => each.key === key && same(each.steps));
  if (!found) {
    found = { steps, key, made: makeCharacters(steps, spaces, edges) };
    known.push(found);
  }
  return found.made;
}

/**
 * A text is rewritten cluster by cluster, and that is what its normalizers make of it as a whole: between two clusters the first
 * does not take and the second does not join, whatever step is at work. Of a character its cell says so, true if any step does
 * with what the steps before make of it; of a cluster `clusterOf` makes sure that no step finds more than the cells of its first
 * and its last character say. A cluster that comes to nothing joins, so that those around it never meet, but for the first of a
 * text, which has none before it.
 */
function makeCharacters(
  normalizers: readonly Normalizer[],
  spaces: readonly number[],
  edges: Edges | undefined,
): Characters {
  const steps = normalizers.map(stepOf);
  const cells = plainCells(spaces);
  const sequences: number[] = [];
  if (steps.some(({ broken }) => broken))
    return { cells: cells.fill(ELSE), sequences: new Uint32Array(0), clusterOf: () => undefined };
  const isSpace = new Set(spaces);
  const stripped = (char: string) => {
    const point = char.codePointAt(0)!;
    return (edges?.start.includes(point) ? NO_START : 0) | (edges?.end.includes(point) ? NO_END : 0);
  };

  /** The cells of what a part of a text becomes, if that can be said, and whether it joins or takes. */
  const rewrite = (source: string) => {
    const [first, ...others] = source;
    let text = source;
    let [joins, takes] = [false, false];
    // Stripped before it is rewritten, a text ends within no cluster, and white space behind what is gone would have to be told apart.
    let known = !(edges?.first && others.some((char) => stripped(char) !== stripped(first!)));
    for (const step of steps) {
      if (text === '') break;
      joins ||= step.joins?.(text) ?? false;
      takes ||= step.takes?.(text) ?? false;
      known &&= !step.refuses?.(text);
      text = normalizedText(text, step.normalizer);
    }
    if (text === '') {
      joins = true;
      known &&= !edges?.first;
    }
    const made = Array.from(text, (char) => {
      const point = char.codePointAt(0)!;
      const cell = char === VISIBLE_SPACE ? MARK : isSpace.has(point) ? SPACE : point * VALUE;
      return cell | stripped(edges?.first ? first! : char);
    });
    // Between words white space of all kinds is a space; what else is stripped would not be known from the start of a word.
    if (isSpace.size > 1)
      known &&= made.every((cell) => (cell & 7) === SPACE || !(cell & (NO_START | NO_END)));
    return { made: known ? made : undefined, joins, takes };
  };

  const cellOf = (char: string): number => {
    const { made, joins, takes } = rewrite(char);
    const flags = (joins ? JOINS : 0) | (takes ? TAKES : 0);
    if (!made) return ELSE | flags;
    if (made.length === 0) return GONE | flags;
    if (made.length === 1) return made[0]! | flags;
    sequences.push(made.length, ...made);
    return (sequences.length - made.length - 1) * VALUE + (SEQUENCE | flags);
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

  const clusterOf = (cluster: string) => {
    const source = toWellFormed(cluster);
    const { made, joins, takes } = rewrite(source);
    const chars = [...source];
    const says = (char: string, flag: number) => (cells[char.codePointAt(0)!]! & flag) !== 0;
    if (!made || (joins && !says(chars[0]!, JOINS)) || (takes && !says(chars.at(-1)!, TAKES)))
      return undefined;
    const aligned = normalizers.reduce((text, step) => step.normalize(text), AlignedText.of(source));
    let at = 0;
    const parts = Array.from(aligned.text, (char, i) => [made[i]!, ...aligned.span(at, (at += char.length))]);
    return Uint32Array.from(parts.flat());
  };
  return { cells, sequences: Uint32Array.from(sequences), clusterOf };
}
