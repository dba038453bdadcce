/** What the addon makes of a batch of texts, text by text. */

import type { TextTokens } from './engine.js';
import { view } from './id-buffer.js';

/** What `make` makes of each text of a batch from where its tokens lie: in the part of which thread, from where to where. */
export function inOrder<T>(
  counts: Int32Array,
  takers: Int32Array,
  make: (part: number, from: number, to: number, index: number) => T,
): T[] {
  const ends: number[] = [];
  const out = new Array<T>(counts.length);
  for (let i = 0; i < counts.length; i++) {
    const part = takers[i]!;
    const from = ends[part] ?? 0;
    // Below 0: a text that the addon left out.
    const to = from + Math.max(0, counts[i]!);
    ends[part] = to;
    out[i] = make(part, from, to, i);
  }
  return out;
}

/** The tokens from one place to another of a part. */
export function tokensIn(
  ids: Int32Array,
  offsets: Int32Array,
  words: Int32Array,
  from: number,
  to: number,
): TextTokens {
  return {
    ids: view(ids, from, to),
    offsets: view(offsets, 2 * from, 2 * to),
    wordIds: view(words, from, to),
  };
}
