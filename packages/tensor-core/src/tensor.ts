import { backward, type GradNode } from './autograd.js';
import { DTYPES, type DType, decode, encode, type TensorData } from './dtype.js';
import { TensorError } from './errors.js';
import { copyInto, toDense } from './layout.js';
import type { TensorMethods } from './ops/methods.js';
import { type Device, native, requireDevice, type View } from './runtime.js';
import { adopt, type Scope } from './scope.js';
import { checkShape, denseStrides, formatShape, isDense, type Shape, sameShape, sizeOf } from './shape.js';
import { allocate, type Storage } from './storage.js';

/** Arrays of numbers, nested to any depth. */
export type NestedNumbers = number | readonly NestedNumbers[];

/** Where and how a new tensor is made. */
export interface TensorOptions {
  /** Default 'f32'. */
  dtype?: DType;
  /** Default 'cpu'. */
  device?: Device;
  /** Start recording operations on it for `backward()`. Default false. */
  requiresGrad?: boolean;
}

// The operations are methods too; their types come from the list in ops/index.ts.
export interface Tensor extends TensorMethods {}

/**
 * A strided n-dimensional array on a device, with automatic differentiation.
 *
 * A tensor owns one reference to its storage: give it back with `dispose()`, `using` or {@link scope}. Operations
 * never change their inputs, except those whose name ends in `_`.
 *
 * @example
 * const x = tensor([[1, 2], [3, 4]], { requiresGrad: true });
 * x.mul(x).sum().backward();
 * x.grad!.toArray(); // => [[2, 4], [6, 8]]
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: every method of the list is installed in ops/methods.ts
export class Tensor implements View, Disposable {
  /** @internal What made it, while operations are recorded. */
  node: GradNode | null = null;
  /** @internal Which output of `node` it is. */
  nodeOutput = 0;
  /** @internal The scope that will free it. */
  owner: Scope | null = null;
  private recording = false;
  private alive = true;
  /** The sum of gradients of every `backward()` so far, for tensors made with `requiresGrad`. */
  grad: Tensor | null = null;

  /** @internal Use {@link tensor}, {@link zeros} and friends. Takes over one reference to `storage`. */
  constructor(
    readonly storage: Storage,
    readonly shape: Shape,
    readonly strides: Shape,
    readonly offset: number,
    readonly dtype: DType,
  ) {
    adopt(this);
  }

  get device(): Device {
    return this.storage.device;
  }
  /** The number of axes. */
  get rank(): number {
    return this.shape.length;
  }
  /** The number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }
  /** True when operations on it are recorded: it asked for gradients, or was computed from one that did. */
  get requiresGrad(): boolean {
    return this.recording || this.node !== null;
  }
  /** True for tensors that were not computed from others that require gradients. */
  get isLeaf(): boolean {
    return this.node === null;
  }
  get disposed(): boolean {
    return !this.alive;
  }
  /** True when its elements lie row-major without gaps. */
  get isContiguous(): boolean {
    return isDense(this.shape, this.strides);
  }

  /**
   * Starts or stops recording on a leaf.
   * @throws TensorError E_DTYPE for integer tensors, E_UNSUPPORTED on a computed tensor.
   */
  setRequiresGrad(on = true): this {
    if (this.node)
      throw new TensorError(
        'E_UNSUPPORTED',
        'setRequiresGrad',
        'the tensor must be a leaf',
        'a computed one',
        'detach() it first',
      );
    if (on && !DTYPES[this.dtype].float)
      throw new TensorError('E_DTYPE', 'setRequiresGrad', 'only float tensors have gradients', this.dtype);
    this.recording = on;
    return this;
  }

  /** Gives its reference to the storage back. Calling it again does nothing; using the tensor then throws E_DISPOSED. */
  dispose(): void {
    if (!this.alive) return;
    this.alive = false;
    this.owner = null;
    this.storage.release();
    this.node?.release();
    this.node = null;
    this.grad?.dispose();
    this.grad = null;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** @internal @throws TensorError E_DISPOSED */
  assertAlive(op: string): void {
    if (!this.alive)
      throw new TensorError(
        'E_DISPOSED',
        op,
        'tensors must be alive',
        `a disposed ${this.dtype}${formatShape(this.shape)}`,
        'keep() it, or return it from its scope',
      );
  }

  /**
   * Adds the gradients of this tensor with respect to every recorded leaf to the leaves' `grad`.
   *
   * @param seed the gradient of the final result with respect to this tensor; 1 by default, for a scalar.
   * @param options.retainGraph keep what a second `backward()` over the same graph needs.
   * @throws TensorError E_SHAPE for a non-scalar without a seed, E_UNSUPPORTED when nothing was recorded.
   */
  backward(seed?: Tensor, options?: { retainGraph?: boolean }): void {
    backward(this, seed, options);
  }

  /** The same elements, recorded no further. Shares storage. */
  detach(): Tensor {
    return this.alias();
  }

  /** @internal Another tensor over the same storage. */
  alias(): Tensor {
    this.assertAlive('alias');
    return new Tensor(this.storage.retain(), this.shape, this.strides, this.offset, this.dtype);
  }

  /** A copy of the elements, row-major; on the `ref` device decoded numbers, elsewhere this dtype's typed array. */
  dataSync(): TensorData {
    this.assertAlive('dataSync');
    const dense = toDense(this);
    try {
      const n = this.size;
      if (dense.storage.values)
        return encode(this.dtype, dense.storage.values.subarray(dense.offset, dense.offset + n));
      const { array, bytes } = DTYPES[this.dtype];
      const out = new array(n);
      native().addon.read(dense.storage.handle, dense.offset * bytes, out);
      return out;
    } finally {
      if (dense.storage !== this.storage) dense.storage.release();
    }
  }

  /** The elements once they are computed; see {@link Tensor.dataSync}. */
  async data(): Promise<TensorData> {
    return this.dataSync();
  }

  /** The elements as numbers, row-major, whatever the dtype. */
  numbers(): Float64Array {
    return decode(this.dtype, this.dataSync());
  }

  /**
   * The value of a tensor with one element.
   * @throws TensorError E_SHAPE
   */
  item(): number {
    this.assertAlive('item');
    if (this.size !== 1)
      throw new TensorError(
        'E_SHAPE',
        'item',
        'the tensor must have one element',
        formatShape(this.shape),
        'use data() or toArray()',
      );
    return this.numbers()[0]!;
  }

  /** The elements as nested arrays of numbers. */
  toArray(): NestedNumbers {
    const flat = this.numbers();
    let at = 0;
    const nest = (axis: number): NestedNumbers =>
      axis === this.rank ? flat[at++]! : Array.from({ length: this.shape[axis]! }, () => nest(axis + 1));
    return nest(0);
  }

  /**
   * Copies `source` into this tensor, converting dtype and device; shapes must be equal. Not recorded.
   * @throws TensorError E_SHAPE
   */
  copy_(source: Tensor): this {
    this.assertAlive('copy_');
    source.assertAlive('copy_');
    if (!sameShape(this.shape, source.shape))
      throw new TensorError(
        'E_SHAPE',
        'copy_',
        'shapes must be equal',
        `${formatShape(this.shape)} and ${formatShape(source.shape)}`,
      );
    copyInto(this, source);
    return this;
  }

  /**
   * Writes raw elements over a contiguous tensor. Not recorded.
   * @param data this dtype's typed array (bits for bf16 and f16), `size` elements.
   * @throws TensorError E_SHAPE, E_UNSUPPORTED for a strided view.
   */
  write_(data: TensorData): this {
    this.assertAlive('write_');
    if (data.length !== this.size || data.BYTES_PER_ELEMENT !== DTYPES[this.dtype].bytes)
      throw new TensorError(
        'E_SHAPE',
        'write_',
        `data must hold ${this.size} elements of ${this.dtype}`,
        `${data.constructor.name}(${data.length})`,
      );
    if (!this.isContiguous)
      throw new TensorError('E_UNSUPPORTED', 'write_', 'the tensor must be contiguous', 'a strided view');
    this.storage.version++;
    if (this.storage.values) this.storage.values.set(decode(this.dtype, data), this.offset);
    else native().addon.write(this.storage.handle, this.offset * DTYPES[this.dtype].bytes, data);
    return this;
  }

  toString(): string {
    return `Tensor(${this.dtype}${formatShape(this.shape)} on ${this.device}${this.alive ? '' : ', disposed'})`;
  }
}

