import { DTYPES, requireFloat, statisticsDType } from '../dtype.js';
import { TensorError } from '../errors.js';
import { toDense, toMatrix } from '../layout.js';
import { apply, describe, type OpDefinition, operation } from '../op.js';
import { Kernel } from '../runtime.js';
import type { Tensor } from '../tensor.js';
import { ones, zeros } from './creation.js';

const forwardKernel = new Kernel('layer_norm', 'd:eps;');
const gradKernel = new Kernel('layer_norm_grad', '');

const gradient: OpDefinition = {
  name: 'layerNormGrad',
  infer: ([x, weight]) => [x!, weight!, weight!],
  reference([x, weight, mean, rstd, dy]) {
    const columns = weight!.shape[0]!;
    const dx = new Float64Array(x!.data.length);
    const dweight = new Float64Array(columns);
    const dbias = new Float64Array(columns);
    for (let r = 0; r < mean!.data.length; r++) {
      let sumG = 0;
      let sumGN = 0;
      const normal = (c: number) => (x!.data[r * columns + c]! - mean!.data[r]!) * rstd!.data[r]!;
      for (let c = 0; c < columns; c++) {
        const g = dy!.data[r * columns + c]!;
        dweight[c]! += g * normal(c);
        dbias[c]! += g;
        sumG += g * weight!.data[c]!;
        sumGN += g * weight!.data[c]! * normal(c);
      }
      for (let c = 0; c < columns; c++) {
        const g = dy!.data[r * columns + c]! * weight!.data[c]!;
        dx[r * columns + c] = rstd!.data[r]! * (g - sumG / columns - (normal(c) * sumGN) / columns);
      }
    }
    return [dx, dweight, dbias];
  },
  native([x, weight, mean, rstd, dy]) {
    const rows = toMatrix(x!);
    return {
      kernel: gradKernel,
      inputs: [rows, toDense(weight!), toDense(mean!), toDense(rstd!), toMatrix(dy!)],
      outputShapes: [rows.shape, weight!.shape, weight!.shape],
    };
  },
};

const definition: OpDefinition<{ eps: number }> = {
  name: 'layerNorm',
  infer([x, weight, bias]) {
    requireFloat('layerNorm', x!.dtype);
    const columns = x!.shape.at(-1);
    for (const [name, t] of [
      ['weight', weight!],
      ['bias', bias!],
    ] as const)
      if (t.rank !== 1 || t.shape[0] !== columns || t.dtype !== x!.dtype)
        throw new TensorError(
          'E_SHAPE',
          'layerNorm',
          `${name} must be [C] for x [.., C], of one dtype`,
          describe(x!, t),
        );
    const rows = x!.shape.slice(0, -1);
    const dtype = statisticsDType(x!.dtype);
    return [x!, { shape: rows, dtype }, { shape: rows, dtype }];
  },
  reference([x, weight, bias], { eps }) {
    const columns = weight!.shape[0]!;
    const rows = columns === 0 ? 0 : x!.data.length / columns;
    const y = new Float64Array(x!.data.length);
    const means = new Float64Array(rows);
    const rstds = new Float64Array(rows);
    for (let r = 0; r < rows; r++) {
      const row = x!.data.subarray(r * columns, (r + 1) * columns);
      const mean = row.reduce((a, b) => a + b, 0) / columns;
      const variance = row.reduce((a, v) => a + (v - mean) ** 2, 0) / columns;
      const rstd = 1 / Math.sqrt(variance + eps);
      means[r] = mean;
      rstds[r] = rstd;
      row.forEach((v, c) => {
        y[r * columns + c] = (v - mean) * rstd * weight!.data[c]! + bias!.data[c]!;
      });
    }
    return [y, means, rstds];
  },
  native([x, weight, bias], { eps }) {
    const rows = toMatrix(x!);
    const n = [rows.shape[0]!];
    return {
      kernel: forwardKernel,
      inputs: [rows, toDense(weight!), toDense(bias!)],
      outputShapes: [rows.shape, n, n],
      attrs: [eps],
    };
  },
  saves: { inputs: [0, 1, 2], outputs: [1, 2] },
  recompute: (ctx) => apply(definition, [ctx.input(0), ctx.input(1), ctx.input(2)], ctx.attrs)[0]!,
  grad: (ctx, [dy]) =>
    apply(gradient, [ctx.input(0), ctx.input(1), ctx.output(1), ctx.output(2), dy], undefined),
  cost: ([x]) => ({ flops: 8 * x!.size, bytes: 2 * x!.size * DTYPES[x!.dtype].bytes }),
};

/**
 * y = (x - mean) / sqrt(variance + eps) * weight + bias over the last axis, the variance being the biased one.
 *
 * Ba, Kiros, Hinton, Layer Normalization, 2016, equation 4.
 *
 * @param x float, [.., C]
 * @param weight [C], ones when null
 * @param bias [C], zeros when null
 * @param options.eps default 1e-5
 * @throws TensorError E_SHAPE, E_DTYPE
 * @example
 * layerNorm(x, weight, bias);
 */
export const layerNorm = operation(
  definition,
  (
    x: Tensor,
    weight?: Tensor | null,
    bias?: Tensor | null,
    { eps = 1e-5 }: { eps?: number } = {},
  ): Tensor => {
    x.assertAlive('layerNorm');
    if (x.rank < 1) throw new TensorError('E_SHAPE', 'layerNorm', 'x must be [.., C]', describe(x));
    const { dtype, device } = x;
    const w = weight ?? ones([x.shape.at(-1)!], { dtype, device });
    const b = bias ?? zeros([x.shape.at(-1)!], { dtype, device });
    return apply(definition, [x, w, b], { eps })[0]!;
  },
);
