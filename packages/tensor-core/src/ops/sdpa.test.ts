import fc from 'fast-check';
import { tensor, zeros } from '../index.js';
import { sdpa } from './index.js';
import { input, laws, reals } from './testing/laws.js';

const cases = fc
  .record({
    B: fc.integer({ min: 1, max: 2 }),
    T: fc.integer({ min: 1, max: 9 }),
    S: fc.integer({ min: 1, max: 9 }),
    G: fc.integer({ min: 1, max: 2 }),
    repeat: fc.integer({ min: 1, max: 3 }),
    D: fc.constantFrom(1, 3, 8, 16, 33),
  })
  .chain(({ B, T, S, G, repeat, D }) => {
    const one = reals(-1, 1);
    return fc.record({
      inputs: fc.tuple(input([B, T, G * repeat, D], one), input([B, S, G, D], one), input([B, S, G, D], one)),
      args: fc.record({ causal: fc.boolean() }),
    });
  });

laws(sdpa, {
  cases,
  run: ([q, k, v], options) => sdpa(q!, k!, v!, options),
  tolerance: { f32: 2e-5, f16: 4e-3, bf16: 3e-2 },
  // With several queries an infinity in one key makes weights of infinity - infinity: implementations may differ in
  // which of NaN and infinity they return first.
  specials: false,
  values: [
    {
      name: 'equal scores average the values',
      run: (device) =>
        sdpa(
          zeros([1, 1, 1, 2], { device }),
          zeros([1, 2, 1, 2], { device }),
          tensor([[[[1, 2]], [[3, 6]]]], { device }),
        ),
      expected: [2, 4],
    },
    {
      name: 'a causal query that sees no key gives zeros',
      run: (device) =>
        sdpa(
          zeros([1, 2, 1, 1], { device }),
          zeros([1, 1, 1, 1], { device }),
          tensor([[[[5]]]], { device }),
          { causal: true },
        ),
      expected: [0, 5],
    },
  ],
  errors: [
    {
      name: 'three axes',
      run: () => sdpa(zeros([1, 1, 1]), zeros([1, 1, 1]), zeros([1, 1, 1])),
      code: 'E_SHAPE',
    },
    {
      name: 'heads that no group count divides',
      run: () => sdpa(zeros([1, 1, 3, 4]), zeros([1, 1, 2, 4]), zeros([1, 1, 2, 4])),
      code: 'E_SHAPE',
    },
    {
      name: 'mixed dtypes',
      run: () => sdpa(zeros([1, 1, 1, 1]), zeros([1, 1, 1, 1], { dtype: 'f64' }), zeros([1, 1, 1, 1])),
      code: 'E_DTYPE',
    },
  ],
});
