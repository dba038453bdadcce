// The shapes elementwise ops come in. An op's own file gives its name, formula and gradient.
import type { GradContext } from '../autograd.js';
import { DTYPES, type DType, isFloat, promote, requireFloat } from '../dtype.js';
import { TensorError } from '../errors.js';
import { broadcastView, eachOffset } from '../layout.js';
import { apply1, type OpDefinition, type RefArray } from '../op.js';
import { Kernel } from '../runtime.js';
import { scope } from '../scope.js';
import { broadcastShapes, broadcastStrides, denseStrides, type Shape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { cast } from './cast.js';
import { full } from './creation.js';
import { reshape } from './reshape.js';
import { sum } from './sum.js';

/** What the author of a unary op writes. */
interface UnaryRule {
  name: string;
  /** The formula, in float64. */
  f: (x: number) => number;
  /** Integers are allowed too (the op maps integers to integers). */
  integers?: boolean;
  /** `x` and `y` read the saved input and output: name the ones used in `saves`. */
  saves?: 'input' | 'output';
  /** dx from dy and what was saved. Absent where the derivative is zero everywhere it exists. */
  grad?: (dy: Tensor, saved: Tensor) => Tensor;
  /** Operations per element, 1 by default. */
  flops?: number;
}

/**
 * The definition of y[i] = f(x[i]) with the native kernel of the same name. Annotate what it is assigned to: Tensor's
 * methods get their types from the ops, which must not wait for gradient rules that call methods.
 */
export function unaryDefinition({ name, f, integers, saves, grad, flops = 1 }: UnaryRule): OpDefinition {
  const kernel = new Kernel(name, '');
  return {
    name: name.replace(/_(\w)/g, (_, c: string) => c.toUpperCase()),
    infer([x]) {
      if (integers) requireArithmetic(name, x!.dtype);
      else requireFloat(name, x!.dtype);
      return [x!];
    },
    reference: ([x]) => [x!.data.map(f)],
    native: (inputs) => ({ kernel, inputs }),
    saves: saves === 'input' ? { inputs: [0] } : saves === 'output' ? { outputs: [0] } : {},
    grad: grad
      ? (ctx, [dy]) => [grad(dy, saves === 'input' ? ctx.input(0) : saves === 'output' ? ctx.output(0) : dy)]
      : undefined,
    cost: ([x]) => ({ flops: flops * x!.size, bytes: 2 * x!.size * DTYPES[x!.dtype].bytes }),
  };
}

/** @throws TensorError E_DTYPE for bool: arithmetic needs a number. */
export function requireArithmetic(op: string, dtype: DType): void {
  if (dtype === 'bool')
    throw new TensorError(
      'E_DTYPE',
      op,
      'arithmetic needs a number dtype',
      'bool',
      "cast it first: x.cast('i32')",
    );
}

/** Applies f to broadcast elements in row-major order. */
export function mapBroadcast(
  inputs: readonly RefArray[],
  shape: Shape,
  f: (...x: number[]) => number,
): Float64Array {
  const offsets = inputs.map((a) => {
    const list = new Int32Array(sizeOf(shape));
    const strides = broadcastStrides(a.shape, denseStrides(a.shape), shape);
    eachOffset({ shape, strides, offset: 0 }, (offset, i) => {
      list[i] = offset;
    });
    return list;
  });
  return Float64Array.from({ length: sizeOf(shape) }, (_, i) =>
    f(...inputs.map((a, k) => a.data[offsets[k]![i]!]!)),
  );
}

interface BinaryRule {
  name: string;
  f: (a: number, b: number) => number;
  /** Only float dtypes. */
  floats?: boolean;
  /** The output is bool (a comparison) and any dtype is allowed. */
  compares?: boolean;
  saves?: readonly number[];
  savesOutput?: boolean;
  /** Gradients before broadcasting is undone; called lazily, once per input that needs one. */
  grad?: readonly [
    (ctx: GradContext<undefined>, dy: Tensor) => Tensor,
    (ctx: GradContext<undefined>, dy: Tensor) => Tensor,
  ];
}

/** The definition of y = f(a, b) with broadcasting and the native kernel of the same name. */
export function binaryDefinition({
  name,
  f,
  floats,
  compares,
  saves,
  savesOutput,
  grad,
}: BinaryRule): OpDefinition {
  const kernel = new Kernel(name, '');
  return {
    name,
    infer([a, b]) {
      const dtype = a!.dtype;
      if (floats) requireFloat(name, dtype);
      else if (!compares) requireArithmetic(name, dtype);
      const shape = broadcastShapes(name, a!.shape, b!.shape);
      return [{ shape, dtype: compares ? 'bool' : dtype }];
    },
    reference: (inputs, _, [y]) => [mapBroadcast(inputs, y!.shape, f)],
    native: ([a, b], _, [y]) => ({
      kernel,
      inputs: [broadcastView(a!, y!.shape), broadcastView(b!, y!.shape)],
    }),
    saves: { inputs: saves, outputs: savesOutput ? [0] : undefined },
    grad: grad
      ? (ctx, [dy]) => grad.map((g, i) => (ctx.needs(i) ? sumTo(g(ctx, dy), ctx.inputSpecs[i]!.shape) : null))
      : undefined,
    cost: (inputs, _, [y]) => ({
      flops: sizeOf(y!.shape),
      bytes: [...inputs, y!].reduce((n, t) => n + sizeOf(t.shape) * DTYPES[t.dtype].bytes, 0),
    }),
  };
}

/** Undoes broadcasting: sums a gradient over the axes that were stretched. */
export function sumTo(g: Tensor, shape: Shape): Tensor {
  const lead = g.rank - shape.length;
  const axes: number[] = [];
  for (let i = 0; i < g.rank; i++) if (i < lead || (shape[i - lead] === 1 && g.shape[i] !== 1)) axes.push(i);
  return axes.length === 0 ? g : reshape(sum(g, axes), shape);
}

/** Runs a binary op over tensors or numbers, and frees what was made only to bring them together. */
export function applyBinary(definition: OpDefinition, a: Tensor | number, b: Tensor | number): Tensor {
  const pair = operands(definition.name, a, b);
  const y = apply1(definition, pair, undefined);
  if (pair[0] !== a) pair[0].dispose();
  if (pair[1] !== b) pair[1].dispose();
  return y;
}

/**
 * Brings two operands to one dtype. A number takes the tensor's dtype, or f32 when it has a fraction and the
 * tensor holds integers.
 */
export function operands(op: string, a: Tensor | number, b: Tensor | number): [Tensor, Tensor] {
  if (typeof a === 'number' && typeof b === 'number')
    throw new TensorError('E_DTYPE', op, 'one operand must be a tensor', 'two numbers');
  if (typeof b === 'number') return withNumber(a as Tensor, b);
  if (typeof a === 'number') {
    const [y, x] = withNumber(b, a);
    return [x, y];
  }
  if (a.dtype === b.dtype) return [a, b];
  const dtype = promote(a.dtype, b.dtype);
  return [convert(a, dtype), convert(b, dtype)];
}

const convert = (x: Tensor, dtype: DType): Tensor => (x.dtype === dtype ? x : cast(x, dtype));

function withNumber(x: Tensor, n: number): [Tensor, Tensor] {
  x.assertAlive('operand');
  const dtype = isFloat(x.dtype) || Number.isInteger(n) ? x.dtype : 'f32';
  return [convert(x, dtype), full([], n, { dtype, device: x.device })];
}

/**
 * {@link applyBinary} for comparisons: where the tensor's integer dtype has no such number, both are compared as f64,
 * which holds every integer and the number exactly.
 */
export function applyComparison(definition: OpDefinition, a: Tensor | number, b: Tensor | number): Tensor {
  const exact = (x: Tensor | number, other: Tensor | number) =>
    typeof x === 'number' ||
    typeof other !== 'number' ||
    isFloat(x.dtype) ||
    DTYPES[x.dtype].round(other) === other
      ? x
      : cast(x, 'f64');
  return scope(() => applyBinary(definition, exact(a, b), exact(b, a)));
}