/** @internal A dense tensor with undefined contents. */
export function empty(op: string, shape: Shape, dtype: DType = 'f32', device: Device = 'cpu'): Tensor {
  checkShape(op, shape);
  if (!(dtype in DTYPES))
    throw new TensorError(
      'E_DTYPE',
      op,
      `dtype must be one of ${Object.keys(DTYPES).join(', ')}`,
      `'${dtype}'`,
    );
  requireDevice(op, device);
  const storage = allocate(op, device, sizeOf(shape), DTYPES[dtype].bytes);
  return new Tensor(storage, [...shape], denseStrides(shape), 0, dtype);
}

function flatten(values: NestedNumbers, depth: number, shape: number[], out: number[]): void {
  if (typeof values === 'number') {
    if (depth !== shape.length) throw ragged(`a number at depth ${depth}`);
    out.push(values);
    return;
  }
  if (!Array.isArray(values))
    throw new TensorError('E_DTYPE', 'tensor', 'values must be numbers', typeof values);
  if (values.length !== shape[depth])
    throw ragged(`${values.length} values where ${shape[depth] ?? 'a number'} was expected`);
  for (const v of values as NestedNumbers[]) flatten(v, depth + 1, shape, out);
}

const ragged = (received: string) =>
  new TensorError('E_SHAPE', 'tensor', 'nested arrays must have one length per axis', received, 'pad them');

