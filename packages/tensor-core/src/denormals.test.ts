// Numbers below the smallest normal float are computed as IEEE 754 says, on the calling thread and on the workers: see
// docs/decisions/0005-denormals-are-kept.md.
import { describe, expect, it } from 'vitest';
import { deviceStatus, full, scope, tensor } from './index.js';

describe.skipIf(!deviceStatus().cpu.present)('denormal numbers', () => {
  it('are kept by every thread', () => {
    scope(() => {
      // Enough for several tasks, so that workers get some.
      const x = full([1 << 20], 1e-40);
      const y = x.mul(2).dataSync() as Float32Array;
      expect(y.every((v) => v === Math.fround(Math.fround(1e-40) * 2))).toBe(true);
    });
  });

  it('are kept by products and sums', () => {
    scope(() => {
      const a = full([64, 64], 1e-20);
      const b = full([64, 64], 1e-20);
      const [first] = a.matmul(b).numbers();
      expect(first! / 64e-40).toBeCloseTo(1, 3);
      expect(tensor([1e-40, 1e-40]).sum().item() / 2e-40).toBeCloseTo(1, 4);
    });
  });

  it('are not flushed in JavaScript either, after a kernel ran', () => {
    scope(() => {
      full([1 << 20], 1).mul(2);
      expect(Number.MIN_VALUE * 1.5).toBeGreaterThan(0);
      expect(Number.MIN_VALUE / 1).toBe(5e-324);
    });
  });
});
