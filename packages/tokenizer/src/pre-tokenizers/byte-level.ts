import type { AlignedText } from '../aligned-text.js';
import type { Fields } from '../json.js';
import { spellAligned } from '../normalizers/simple.js';
import { cutGpt2 } from './gpt2-cutter.js';
import { type Cutter, cutEach, cutNothing, type PreTokenizer } from './pre-tokenizer.js';

/** Options of `ByteLevel`, named as in tokenizer.json. */
export interface ByteLevelOptions {
  /** Puts a space before a text that does not start with one. */
  addPrefixSpace?: boolean;
  /** Leaves white space out of the offsets (read by the post-processor of the same name). */
  trimOffsets?: boolean;
  /** Cuts by the GPT-2 pattern; otherwise the text stays one piece. */
  useRegex?: boolean;
}

/** The GPT-2 pre-tokenizer: cuts by the GPT-2 pattern and spells bytes as characters. */
export class ByteLevel implements PreTokenizer {
  readonly type = 'ByteLevel';
  readonly addPrefixSpace: boolean;
  readonly trimOffsets: boolean;
  readonly useRegex: boolean;
  readonly byteCutter: Cutter | undefined;
  readonly spacedCutter: Cutter | undefined;

  constructor(options: ByteLevelOptions = {}) {
    this.addPrefixSpace = options.addPrefixSpace ?? false;
    this.trimOffsets = options.trimOffsets ?? true;
    this.useRegex = options.useRegex ?? true;
    const cut = this.useRegex ? cutGpt2 : cutNothing;
    if (this.addPrefixSpace) this.spacedCutter = cut;
    else this.byteCutter = cut;
  }

  preTokenize(texts: readonly AlignedText[]): AlignedText[] {
    let pieces = texts.map((text) =>
      this.addPrefixSpace && !text.text.startsWith(' ') ? text.prepend(' ') : text,
    );
    if (this.useRegex) pieces = cutEach(pieces, cutGpt2);
    return pieces.map(spellAligned);
  }

  toJSON(): object {
    return {
      type: 'ByteLevel',
      add_prefix_space: this.addPrefixSpace,
      trim_offsets: this.trimOffsets,
      use_regex: this.useRegex,
    };
  }

  static fromJSON(fields: Fields): ByteLevel {
    return new ByteLevel({
      addPrefixSpace: fields.boolean('add_prefix_space', true),
      trimOffsets: fields.boolean('trim_offsets', true),
      useRegex: fields.boolean('use_regex', true),
    });
  }
}
