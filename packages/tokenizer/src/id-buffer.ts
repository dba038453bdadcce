/** From so many ids on, fresh memory for a copy costs more than half a buffer that stays. */
const LARGE = 1 << 18;

/** A growing list of ids: what the hot path writes into, so that no array is made per piece. */
export class IdBuffer {
  data: Int32Array;
  length = 0;

  constructor(capacity = 1024) {
    this.data = new Int32Array(capacity);
  }

  /** Makes room for `count` more. */
  reserve(count: number): void {
    if (this.length + count <= this.data.length) return;
    const data = new Int32Array(Math.max(this.data.length * 2, this.length + count));
    data.set(this.data.subarray(0, this.length));
    this.data = data;
  }

  push(id: number): void {
    if (this.length === this.data.length) this.reserve(1);
    this.data[this.length++] = id;
  }

  /** Appends each of the numbers, `add` more. */
  pushAll(values: Int32Array, add = 0): void {
    this.reserve(values.length);
    const { data } = this;
    for (let i = 0; i < values.length; i++) data[this.length++] = values[i]! + add;
  }

  /** What was written; the buffer is not to be used any more. Where a large buffer is at least half full, it is not copied. */
  finish(): Int32Array {
    const { data, length } = this;
    return length >= LARGE && 2 * length >= data.length ? view(data, 0, length) : data.slice(0, length);
  }
}

/** `subarray`, sooner. */
export function view(array: Int32Array, from: number, to: number): Int32Array {
  return new Int32Array(array.buffer, array.byteOffset + 4 * from, to - from);
}
