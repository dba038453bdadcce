/** What the addon is given for a text, and the way back: normalizing and making spaces visible stay in TypeScript. */
import { AlignedText } from './aligned-text.js';
import type { Place } from './engine.js';
import { takeFirstOut } from './leading-space.js';
import type { Normalizer } from './normalizers/normalizer.js';
import { Replace } from './normalizers/replace.js';
import { NormalizerSequence, Prepend } from './normalizers/simple.js';
import { UnicodeForm } from './normalizers/unicode-form.js';
import type { PrependScheme } from './pre-tokenizers/metaspace.js';
import { toWellFormed } from './unicode.js';

/** The character that spaces are made visible by. */
export const VISIBLE_SPACE = '▁';

/** What a pre-tokenizer puts before texts that do not begin with it, and whether spaces become it. */
export interface Lead {
  char: string;
  scheme: PrependScheme;
  replaces: boolean;
}

/** Rewrites texts as a normalizer and the beginning of a pre-tokenizer do. */
export class Rewriting {
  readonly #normalizer: Normalizer | undefined;
  readonly #lead: Lead | undefined;
  /** What the normalizer puts before a text, if it makes spaces visible and does no more. */
  readonly #prefix: string | undefined;

  constructor(normalizer: Normalizer | undefined, lead: Lead | undefined) {
    this.#normalizer = normalizer;
    this.#lead = lead;
    this.#prefix = normalizer && visiblePrefix(normalizer);
  }

  /** The text that the addon is given for a part of a text. */
  given(text: string, place?: Place): string {
    const normal = place?.normalized ? text : this.#normalized(text);
    const lead = this.#lead;
    if (!lead || normal === '') return normal;
    const out = lead.replaces ? normal.replaceAll(' ', lead.char) : normal;
    return this.#leads(text, out, place) ? lead.char + out : out;
  }

  /** Moves offsets in what was given, in place, to the text. */
  back(text: string, given: string, offsets: Int32Array, place?: Place): void {
    const normalizer = place?.normalized ? undefined : this.#normalizer;
    // Unlike these, others can take away what is then put before.
    const keepsStart = !normalizer || this.#prefix !== undefined || normalizer instanceof UnicodeForm;
    if (keepsStart && given === text) return;
    if (!normalizer || this.#prefix !== undefined) {
      // Unit for unit, but for one put before.
      if (given.length > text.length) takeFirstOut(text, offsets);
      return;
    }
    let aligned = normalizer.normalize(AlignedText.of(toWellFormed(text)));
    if (given.length > aligned.text.length) aligned = aligned.prepend(this.#lead!.char);
    for (let i = 0; i < offsets.length; i += 2) {
      const [start, end] = aligned.span(offsets[i]!, offsets[i + 1]!);
      offsets[i] = start;
      offsets[i + 1] = end;
    }
  }

  #normalized(text: string): string {
    const normalizer = this.#normalizer;
    if (!normalizer) return text;
    if (normalizer instanceof UnicodeForm) return text.normalize(normalizer.type);
    if (this.#prefix === undefined) return normalizer.normalize(AlignedText.of(toWellFormed(text))).text;
    return text === '' ? '' : this.#prefix + text.replaceAll(' ', VISIBLE_SPACE);
  }

  #leads(text: string, out: string, place: Place | undefined): boolean {
    const { char, scheme } = this.#lead!;
    if (scheme === 'never' || out.startsWith(char)) return false;
    if (scheme === 'always') return true;
    if (place && !place.first) return false;
    const normalizer = place?.normalized ? undefined : this.#normalizer;
    if (!normalizer || this.#prefix !== undefined || normalizer instanceof UnicodeForm) return true;
    // Where it dropped the first character, what is left does not begin where the text begins.
    const aligned = normalizer.normalize(AlignedText.of(toWellFormed(text)));
    return aligned.slice(0, aligned.text.length).origin === 0;
  }
}

/** True if a normalizer leaves no space in a text. */
export function hidesSpaces(normalizer: Normalizer | undefined): boolean {
  const last = normalizer instanceof NormalizerSequence ? normalizer.normalizers.at(-1) : normalizer;
  return last !== undefined && replacesSpaces(last);
}

function replacesSpaces(normalizer: Normalizer): boolean {
  if (!(normalizer instanceof Replace) || !('String' in normalizer.pattern)) return false;
  return normalizer.pattern.String === ' ' && normalizer.content === VISIBLE_SPACE;
}

/** What a normalizer that makes spaces visible puts before a text, if it does that and no more. */
function visiblePrefix(normalizer: Normalizer): string | undefined {
  const steps = normalizer instanceof NormalizerSequence ? [...normalizer.normalizers] : [normalizer];
  const [first] = steps;
  const prefix = first instanceof Prepend && first.prefix === VISIBLE_SPACE ? VISIBLE_SPACE : '';
  if (prefix) steps.shift();
  return steps.length === 1 && replacesSpaces(steps[0]!) ? prefix : undefined;
}
