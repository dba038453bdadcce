import { DTYPES } from '../dtype.js';
import { TensorError } from '../errors.js';
import { eachOffset } from '../layout.js';
import { Kernel, launchInto } from '../runtime.js';
import type { Shape } from '../shape.js';
import { empty, type Tensor, type TensorOptions } from '../tensor.js';

const fillKernel = new Kernel('fill', 'd:value;');
const arangeKernel = new Kernel('arange', 'd:start;d:step;');

/**
 * A tensor with every element `value`.
 * @throws TensorError E_SHAPE, E_DEVICE, E_OOM
 * @example
 * full([2, 3], 0.5);
 */
export function full(shape: Shape, value: number, options: TensorOptions = {}): Tensor {
  const t = empty('full', shape, options.dtype, options.device);
  fill_(t, value);
  return options.requiresGrad ? t.setRequiresGrad() : t;
}

/** Sets every element of a tensor in place. Not recorded. */
export function fill_(t: Tensor, value: number): Tensor {
  t.assertAlive('fill_');
  const { values } = t.storage;
  if (values) {
    const rounded = DTYPES[t.dtype].round(value);
    t.storage.version++;
    eachOffset(t, (offset) => {
      values[offset] = rounded;
    });
  } else launchInto(fillKernel, [], [t], [value]);
  return t;
}

/** A tensor of zeros. @example zeros([2, 3]); */
export const zeros = (shape: Shape, options?: TensorOptions): Tensor => full(shape, 0, options);

/** A tensor of ones. @example ones([3], { dtype: 'bf16' }); */
export const ones = (shape: Shape, options?: TensorOptions): Tensor => full(shape, 1, options);

/** Zeros of another tensor's shape, dtype and device. */
export const zerosLike = ({ shape, dtype, device }: Tensor): Tensor => full(shape, 0, { dtype, device });

/** Ones of another tensor's shape, dtype and device. */
export const onesLike = ({ shape, dtype, device }: Tensor): Tensor => full(shape, 1, { dtype, device });

/**
 * The numbers start, start + step, ... below (or, for a negative step, above) `end`.
 * @param options.dtype default 'i32' when all three are integers, else 'f32'
 * @throws TensorError E_SHAPE for a step of 0 or one that never arrives
 * @example
 * arange(0, 10, 2).toArray(); // => [0, 2, 4, 6, 8]
 */
export function arange(start: number, end: number, step = 1, options: TensorOptions = {}): Tensor {
  const n = Math.max(0, Math.ceil((end - start) / step));
  if (!Number.isFinite(n))
    throw new TensorError(
      'E_SHAPE',
      'arange',
      'start, end and a non-zero step must be finite',
      `${start}, ${end}, ${step}`,
    );
  const { dtype = [start, end, step].every(Number.isInteger) ? 'i32' : 'f32', device } = options;
  const t = empty('arange', [n], dtype, device);
  if (t.storage.values)
    for (let i = 0; i < n; i++) t.storage.values[i] = DTYPES[dtype].round(start + i * step);
  else launchInto(arangeKernel, [], [t], [start, step]);
  return t;
}
