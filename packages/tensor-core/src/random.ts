import { DTYPES, type DType } from './dtype.js';
import { TensorError } from './errors.js';
import { normalAt, uniformAt } from './philox.js';
import { Kernel, launchInto } from './runtime.js';
import { type Shape, sizeOf } from './shape.js';
import { empty, type Tensor, type TensorOptions } from './tensor.js';

/** Where a generator stands: enough to continue its stream exactly. */
export interface GeneratorState {
  readonly seed: number;
  /** Blocks of four 32-bit words drawn so far. */
  readonly offset: number;
}

/**
 * A seeded stream of random numbers. It is counter-based (Philox 4x32-10), so every device and thread count draws
 * the same numbers, and its state is two integers.
 *
 * J. Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011.
 *
 * @example
 * const generator = new Generator(42);
 * const w = randn([3, 4], { generator });
 */
export class Generator {
  private seed: number;
  private offset = 0;

  /** @throws TensorError E_FORMAT unless the seed is an integer in [0, 2^53). */
  constructor(seed: number) {
    this.seed = requireCount('seed', seed);
  }

  /** The state to save; give it to {@link Generator.setState} to continue from here. */
  state(): GeneratorState {
    return { seed: this.seed, offset: this.offset };
  }

  /** @throws TensorError E_FORMAT */
  setState({ seed, offset }: GeneratorState): void {
    this.seed = requireCount('seed', seed);
    this.offset = requireCount('offset', offset);
  }

  /** @internal Reserves blocks of the stream and says where they begin. */
  reserve(blocks: number): GeneratorState {
    const state = this.state();
    this.offset += blocks;
    return state;
  }
}

function requireCount(what: string, n: number): number {
  if (!Number.isSafeInteger(n) || n < 0)
    throw new TensorError('E_FORMAT', 'Generator', `${what} must be an integer in [0, 2^53)`, `${n}`);
  return n;
}

let shared = new Generator(Math.floor(Math.random() * 2 ** 48));

/** The generator used where none is given. Seeded from the operating system until {@link manualSeed}. */
export const defaultGenerator = (): Generator => shared;

/** Restarts the default generator from a seed. @example manualSeed(1337); */
export function manualSeed(seed: number): Generator {
  shared = new Generator(seed);
  return shared;
}

/** Options of random tensors. */
export interface RandomOptions extends TensorOptions {
  /** Default {@link defaultGenerator}. */
  generator?: Generator;
}

const uniformKernel = new Kernel('uniform', 'i:seed;i:offset;d:low;d:high;');
const normalKernel = new Kernel('normal', 'i:seed;i:offset;d:mean;d:std;');

/** How many blocks of the stream n elements of a dtype use: four a block, two in f64. */
export const blocksFor = (n: number, dtype: DType): number => Math.ceil(n / (dtype === 'f64' ? 2 : 4));

function draw(
  kernel: Kernel,
  at: typeof uniformAt,
  shape: Shape,
  a: number,
  b: number,
  { dtype = 'f32', device = 'cpu', generator = shared, requiresGrad }: RandomOptions,
): Tensor {
  if (!DTYPES[dtype]?.float)
    throw new TensorError('E_DTYPE', kernel.name, 'random numbers need a float dtype', dtype);
  if (!Number.isFinite(a) || !Number.isFinite(b))
    throw new TensorError('E_FORMAT', kernel.name, 'the parameters must be finite', `${a} and ${b}`);
  const t = empty(kernel.name, shape, dtype, device);
  const n = sizeOf(shape);
  const { seed, offset } = generator.reserve(blocksFor(n, dtype));
  if (t.storage.values) {
    const { round } = DTYPES[dtype];
    for (let i = 0; i < n; i++) t.storage.values[i] = round(at(seed, offset, i, a, b, dtype === 'f64'));
  } else launchInto(kernel, [], [t], [seed, offset, a, b]);
  return requiresGrad ? t.setRequiresGrad() : t;
}

/**
 * Uniform numbers in [low, high), from 24 random bits each (53 in f64).
 * @throws TensorError E_DTYPE, E_SHAPE
 * @example
 * uniform([8], -1, 1, { generator: new Generator(1) });
 */
export const uniform = (shape: Shape, low = 0, high = 1, options: RandomOptions = {}): Tensor =>
  draw(uniformKernel, uniformAt, shape, low, high, options);

/**
 * Normal numbers of mean 0 and standard deviation `std`, by the Box-Muller transform.
 * @throws TensorError E_DTYPE, E_SHAPE
 * @example
 * randn([768, 768], { std: 0.02 });
 */
export const randn = (shape: Shape, options: RandomOptions & { mean?: number; std?: number } = {}): Tensor =>
  draw(normalKernel, normalAt, shape, options.mean ?? 0, options.std ?? 1, options);
