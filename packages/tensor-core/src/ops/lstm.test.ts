import { tensor, zeros } from '../index.js';
import { lstm } from './index.js';
import { laws } from './testing/laws.js';
import { recurrentCases } from './testing/recurrent.js';

const weights = (shape: number[], options: { dtype?: 'f32' | 'f64' | 'i32' } = {}) => ({
  weightIh: zeros(shape, options),
  weightHh: zeros([4, 1], options),
});

laws(lstm, {
  sums: true,
  cases: recurrentCases(4, 2),
  run: ([x, weightIh, weightHh, biasIh, biasHh, h0, c0], { reverse }) => {
    const { y, h, c } = lstm(
      x!,
      { weightIh: weightIh!, weightHh: weightHh!, biasIh, biasHh },
      { h0, c0, reverse },
    );
    return [y, h, c];
  },
  tolerance: { f32: 1e-5, f16: 4e-3, bf16: 3e-2 },
  values: [
    {
      name: 'without weights halves the cell at every step',
      run: (device) =>
        lstm(
          zeros([2, 1, 1], { device }),
          { weightIh: zeros([4, 1], { device }), weightHh: zeros([4, 1], { device }) },
          { c0: tensor([[4]], { device }) },
        ).c,
      expected: [1],
    },
  ],
  errors: [
    { name: 'two axes', run: () => lstm(zeros([2, 1]), weights([4, 1])), code: 'E_SHAPE' },
    { name: 'another width', run: () => lstm(zeros([2, 1, 2]), weights([4, 1])), code: 'E_SHAPE' },
    { name: 'three gates', run: () => lstm(zeros([2, 1, 1]), weights([3, 1])), code: 'E_SHAPE' },
    {
      name: 'a state of another batch',
      run: () => lstm(zeros([2, 1, 1]), weights([4, 1]), { h0: zeros([2, 1]) }),
      code: 'E_SHAPE',
    },
    {
      name: 'a bias of another size',
      run: () => lstm(zeros([2, 1, 1]), { ...weights([4, 1]), biasHh: zeros([1]) }),
      code: 'E_SHAPE',
    },
    {
      name: 'mixed dtypes',
      run: () => lstm(zeros([2, 1, 1]), weights([4, 1], { dtype: 'f64' })),
      code: 'E_DTYPE',
    },
  ],
});
