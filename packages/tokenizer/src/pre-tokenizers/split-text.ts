import type { AlignedText } from '../aligned-text.js';
import type { Matcher } from '../matcher.js';

/** What becomes of the matches of a pattern when a text is cut by it; the names of tokenizer.json. */
export const BEHAVIORS = [
  'Removed',
  'Isolated',
  'MergedWithPrevious',
  'MergedWithNext',
  'Contiguous',
] as const;
/** What becomes of matches: gone, apart, or joined to what is before, behind, or like them. */
export type SplitBehavior = (typeof BEHAVIORS)[number];

/** A range of a text and whether it matches. */
export type Part = [from: number, to: number, match: boolean];

/** Cuts a text into parts that tile it. */
export type PartFinder = (text: string) => Part[];

/** Cuts every text where the finder says and treats the matches as told; parts that are empty vanish. */
export function splitEach(
  texts: readonly AlignedText[],
  find: PartFinder,
  behavior: SplitBehavior,
): AlignedText[] {
  const out: AlignedText[] = [];
  for (const text of texts) {
    for (const [from, to] of arrange(find(text.text), behavior)) {
      if (from < to) out.push(text.slice(from, to));
    }
  }
  return out;
}

function arrange(parts: Part[], behavior: SplitBehavior): Part[] {
  if (behavior === 'Isolated') return parts;
  if (behavior === 'Removed') return parts.filter(([, , match]) => !match);
  const out: Part[] = [];
  let previous = false;
  const order = behavior === 'MergedWithNext' ? parts.toReversed() : parts;
  for (const [from, to, match] of order) {
    const last = out.at(-1);
    const joins = behavior === 'Contiguous' ? match === previous : match && !previous;
    previous = match;
    if (!joins || !last) out.push([from, to, match]);
    else if (behavior === 'MergedWithNext') last[0] = from;
    else last[1] = to;
  }
  return behavior === 'MergedWithNext' ? out.reverse() : out;
}

/** Parts by character: each that the test accepts is a match of its own. */
export function pointFinder(test: (point: number) => boolean): PartFinder {
  return (text) => {
    const out: Part[] = [];
    let done = 0;
    for (let i = 0; i < text.length; ) {
      const point = text.codePointAt(i)!;
      const next = i + (point > 0xffff ? 2 : 1);
      if (test(point)) {
        if (done < i) out.push([done, i, false]);
        out.push([i, next, true]);
        done = next;
      }
      i = next;
    }
    if (done < text.length) out.push([done, text.length, false]);
    return out;
  };
}

/** Parts by what a matcher finds. Empty matches count for nothing. */
export function matchFinder(matcher: Matcher): PartFinder {
  return (text) => {
    const out: Part[] = [];
    let done = 0;
    for (const [from, to] of matcher.matches(text)) {
      if (from === to) continue;
      if (done < from) out.push([done, from, false]);
      out.push([from, to, true]);
      done = to;
    }
    if (done < text.length) out.push([done, text.length, false]);
    return out;
  };
}

/** Matches become gaps and gaps matches. */
export function invert(find: PartFinder): PartFinder {
  return (text) => find(text).map(([from, to, match]) => [from, to, !match]);
}
