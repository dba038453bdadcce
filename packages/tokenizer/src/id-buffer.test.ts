import { describe, expect, it } from 'vitest';
import { IdBuffer } from './id-buffer.js';

describe('a growing list of ids', () => {
  it('ends as what was written, as a copy where much room is left', () => {
    for (const count of [0, 1, 1000, 1 << 18, 300_000]) {
      const buffer = new IdBuffer(16);
      for (let i = 0; i < count; i++) buffer.push(i);
      expect(buffer.finish()).toEqual(Int32Array.from({ length: count }, (_, i) => i));
    }
    const loose = new IdBuffer(2_000_000);
    for (let i = 0; i < 300_000; i++) loose.push(i);
    expect(loose.finish().buffer.byteLength).toBe(1_200_000);
  });

  it('is not copied where it is large and half full', () => {
    const buffer = new IdBuffer(600_000);
    for (let i = 0; i < 300_000; i++) buffer.push(i);
    expect(buffer.finish().buffer).toBe(buffer.data.buffer);
  });
});
