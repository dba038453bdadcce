import type { AlignedText } from '../aligned-text.js';
import { SCRIPT_RUNS } from '../script-data.js';
import type { PreTokenizer } from './pre-tokenizer.js';

let scripts: Uint8Array | undefined;

function load(): Uint8Array {
  const out = new Uint8Array(0x110000);
  let start = 0;
  let last = 0;
  for (const run of SCRIPT_RUNS.split(' ')) {
    const [distance, script] = run.split(',').map((part) => Number.parseInt(part, 16)) as [number, number];
    out.fill(last, start, start + distance);
    start += distance;
    last = script;
  }
  out.fill(last, start);
  return out;
}

/**
 * Cuts where the script changes; kana goes with Han, and characters of no script go with what stands before them.
 * As in the reference, those before the first character of a script go.
 */
export class UnicodeScripts implements PreTokenizer {
  readonly type = 'UnicodeScripts';

  preTokenize(texts: readonly AlignedText[]): AlignedText[] {
    const table = (scripts ??= load());
    return texts.flatMap((text) => {
      const out: AlignedText[] = [];
      let last = 0;
      let from = -1;
      let at = 0;
      for (const char of text.text) {
        const script = table[char.codePointAt(0)!]!;
        if (script !== 0) {
          if (script !== last) {
            if (from >= 0) out.push(text.slice(from, at));
            from = at;
          }
          last = script;
        }
        at += char.length;
      }
      if (from >= 0) out.push(text.slice(from, at));
      return out;
    });
  }

  toJSON(): object {
    return { type: this.type };
  }
}
