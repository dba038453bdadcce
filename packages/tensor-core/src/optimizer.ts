import { DTYPES } from './dtype.js';
import { TensorError } from './errors.js';
import { describe } from './op.js';
import { Kernel, launch, launchInto, native, type View } from './runtime.js';
import { sameShape } from './shape.js';
import { allocate } from './storage.js';
import type { Tensor } from './tensor.js';

const adamwKernel = new Kernel('adamw', 'd:beta1;d:beta2;d:eps;d:scale;i:step;');
const sumSquaresKernel = new Kernel('sum_squares', '');
const scaleKernel = new Kernel('scale', 'd:factor;');

function checkList(op: string, tensors: readonly Tensor[]): void {
  for (const t of tensors) {
    t.assertAlive(op);
    if (!t.isContiguous || t.device !== tensors[0]!.device)
      throw new TensorError('E_UNSUPPORTED', op, 'tensors must be contiguous and on one device', `${t}`);
  }
}

/** Hyperparameters of one {@link adamw} step. */
export interface AdamWOptions {
  /** One for all parameters, or one for each. */
  lr: number | readonly number[];
  /** Default 0.9. */
  beta1?: number;
  /** Default 0.999. */
  beta2?: number;
  /** Default 1e-8. */
  eps?: number;
  /** One for all parameters, or one for each. Default 0.01. */
  weightDecay?: number | readonly number[];
  /** What gradients are multiplied with as they are read, such as {@link clipFactor}. Default 1. */
  gradientScale?: number;
  /** The number of this step, counted from 1. */
  step: number;
}

/**
 * One AdamW step over all parameters in one call, in place, g being the gradient times `gradientScale`:
 * p *= 1 - lr * wd; m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
 * p -= lr / (1 - b1^t) * m / (sqrt(v / (1 - b2^t)) + eps).
 *
 * Loshchilov, Hutter, Decoupled Weight Decay Regularization, 2019, algorithm 2.
 *
 * @param parameters, gradients, firstMoments, secondMoments lists of equal length, shapes equal one by one
 * @param options.lr, options.weightDecay may differ between parameters: groups need no calls of their own
 * @throws TensorError E_SHAPE when the lists do not match, E_FORMAT for a step below 1
 * @example
 * const [params, m, v] = [[ones([3])], [zeros([3])], [zeros([3])]];
 * adamw(params, [ones([3])], m, v, { lr: 0.5, weightDecay: 0, step: 1 });
 * params[0].toArray(); // => [0.5, 0.5, 0.5]
 */
export function adamw(
  parameters: readonly Tensor[],
  gradients: readonly Tensor[],
  firstMoments: readonly Tensor[],
  secondMoments: readonly Tensor[],
  { lr, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weightDecay = 0.01, gradientScale = 1, step }: AdamWOptions,
): void {
  if (!Number.isSafeInteger(step) || step < 1)
    throw new TensorError('E_FORMAT', 'adamw', 'steps count from 1', `${step}`);
  const lists = [gradients, firstMoments, secondMoments];
  parameters.forEach((p, i) => {
    for (const list of lists)
      if (list.length !== parameters.length || !sameShape(list[i]!.shape, p.shape))
        throw new TensorError(
          'E_SHAPE',
          'adamw',
          'gradients and moments must match the parameters one by one',
          `${list.length} against ${parameters.length}${list[i] ? `: ${describe(p, list[i]!)}` : ''}`,
        );
  });
  // Learning rate and weight decay of each parameter, one after the other.
  const rates = new Float64Array(2 * parameters.length);
  for (const [at, value] of [lr, weightDecay].entries()) {
    if (typeof value !== 'number' && value.length !== parameters.length)
      throw new TensorError(
        'E_SHAPE',
        'adamw',
        `${at ? 'weightDecay' : 'lr'} must be one number, or one for each parameter`,
        `${value.length} for ${parameters.length}`,
      );
    parameters.forEach((_, k) => {
      rates[2 * k + at] = typeof value === 'number' ? value : value[k]!;
    });
  }
  if (parameters.length === 0) return;
  checkList('adamw', [...parameters, ...lists.flat()]);
  const { device } = parameters[0]!;
  if (device !== 'ref') {
    const storage = allocate('adamw', device, rates.length, 8);
    try {
      native().addon.write(storage.handle, 0, rates);
      const list = {
        shape: [parameters.length, 2],
        strides: [2, 1],
        offset: 0,
        dtype: 'f64' as const,
        storage,
      };
      launchInto(
        adamwKernel,
        [...gradients, list],
        [...parameters, ...firstMoments, ...secondMoments],
        [beta1, beta2, eps, gradientScale, step],
      );
    } finally {
      storage.release();
    }
    return;
  }
  const c1 = 1 - beta1 ** step;
  const c2 = 1 - beta2 ** step;
  parameters.forEach((t, k) => {
    const [g, m, v] = [gradients[k]!, firstMoments[k]!, secondMoments[k]!].map(elements) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const p = elements(t);
    const [rate, decay] = [rates[2 * k]!, rates[2 * k + 1]!];
    for (const changed of [t, firstMoments[k]!, secondMoments[k]!]) changed.storage.version++;
    for (let i = 0; i < p.length; i++) {
      const gradient = g[i]! * gradientScale;
      m[i]! += (1 - beta1) * (gradient - m[i]!);
      v[i]! += (1 - beta2) * (gradient * gradient - v[i]!);
      p[i] = DTYPES[t.dtype].round(
        p[i]! * (1 - rate * decay) - ((rate / c1) * m[i]!) / (Math.sqrt(v[i]! / c2) + eps),
      );
    }
  });
}

