import { isRecording } from '../autograd.js';
import { DTYPES, requireFloat, statisticsDType } from '../dtype.js';
import { TensorError } from '../errors.js';
import { apply, describe, type OpDefinition, operation } from '../op.js';
import { matmulPrecision } from '../precision.js';
import { Kernel, launchInto } from '../runtime.js';
import { scope } from '../scope.js';
import { sameShape } from '../shape.js';
import { empty, type Tensor } from '../tensor.js';
import { cast } from './cast.js';
import { full, zeros } from './creation.js';
import { type CrossEntropyOptions, crossEntropy, crossEntropyGrad } from './crossEntropy.js';
import { linear } from './linear.js';
import { matmul, matrix } from './matmul.js';
import { transpose } from './permute.js';
import { reshape } from './reshape.js';
import { slice } from './slice.js';
import { sum } from './sum.js';

interface LinearCrossEntropyAttrs {
  ignoreIndex: number;
  labelSmoothing: number;
  mean: boolean;
  /** Whether the gradients are computed along with the loss. */
  gradients: boolean;
  chunkBytes: number;
}

const addProductKernel = new Kernel('matmul_add', 'i:bf16;');

// sum += a b
function addProduct(sum: Tensor, a: Tensor, b: Tensor): void {
  if (sum.dtype === 'f32' && a.dtype === 'f32')
    launchInto(addProductKernel, [matrix(a), matrix(b)], [sum], [matmulPrecision() === 'bf16' ? 1 : 0]);
  else sum.copy_(sum.add(cast(matmul(a, b), sum.dtype)));
}

const definition: OpDefinition<LinearCrossEntropyAttrs> = {
  name: 'linearCrossEntropy',
  infer: ([x, weight], { gradients }) => [
    { shape: [], dtype: statisticsDType(x!.dtype) },
    ...(gradients ? [x!, weight!] : []),
  ],
  reference([x, weight, target], { ignoreIndex, labelSmoothing: s, mean, gradients }) {
    const [N, C] = x!.shape as [number, number];
    const V = weight!.shape[0]!;
    const [dx, dw] = [new Float64Array(N * C), new Float64Array(V * C)];
    const counted = target!.data.reduce((n, t) => n + (t === ignoreIndex ? 0 : 1), 0);
    const share = mean ? 1 / counted : 1;
    let loss = 0;
    target!.data.forEach((t, r) => {
      if (t === ignoreIndex) return;
      if (!(t >= 0 && t < V))
        throw new TensorError(
          'E_INDEX',
          'linearCrossEntropy',
          `targets must lie in [0, ${V - 1}] or be ${ignoreIndex}`,
          `${t}`,
        );
      const logits = Float64Array.from({ length: V }, (_, v) => {
        let z = 0;
        for (let c = 0; c < C; c++) z += x!.data[r * C + c]! * weight!.data[v * C + c]!;
        return z;
      });
      const max = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
      const lse = max + Math.log(logits.reduce((n, z) => n + Math.exp(z - max), 0));
      const average = logits.reduce((a, b) => a + b, 0) / V;
      loss += (1 - s) * (lse - logits[t]!) + (s === 0 ? 0 : s * (lse - average));
      logits.forEach((z, v) => {
        const dz = share * (Math.exp(z - lse) - (v === t ? 1 - s : 0) - s / V);
        for (let c = 0; c < C; c++) {
          dx[r * C + c]! += dz * weight!.data[v * C + c]!;
          dw[v * C + c]! += dz * x!.data[r * C + c]!;
        }
      });
    });
    return [[mean ? loss / counted : loss], ...(gradients ? [dx, dw] : [])];
  },
  run([x, weight, target], { ignoreIndex, labelSmoothing, mean, gradients, chunkBytes }) {
    const [N, C] = x!.shape as [number, number];
    const V = weight!.shape[0]!;
    const { dtype, device } = x!;
    const statistics = statisticsDType(dtype);
    const counted = sum(cast(target!.ne(ignoreIndex), statistics));
    const share = full([N], 1, { dtype: statistics, device });
    const each = mean ? share.div(counted) : share;
    const losses = empty('linearCrossEntropy', [N], statistics, device);
    const dx = gradients ? empty('linearCrossEntropy', [N, C], dtype, device) : null;
    // Chunks of 16-bit gradients are added up in f32.
    const dw = gradients ? zeros([V, C], { dtype: statistics, device }) : null;
    const chunks = Math.max(1, Math.ceil((N * V * DTYPES[dtype].bytes) / chunkBytes));
    const rows = Math.ceil(N / chunks);
    for (let r0 = 0; r0 < N; r0 += rows)
      scope(() => {
        const part = (t: Tensor) => slice(t, 0, r0, Math.min(N, r0 + rows));
        const attrs = { ignoreIndex, labelSmoothing };
        const logits = linear(part(x!), weight!);
        const [loss, lse] = apply(crossEntropy.definition, [logits, part(target!)], attrs);
        part(losses).copy_(loss!);
        if (!dx || !dw) return;
        // In place: the chunk's logits are not needed any more.
        crossEntropyGrad(logits, part(target!), lse!, part(each), attrs);
        part(dx).copy_(matmul(logits, weight!));
        addProduct(dw, transpose(logits, 0, 1), part(x!));
      });
    const total = sum(losses);
    return [mean ? total.div(counted) : total, ...(dx && dw ? [dx, cast(dw, dtype)] : [])];
  },
  saves: { outputs: [1, 2] },
  grad(ctx, [dloss]) {
    // A loss that is the end of the graph has the gradient 1.
    const unit = dloss.item() === 1;
    const scaled = (i: number) => {
      const g = ctx.output(i);
      return unit ? g : g.mul(cast(dloss, g.dtype));
    };
    return [ctx.needs(0) ? scaled(1) : null, ctx.needs(1) ? scaled(2) : null, null];
  },
  cost([x, weight], { gradients }) {
    const [N, C] = x!.shape as [number, number];
    const flops = (gradients ? 6 : 2) * N * C * weight!.shape[0]!;
    return { flops, bytes: (gradients ? 2 : 1) * (x!.size + weight!.size) * DTYPES[x!.dtype].bytes };
  },
};

