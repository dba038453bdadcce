import { tensor, zeros } from '../index.js';
import { gru } from './index.js';
import { laws } from './testing/laws.js';
import { recurrentCases } from './testing/recurrent.js';

const weights = (shape: number[]) => ({ weightIh: zeros(shape), weightHh: zeros([3, 1]) });

laws(gru, {
  sums: true,
  cases: recurrentCases(3, 1),
  run: ([x, weightIh, weightHh, biasIh, biasHh, h0], { reverse }) => {
    const { y, h } = gru(x!, { weightIh: weightIh!, weightHh: weightHh!, biasIh, biasHh }, { h0, reverse });
    return [y, h];
  },
  tolerance: { f32: 1e-5, f16: 4e-3, bf16: 3e-2 },
  values: [
    {
      name: 'without weights halves the state at every step',
      run: (device) =>
        gru(
          zeros([2, 1, 1], { device }),
          { weightIh: zeros([3, 1], { device }), weightHh: zeros([3, 1], { device }) },
          { h0: tensor([[4]], { device }), reverse: true },
        ).y,
      expected: [1, 2],
    },
  ],
  errors: [
    { name: 'two axes', run: () => gru(zeros([2, 1]), weights([3, 1])), code: 'E_SHAPE' },
    { name: 'four gates', run: () => gru(zeros([2, 1, 1]), weights([4, 1])), code: 'E_SHAPE' },
    {
      name: 'a state of another batch',
      run: () => gru(zeros([2, 1, 1]), weights([3, 1]), { h0: zeros([2, 1]) }),
      code: 'E_SHAPE',
    },
    {
      name: 'mixed dtypes',
      run: () => gru(zeros([2, 1, 1], { dtype: 'f64' }), weights([3, 1])),
      code: 'E_DTYPE',
    },
  ],
});
