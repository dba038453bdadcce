/** What the addon makes of a batch of texts, text by text. */
import type { EncodedTexts, EncodedWave } from '@inkstone/native';
import type { TextTokens } from './engine.js';
import { view } from './id-buffer.js';

/**
 * What `make` makes of each text of a batch from where its tokens lie: from where to where in the arrays of which wave; or
 * `instead`, of a text that the addon left out, which some encoders may.
 */
export function inOrder<T>(
  [counts, starts, waves]: EncodedTexts,
  make: (wave: EncodedWave, from: number, to: number, index: number) => T,
  instead?: (index: number) => T,
): T[] {
  const out = new Array<T>(counts.length);
  let index = 0;
  for (const wave of waves) {
    for (const end = index + wave[0]; index < end; index++) {
      const from = starts[index]!;
      const count = counts[index]!;
      out[index] = count < 0 && instead ? instead(index) : make(wave, from, from + count, index);
    }
  }
  return out;
}

/** The ids from one place to another of a wave. */
export function idsIn([, ids]: EncodedWave, from: number, to: number): Int32Array {
  return view(ids, from, to);
}

/** The tokens from one place to another of a wave. */
export function tokensIn([, ids, offsets, words]: EncodedWave, from: number, to: number): TextTokens {
  return {
    ids: view(ids, from, to),
    offsets: view(offsets, 2 * from, 2 * to),
    wordIds: view(words, from, to),
  };
}
