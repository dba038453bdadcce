import { describe, expect, it } from 'vitest';
import { scope, tensor } from '../index.js';
import { clone } from './index.js';
import { laws, unaryCases } from './testing/laws.js';

laws(clone, {
  cases: unaryCases(),
  run: ([x]) => x!.clone(),
  dtypes: ['f32', 'f64', 'bf16', 'f16', 'i32', 'u8', 'bool'],
});

describe.each(['ref', 'cpu'] as const)('clone and contiguous on %s', (device) => {
  it('a clone has memory of its own', () =>
    scope(() => {
      const x = tensor([1, 2], { device });
      const y = x.clone();
      y.fill_(9);
      expect(x.toArray()).toEqual([1, 2]);
    }));

  it('contiguous copies only what is not row-major', () =>
    scope(() => {
      const x = tensor(
        [
          [1, 2],
          [3, 4],
        ],
        { device },
      );
      expect(x.contiguous().storage).toBe(x.storage);
      const t = x.transpose(0, 1).contiguous();
      expect(t.storage).not.toBe(x.storage);
      expect(t.isContiguous).toBe(true);
      expect(t.toArray()).toEqual([
        [1, 3],
        [2, 4],
      ]);
    }));
});
