import fc from 'fast-check';
import { tensor } from '../index.js';
import { logicalAnd, logicalNot, logicalOr } from './index.js';
import { binaryCases, digits, laws, unaryCases } from './testing/laws.js';

const dtypes = ['bool', 'f32', 'i32'] as const;
// Halves are true too, though they truncate to 0.
const values = fc.oneof(digits, fc.constant(0.5));

laws(logicalNot, {
  cases: unaryCases(values),
  run: ([x]) => x!.logicalNot(),
  dtypes,
  differentiable: false,
  values: [{ name: 'inverts', run: (device) => tensor([0, 2], { device }).logicalNot(), expected: [1, 0] }],
});

const a = [0, 0, 1, 1];
const b = [0, 1, 0, 1];

laws(logicalAnd, {
  cases: binaryCases(values),
  run: ([x, y]) => x!.logicalAnd(y!),
  dtypes,
  differentiable: false,
  values: [
    {
      name: 'has its truth table',
      run: (device) => tensor(a, { device }).logicalAnd(tensor(b, { device })),
      expected: [0, 0, 0, 1],
    },
  ],
  errors: [
    {
      name: 'shapes that do not broadcast',
      run: () => tensor([1, 2], { device: 'ref' }).logicalAnd(tensor([1, 2, 3], { device: 'ref' })),
      code: 'E_SHAPE',
    },
  ],
});

laws(logicalOr, {
  cases: binaryCases(values),
  run: ([x, y]) => x!.logicalOr(y!),
  dtypes,
  differentiable: false,
  values: [
    {
      name: 'has its truth table',
      run: (device) => tensor(a, { device }).logicalOr(tensor(b, { device })),
      expected: [0, 1, 1, 1],
    },
  ],
  errors: [
    {
      name: 'shapes that do not broadcast',
      run: () => tensor([1, 2], { device: 'ref' }).logicalOr(tensor([1, 2, 3], { device: 'ref' })),
      code: 'E_SHAPE',
    },
  ],
});
