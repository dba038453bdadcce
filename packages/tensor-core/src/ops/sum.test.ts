import fc from 'fast-check';
import { tensor } from '../index.js';
import { sum } from './index.js';
import { input, laws, shapes } from './testing/laws.js';

const cases = shapes(4, 5, 1).chain((shape) =>
  fc.record({
    inputs: input(shape).map((x) => [x]),
    args: fc.record({ axes: fc.subarray(shape.map((_, a) => a)), keepDims: fc.boolean() }),
  }),
);

laws(sum, {
  sums: true,
  cases,
  run: ([x], { axes, keepDims }) => x!.sum(axes, { keepDims }),
  values: [
    {
      name: 'sums everything',
      run: (device) =>
        tensor(
          [
            [1, 2],
            [3, 4],
          ],
          { device },
        ).sum(),
      expected: [10],
    },
  ],
  errors: [
    { name: 'an axis outside the tensor', run: () => tensor([1]).sum(1), code: 'E_INDEX' },
    { name: 'an axis twice', run: () => tensor([[1]]).sum([0, -2]), code: 'E_INDEX' },
  ],
});