const elements = (t: View & { size: number }): Float64Array =>
  t.storage.values!.subarray(t.offset, t.offset + t.size);

/**
 * The Euclidean norm over all elements of all tensors, summed in float64.
 * @throws TensorError E_UNSUPPORTED for strided tensors
 * @example
 * globalNorm([tensor([3]), tensor([4])]); // => 5
 */
export function globalNorm(tensors: readonly Tensor[]): number {
  if (tensors.length === 0) return 0;
  checkList('globalNorm', tensors);
  const { device } = tensors[0]!;
  if (device === 'ref')
    return Math.sqrt(tensors.reduce((s, t) => elements(t).reduce((a, v) => a + v * v, s), 0));
  const out = { shape: [1], strides: [1], offset: 0, dtype: 'f64' as const, storage: tensors[0]!.storage };
  const [storage] = launch(sumSquaresKernel, device, tensors, [out], []);
  const value = new Float64Array(1);
  native().addon.read(storage!.handle, 0, value);
  storage!.release();
  return Math.sqrt(value[0]!);
}

/** Multiplies every element of every tensor by a factor, in place. Not recorded. */
export function scale_(tensors: readonly Tensor[], factor: number): void {
  if (tensors.length === 0) return;
  checkList('scale_', tensors);
  if (tensors[0]!.device !== 'ref') launchInto(scaleKernel, [], tensors, [factor]);
  else
    for (const t of tensors) {
      t.storage.version++;
      const x = elements(t);
      x.forEach((v, i) => {
        x[i] = DTYPES[t.dtype].round(v * factor);
      });
    }
}

/**
 * What brings gradients of a norm down to `maxNorm`: min(1, maxNorm / (norm + 1e-6)). Given to {@link adamw} as
 * `gradientScale` it spares the pass over the gradients that {@link clipGradNorm} makes.
 * @example
 * clipFactor(0.5, 1); // => 1
 */
export function clipFactor(norm: number, maxNorm: number): number {
  const factor = maxNorm / (norm + 1e-6);
  return factor < 1 ? factor : 1;
}

/**
 * Scales gradients so that their global norm is at most `maxNorm`: each is multiplied by min(1, maxNorm / (norm + 1e-6)).
 *
 * Pascanu, Mikolov, Bengio, On the difficulty of training recurrent neural networks, 2013, algorithm 1.
 *
 * @returns the norm before clipping
 * @example
 * const p = tensor([1, 1], { requiresGrad: true });
 * p.mul(tensor([3, 4])).sum().backward();
 * clipGradNorm([p], 1); // => 5
 */
export function clipGradNorm(parameters: Iterable<Tensor>, maxNorm: number): number {
  const gradients = [...parameters].flatMap((p) => (p.grad ? [p.grad] : []));
  const norm = globalNorm(gradients);
  const factor = clipFactor(norm, maxNorm);
  if (factor < 1) scale_(gradients, factor);
  return norm;
}
