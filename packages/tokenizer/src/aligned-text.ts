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
    const isWhole = from === 0 && to === this.text.length;
    // What was dropped at the start does not belong to it.
    if (isWhole && (!this.starts || from === to || this.starts[0] === this.origin)) return this;
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
    const mapped: string[] = [];
    let aligned = true;
    for (const char of this.text) {
      const out = map(char, char.codePointAt(0)!);
      mapped.push(out);
      aligned &&= out.length === char.length && (char.length === 1 || out.codePointAt(0)! > 0xffff);
    }
    if (aligned) return this.withText(mapped.join(''));
    for (const out of mapped) {
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
    return this.transform(changes, skip);
  }

  /** Puts `prefix` before a text that is not empty; it belongs to the first character. */
  prepend(prefix: string): AlignedText {
    if (this.text === '' || prefix === '') return this;
    const [start, end] = this.#character(0);
    const size = prefix.length;
    const starts = new Int32Array(size + this.text.length).fill(start, 0, size);
    const ends = new Int32Array(size + this.text.length).fill(end, 0, size);
    this.#copySpans(0, this.text.length, starts, ends, size);
    return new AlignedText(prefix + this.text, this.origin, starts, ends);
  }

  /** Replaces each of the ranges, which ascend and do not overlap, by `content`; it belongs to the last character before its end. */
  replaceRanges(ranges: readonly (readonly [number, number])[], content: string): AlignedText {
    if (ranges.length === 0) return this;
    const { text } = this;
    const parts: string[] = [];
    let aligned = content.length === 1;
    let done = 0;
    for (const [from, to] of ranges) {
      parts.push(text.slice(done, from), content);
      aligned &&= to - from === 1;
      done = to;
    }
    parts.push(text.slice(done));
    const out = parts.join('');
    // One unit for one unit: all stands for what it stood for.
    if (aligned) return this.withText(out);
    const starts = new Int32Array(out.length);
    const ends = new Int32Array(out.length);
    let write = 0;
    done = 0;
    for (const [from, to] of ranges) {
      this.#copySpans(done, from, starts, ends, write);
      write += from - done;
      const [start, end] = to > 0 ? this.#character(to - 1) : [this.origin, this.origin];
      starts.fill(start, write, write + content.length);
      ends.fill(end, write, write + content.length);
      write += content.length;
      done = to;
    }
    this.#copySpans(done, text.length, starts, ends, write);
    return new AlignedText(out, this.origin, starts, ends);
  }

  /** Writes what the units `[from, to)` stand for. */
  #copySpans(from: number, to: number, starts: Int32Array, ends: Int32Array, at: number): void {
    if (this.starts) {
      starts.set(this.starts.subarray(from, to), at);
      ends.set(this.ends!.subarray(from, to), at);
      return;
    }
    const { text, origin } = this;
    for (let i = from; i < to; i++, at++) {
      const unit = text.charCodeAt(i);
      // Both halves of a pair stand for the whole character.
      starts[at] = origin + (unit >= 0xdc00 && unit < 0xe000 ? i - 1 : i);
      ends[at] = origin + (unit >= 0xd800 && unit < 0xdc00 ? i + 2 : i + 1);
    }
  }
}

/** The last change that took a character, on which the removal of what follows is booked. */
function lastTaken(changes: [string, number][]): [string, number] {
  let i = changes.length - 1;
  while (changes[i]![1] > 0) i--;
  return changes[i]!;
}
