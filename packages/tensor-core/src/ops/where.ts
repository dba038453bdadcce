import { DTYPES } from '../dtype.js';
import { TensorError } from '../errors.js';
import { broadcastView } from '../layout.js';
import { apply1, type OpDefinition, operation } from '../op.js';
import { Kernel } from '../runtime.js';
import { scope } from '../scope.js';
import { broadcastShapes, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { full } from './creation.js';
import { mapBroadcast, operands, sumTo } from './elementwise.js';

const kernel = new Kernel('where', '');

const definition: OpDefinition = {
  name: 'where',
  infer([condition, a, b]) {
    if (condition!.dtype !== 'bool')
      throw new TensorError(
        'E_DTYPE',
        'where',
        'the condition must be bool',
        condition!.dtype,
        'compare it, or cast it: condition.ne(0)',
      );
    const shape = broadcastShapes('where', condition!.shape, broadcastShapes('where', a!.shape, b!.shape));
    return [{ shape, dtype: a!.dtype }];
  },
  reference: (inputs, _, [y]) => [mapBroadcast(inputs, y!.shape, (c, a, b) => (c ? a! : b!))],
  native: (inputs, _, [y]) => ({ kernel, inputs: inputs.map((x) => broadcastView(x, y!.shape)) }),
  saves: { inputs: [0] },
  grad: (ctx, [dy]) => {
    const condition = ctx.input(0);
    const [, a, b] = ctx.inputSpecs;
    return [
      null,
      ctx.needs(1) ? sumTo(where(condition, dy, 0), a!.shape) : null,
      ctx.needs(2) ? sumTo(where(condition, 0, dy), b!.shape) : null,
    ];
  },
  cost: ([condition, a], _, [y]) => ({
    flops: 0,
    bytes: condition!.size + 3 * sizeOf(y!.shape) * DTYPES[a!.dtype].bytes,
  }),
};

/**
 * a where the condition holds, else b, element by element, with broadcasting.
 *
 * @param condition bool
 * @param a, b tensors or numbers (two numbers give f32); dtypes are promoted
 * @throws TensorError E_SHAPE, E_DTYPE (the condition is not bool), E_DEVICE
 * @example
 * const x = tensor([-1, 2]);
 * where(x.gt(0), x, 0).toArray(); // => [0, 2]
 */
export const where = operation(
  definition,
  (condition: Tensor, a: Tensor | number, b: Tensor | number): Tensor => {
    condition.assertAlive('where');
    return scope(() => {
      const bothNumbers = typeof a === 'number' && typeof b === 'number';
      const first = bothNumbers ? full([], a, { device: condition.device }) : a;
      return apply1(definition, [condition, ...operands('where', first, b)], undefined);
    });
  },
);
