import fc from 'fast-check';
import { tensor, zeros } from '../index.js';
import { groupNorm } from './index.js';
import { input, laws, reals } from './testing/laws.js';

const cases = fc
  .record({
    N: fc.nat(3),
    groups: fc.integer({ min: 1, max: 3 }),
    each: fc.integer({ min: 1, max: 3 }),
    rest: fc.constantFrom([4], [2, 3], [1, 37]),
  })
  .chain(({ N, groups, each, rest }) => {
    const C = groups * each;
    return fc.record({
      inputs: fc.tuple(
        // Distinct values: where a group's variance vanishes the function is all curvature.
        input([N, C, ...rest], reals()).map((x) => ({ ...x, values: x.values.map((v, i) => v + (i % 5)) })),
        input([C], reals(-2, 2)),
        input([C], reals(-2, 2)),
      ),
      args: fc.constant({ groups }),
    });
  });

laws(groupNorm, {
  sums: true,
  cases,
  run: ([x, w, b], { groups }) => groupNorm(x!, groups, w!, b!),
  tolerance: { f32: 2e-5, f16: 6e-3, bf16: 4e-2 },
  values: [
    {
      name: 'centres and scales each group',
      run: (device) => groupNorm(tensor([[-1, 1, 2, 6]], { device }), 2, null, null, { eps: 0 }),
      expected: [-1, 1, -1, 1],
    },
  ],
  errors: [
    { name: 'a vector', run: () => groupNorm(zeros([3]), 1), code: 'E_SHAPE' },
    {
      name: 'groups that do not divide the channels',
      run: () => groupNorm(zeros([2, 3]), 2),
      code: 'E_SHAPE',
    },
    {
      name: 'a weight of another width',
      run: () => groupNorm(zeros([2, 4]), 2, zeros([2])),
      code: 'E_SHAPE',
    },
  ],
});
