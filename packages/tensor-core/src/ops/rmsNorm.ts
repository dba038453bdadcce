import { DTYPES, requireFloat, statisticsDType } from '../dtype.js';
import { TensorError } from '../errors.js';
import { toDense, toMatrix } from '../layout.js';
import { apply, describe, type OpDefinition, operation } from '../op.js';
import { Kernel } from '../runtime.js';
import type { Tensor } from '../tensor.js';
import { ones } from './creation.js';

const forwardKernel = new Kernel('rms_norm', 'd:eps;');
const gradKernel = new Kernel('rms_norm_grad', '');

const gradient: OpDefinition = {
  name: 'rmsNormGrad',
  infer: ([x, weight]) => [x!, weight!],
  reference([x, weight, rstd, dy]) {
    const columns = weight!.shape[0]!;
    const dx = new Float64Array(x!.data.length);
    const dweight = new Float64Array(columns);
    for (let r = 0; r < rstd!.data.length; r++) {
      const s = rstd!.data[r]!;
      let dot = 0;
      for (let c = 0; c < columns; c++) {
        const i = r * columns + c;
        dweight[c]! += dy!.data[i]! * x!.data[i]! * s;
        dot += dy!.data[i]! * weight!.data[c]! * x!.data[i]!;
      }
      for (let c = 0; c < columns; c++) {
        const i = r * columns + c;
        dx[i] = s * dy!.data[i]! * weight!.data[c]! - (s ** 3 * x!.data[i]! * dot) / columns;
      }
    }
    return [dx, dweight];
  },
  native([x, weight, rstd, dy]) {
    const rows = toMatrix(x!);
    return {
      kernel: gradKernel,
      inputs: [rows, toDense(weight!), toDense(rstd!), toMatrix(dy!)],
      outputShapes: [rows.shape, weight!.shape],
    };
  },
};

const definition: OpDefinition<{ eps: number }> = {
  name: 'rmsNorm',
  infer([x, weight]) {
    requireFloat('rmsNorm', x!.dtype);
    if (weight!.rank !== 1 || weight!.shape[0] !== x!.shape.at(-1) || weight!.dtype !== x!.dtype)
      throw new TensorError(
        'E_SHAPE',
        'rmsNorm',
        'weight must be [C] for x [.., C], of one dtype',
        describe(x!, weight!),
      );
    return [x!, { shape: x!.shape.slice(0, -1), dtype: statisticsDType(x!.dtype) }];
  },
  reference([x, weight], { eps }) {
    const columns = weight!.shape[0]!;
    const rows = columns === 0 ? 0 : x!.data.length / columns;
    const y = new Float64Array(x!.data.length);
    const rstds = new Float64Array(rows);
    for (let r = 0; r < rows; r++) {
      const row = x!.data.subarray(r * columns, (r + 1) * columns);
      const rstd = 1 / Math.sqrt(row.reduce((a, v) => a + v * v, 0) / columns + eps);
      rstds[r] = rstd;
      row.forEach((v, c) => {
        y[r * columns + c] = v * rstd * weight!.data[c]!;
      });
    }
    return [y, rstds];
  },
  native([x, weight], { eps }) {
    const rows = toMatrix(x!);
    return {
      kernel: forwardKernel,
      inputs: [rows, toDense(weight!)],
      outputShapes: [rows.shape, [rows.shape[0]!]],
      attrs: [eps],
    };
  },
  saves: { inputs: [0, 1], outputs: [1] },
  recompute: (ctx) => apply(definition, [ctx.input(0), ctx.input(1)], ctx.attrs)[0]!,
  grad: (ctx, [dy]) => apply(gradient, [ctx.input(0), ctx.input(1), ctx.output(1), dy], undefined),
  cost: ([x]) => ({ flops: 4 * x!.size, bytes: 2 * x!.size * DTYPES[x!.dtype].bytes }),
};

/**
 * y = x / sqrt(mean of x^2 + eps) * weight over the last axis.
 *
 * Zhang, Sennrich, Root Mean Square Layer Normalization, 2019, equation 4.
 *
 * @param x float, [.., C]
 * @param weight [C], ones when null
 * @param options.eps default 1e-6
 * @throws TensorError E_SHAPE, E_DTYPE
 * @example
 * rmsNorm(x, weight);
 */
export const rmsNorm = operation(
  definition,
  (x: Tensor, weight?: Tensor | null, { eps = 1e-6 }: { eps?: number } = {}): Tensor => {
    x.assertAlive('rmsNorm');
    if (x.rank < 1) throw new TensorError('E_SHAPE', 'rmsNorm', 'x must be [.., C]', describe(x));
    const w = weight ?? ones([x.shape.at(-1)!], { dtype: x.dtype, device: x.device });
    return apply(definition, [x, w], { eps })[0]!;
  },
);
