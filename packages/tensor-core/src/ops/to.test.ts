import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Device, type DType, deviceStatus, scope, tensor } from '../index.js';
import { to } from './index.js';
import { laws, unaryCases } from './testing/laws.js';

const other = (device: Device): Device => (device === 'ref' ? 'cpu' : 'ref');

const cases = fc
  .tuple(unaryCases(), fc.constantFrom<DType>('f32', 'f64', 'bf16', 'f16', 'i32', 'bool'), fc.boolean())
  .map(([c, dtype, back]) => ({ ...c, args: { dtype, back } }));

laws(to, {
  cases,
  run: ([x], { dtype, back }) => {
    const there = x!.to({ dtype, device: other(x!.device) });
    return back ? there.to({ device: x!.device }) : there;
  },
  dtypes: ['f32', 'f64', 'bf16', 'f16', 'i32', 'u8', 'bool'],
  values: [
    {
      name: 'changes the dtype',
      run: (device) => tensor([1.7], { device }).to({ dtype: 'i32' }),
      expected: [1],
    },
    { name: 'changes nothing', run: (device) => tensor([1.5], { device }).to({}), expected: [1.5] },
  ],
  errors: [
    {
      name: 'an unknown device',
      run: () => tensor([1], { device: 'ref' }).to({ device: 'tpu' as Device }),
      code: 'E_DEVICE',
    },
    {
      name: 'an unknown dtype',
      run: () => tensor([1], { device: 'ref' }).to({ dtype: 'i3' as DType }),
      code: 'E_DTYPE',
    },
  ],
});

describe('to', () => {
  it('says where the tensor is', () =>
    scope(() => {
      expect(tensor([1], { device: 'ref' }).to({ device: 'cpu' }).device).toBe('cpu');
      expect(tensor([1], { device: 'cpu' }).to({ device: 'ref' }).device).toBe('ref');
    }));

  it.runIf(!deviceStatus().cuda.present)('refuses a device that is not present, with the reason', () =>
    scope(() => {
      expect(() => tensor([1], { device: 'ref' }).to({ device: 'cuda' })).toThrow(deviceStatus().cuda.reason);
    }),
  );
});