/**
 * A tensor from numbers: nested arrays, or a flat array with a shape.
 *
 * @param values nested numbers, or a typed array of numbers (not bits) in row-major order.
 * @param options.shape the shape of flat values; inferred from nesting otherwise.
 * @throws TensorError E_SHAPE for ragged arrays or a shape of another size, E_DTYPE, E_DEVICE, E_OOM
 * @example
 * const m = tensor([[1, 2], [3, 4]]);
 * const v = tensor(new Float32Array(6), { shape: [2, 3] });
 */
export function tensor(
  values: NestedNumbers | TensorData,
  options: TensorOptions & { shape?: Shape } = {},
): Tensor {
  const { dtype = 'f32', device = 'cpu' } = options;
  let flat: ArrayLike<number>;
  let shape = options.shape;
  if (ArrayBuffer.isView(values)) {
    flat = values as TensorData;
    shape ??= [flat.length];
  } else {
    const nested: number[] = [];
    for (
      let level: NestedNumbers = values as NestedNumbers;
      Array.isArray(level);
      level = level[0] as NestedNumbers
    )
      nested.push(level.length);
    const out: number[] = [];
    flatten(values as NestedNumbers, 0, nested, out);
    flat = out;
    shape ??= nested;
  }
  if (sizeOf(shape) !== flat.length)
    throw new TensorError(
      'E_SHAPE',
      'tensor',
      `shape ${formatShape(shape)} needs ${sizeOf(shape)} values`,
      `${flat.length}`,
    );
  const t = empty('tensor', shape, dtype, device);
  const same =
    ArrayBuffer.isView(flat) && flat.constructor === DTYPES[dtype].array && DTYPES[dtype].bytes > 2;
  t.write_(same ? (flat as TensorData) : encode(dtype, flat));
  return options.requiresGrad ? t.setRequiresGrad() : t;
}
