/** A character and how it relates to the text it comes from; see `AlignedText.transform`. */
export type Change = readonly [char: string, change: number];

/**
 * A text that knows, for every UTF-16 unit, which range of the original it stands for. Normalizing and cutting make
 * new texts; positions in the original are in UTF-16 units.
 */
export class AlignedText {
  private constructor(
    readonly text: string,
    /** Where this text begins in the original. */
    readonly origin: number,
    /** Range of the original per unit, or null if unit i stands for `origin + i`. */
    readonly starts: Int32Array | null,
    readonly ends: Int32Array | null,
  ) {}

  /** A text that is its own original, from position `origin` on. */
  static of(text: string, origin = 0): AlignedText {
    return new AlignedText(text, origin, null, null);
  }

  /** The range of the original that `[from, to)`, not empty, stands for. */
  span(from: number, to: number): [number, number] {
    if (!this.starts) return [this.origin + from, this.origin + to];
    return [this.starts[from]!, this.ends![to - 1]!];
  }

  /** The part `[from, to)`, cut between characters. */
  slice(from: number, to: number): AlignedText {
    if (from === 0 && to === this.text.length) return this;
    const text = this.text.slice(from, to);
    if (!this.starts) return new AlignedText(text, this.origin + from, null, null);
    const origin = from < to ? this.starts[from]! : this.origin;
    return new AlignedText(text, origin, this.starts.subarray(from, to), this.ends!.subarray(from, to));
  }

  /** The same units with other characters in their places: `text` must have the same length. */
  withText(text: string): AlignedText {
    return text === this.text ? this : new AlignedText(text, this.origin, this.starts, this.ends);
  }

  /**
   * The text made of the given characters. Each has a change: 0 takes the place of the next character, -n takes it
   * and drops n more, 1 is put in and belongs to what was taken last.
   * @param skip characters dropped at the start.
   */
  transform(changes: readonly Change[], skip = 0): AlignedText {
    const { text } = this;
    let length = 0;
    for (const [char] of changes) length += char.length;
    const starts = new Int32Array(length);
    const ends = new Int32Array(length);
    const parts: string[] = [];
    let at = 0;
    const advance = (count: number) => {
      for (; count > 0 && at < text.length; count--) at += text.codePointAt(at)! > 0xffff ? 2 : 1;
    };
    advance(skip);
    let write = 0;
    for (const [char, change] of changes) {
      let start = this.origin;
      let end = this.origin;
      const source = change > 0 ? at - 1 : at;
      if (source >= 0) [start, end] = this.#character(source);
      for (let i = 0; i < char.length; i++, write++) {
        starts[write] = start;
        ends[write] = end;
      }
      parts.push(char);
      if (change <= 0) advance(1 - change);
    }
    return new AlignedText(parts.join(''), this.origin, starts, ends);
  }

  /** The range of the original of the character that unit `at` belongs to. */
  #character(at: number): [number, number] {
    if (this.starts) return [this.starts[at]!, this.ends![at]!];
    const { text, origin } = this;
    const unit = text.charCodeAt(at);
    if (unit >= 0xdc00 && unit < 0xe000 && at > 0) return [origin + at - 1, origin + at + 1];
    return [origin + at, origin + at + (text.codePointAt(at)! > 0xffff ? 2 : 1)];
  }

  /** Every character replaced by what `map` gives for it: nothing, one or more characters. */
  mapPoints(map: (char: string, point: number) => string): AlignedText {
    const changes: [string, number][] = [];
    let skip = 0;
    let same = true;
    for (const char of this.text) {
      const out = map(char, char.codePointAt(0)!);
      if (out !== char) same = false;
      if (out === '') {
        if (changes.length === 0) skip++;
        else lastTaken(changes)[1]--;
        continue;
      }
      let change = 0;
      for (const part of out) {
        changes.push([part, change]);
        change = 1;
      }
    }
    return same ? this : this.transform(changes, skip);
  }

  /** Puts `prefix` before a text that is not empty; it belongs to the first character. */
  prepend(prefix: string): AlignedText {
    if (this.text === '' || prefix === '') return this;
    const changes: Change[] = [];
    for (const char of prefix) changes.push([char, changes.length === 0 ? 0 : 1]);
    let first = true;
    for (const char of this.text) {
      changes.push([char, first ? 1 : 0]);
      first = false;
    }
    return this.transform(changes);
  }

  /** Replaces each of the ranges, which ascend and do not overlap, by `content`. */
  replaceRanges(ranges: readonly (readonly [number, number])[], content: string): AlignedText {
    if (ranges.length === 0) return this;
    const { text } = this;
    const pieces: string[] = [];
    const starts: number[] = [];
    const ends: number[] = [];
    const keep = (from: number, to: number) => {
      if (from < to) pieces.push(text.slice(from, to));
      for (let i = from; i < to; i++) {
        const [start, end] = this.#character(i);
        starts.push(start);
        ends.push(end);
      }
    };
    let done = 0;
    for (const [from, to] of ranges) {
      keep(done, from);
      const [start, end] = to > 0 ? this.#character(to - 1) : [this.origin, this.origin];
      for (let i = 0; i < content.length; i++) {
        starts.push(start);
        ends.push(end);
      }
      pieces.push(content);
      done = to;
    }
    keep(done, text.length);
    return new AlignedText(pieces.join(''), this.origin, Int32Array.from(starts), Int32Array.from(ends));
  }
}

/** The last change that took a character, on which the removal of what follows is booked. */
function lastTaken(changes: [string, number][]): [string, number] {
  let i = changes.length - 1;
  while (changes[i]![1] > 0) i--;
  return changes[i]!;
}