/** Options of {@link linearCrossEntropy}. */
export interface LinearCrossEntropyOptions
  extends Pick<CrossEntropyOptions, 'ignoreIndex' | 'labelSmoothing'> {
  /** 'mean' over the rows that count (NaN when there are none), or 'sum'. Default 'mean'. */
  reduction?: 'mean' | 'sum';
  /** About how many bytes of logits exist at once. Default 64 MB; fewer cost speed. */
  chunkBytes?: number;
}

/**
 * crossEntropy(linear(x, weight), target) without all logits ever being in memory: rows go through a chunk at a time,
 * and a chunk's logits become its part of the gradients before the next chunk overwrites them. A model's loss, whose
 * vocabulary is its widest axis, then costs the memory of the gradients and of one chunk.
 *
 * The formula is {@link crossEntropy}'s. Computing gradients along with the loss is from Hsu et al., Liger Kernel, 2024,
 * section 3.2, https://arxiv.org/abs/2410.10989.
 *
 * @param x float, [.., C]
 * @param weight [V, C], of x's dtype
 * @param target i32, [..]: the class of each row, in [0, V)
 * @returns a scalar, f32 (f64 for f64 inputs)
 * @throws TensorError E_SHAPE, E_DTYPE, E_FORMAT, E_INDEX for a target that is no class
 * @example
 * linearCrossEntropy(zeros([3, 2]), ones([8, 2]), tensor([1, 2, 7], { dtype: 'i32' })).item(); // => 2.0794415473937988
 */
export const linearCrossEntropy = operation(
  definition,
  (
    x: Tensor,
    weight: Tensor,
    target: Tensor,
    {
      ignoreIndex = -100,
      labelSmoothing = 0,
      reduction = 'mean',
      chunkBytes = 64e6,
    }: LinearCrossEntropyOptions = {},
  ): Tensor => {
    for (const t of [x, weight, target]) t.assertAlive('linearCrossEntropy');
    requireFloat('linearCrossEntropy', x.dtype, 'x');
    if (weight.dtype !== x.dtype || target.dtype !== 'i32')
      throw new TensorError(
        'E_DTYPE',
        'linearCrossEntropy',
        'x and weight must have one dtype, and target must be i32',
        describe(x, weight, target),
        'cast one of them',
      );
    if (
      x.rank < 1 ||
      weight.rank !== 2 ||
      x.shape.at(-1) !== weight.shape[1] ||
      !sameShape(x.shape.slice(0, -1), target.shape)
    )
      throw new TensorError(
        'E_SHAPE',
        'linearCrossEntropy',
        'x must be [.., C], weight [V, C] and target [..]',
        describe(x, weight, target),
      );
    if (!(labelSmoothing >= 0 && labelSmoothing <= 1) || !(chunkBytes > 0))
      throw new TensorError(
        'E_FORMAT',
        'linearCrossEntropy',
        'labelSmoothing must lie in [0, 1] and chunkBytes be positive',
        `${labelSmoothing}, ${chunkBytes}`,
      );
    const rows = reshape(x, [target.size, weight.shape[1]!]);
    const gradients = isRecording() && (x.requiresGrad || weight.requiresGrad);
    const attrs = {
      ignoreIndex,
      labelSmoothing,
      mean: reduction === 'mean',
      gradients,
      chunkBytes,
    };
    const [loss, ...rest] = apply(definition, [rows, weight, reshape(target, [target.size])], attrs);
    for (const t of rest) t.dispose();
    return loss!;
  },
);
