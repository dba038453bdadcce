import type { AlignedText, Change } from '../aligned-text.js';
import type { Normalizer } from './normalizer.js';

/** Unicode normalization forms (UAX #15). */
export type Form = 'NFC' | 'NFD' | 'NFKC' | 'NFKD';

/** Characters that may combine with what stands before them: marks, Hangul vowels and finals, kana sound marks. */
export const JOINS =
  /[\p{M}\u1160-\u11ff\u3133\u3135\u3136\u313a-\u313f\u314f-\u3163\uff9e\uff9f\uffa3\uffa5\uffa6\uffaa-\uffaf\uffc2-\uffdc]/u;

/** Puts text into a Unicode normalization form. */
export class UnicodeForm implements Normalizer {
  constructor(readonly type: Form) {}

  normalize(text: AlignedText): AlignedText {
    return normalizeForm(text, this.type);
  }

  normalizeText(text: string): string {
    return text.normalize(this.type);
  }

  toJSON(): object {
    return { type: this.type };
  }
}

/**
 * The form of a text, with positions. Characters that combine are normalized together; a character composed of
 * several stands for the first of them, and what a character decomposes to stands for that character.
 */
export function normalizeForm(text: AlignedText, form: Form): AlignedText {
  if (text.text.normalize(form) === text.text) return text;
  const changes: Change[] = [];
  let cluster: string[] = [];
  const flush = () => {
    if (cluster.length > 0) alignCluster(cluster, form, changes);
    cluster = [];
  };
  for (const char of text.text) {
    if (cluster.length > 0 && !JOINS.test(char)) flush();
    cluster.push(char);
  }
  flush();
  return text.transform(changes);
}

function alignCluster(cluster: string[], form: Form, changes: Change[]): void {
  const out = [...cluster.join('').normalize(form)];
  if (form === 'NFD' || form === 'NFKD') {
    // Marks may be put in another order; each takes along whether it is the first of its character.
    const parts: [string, number][] = [];
    for (const char of cluster) {
      let change = 0;
      for (const part of char.normalize(form)) {
        parts.push([part, change]);
        change = 1;
      }
    }
    for (const char of out) {
      const i = parts.findIndex(([part]) => part === char);
      changes.push(parts[i]!);
      parts.splice(i, 1);
    }
    return;
  }
  if (out.length <= cluster.length) {
    // Marks compose with the base; those that do not follow one by one.
    out.forEach((char, i) => {
      changes.push([char, i === 0 ? out.length - cluster.length : 0]);
    });
    return;
  }
  // More comes out than goes in: only compatibility characters expand, and they come alone or with marks behind.
  const extra = out.length - cluster.length;
  out.forEach((char, i) => {
    changes.push([char, i >= 1 && i <= extra ? 1 : 0]);
  });
}
