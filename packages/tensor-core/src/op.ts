import { type GradContext, GradNode, isRecording, noGrad } from './autograd.js';
import { DTYPES, isFloat } from './dtype.js';
import { TensorError } from './errors.js';
import { gatherValues } from './layout.js';
import { type Device, type Kernel, launch, type OutputSpec, type View } from './runtime.js';
import { scope } from './scope.js';
import { denseStrides, formatShape, type Shape, sizeOf } from './shape.js';
import { Storage } from './storage.js';
import { Tensor } from './tensor.js';

/** A dense array of doubles: what an op's reference reads. */
export interface RefArray {
  readonly shape: Shape;
  readonly data: Float64Array;
}

/** A kernel with the views it reads. Views over a storage that no input owns are freed after the launch. */
export interface NativeCall {
  readonly kernel: Kernel;
  readonly inputs: readonly View[];
  /** The outputs' shapes as the kernel sees them, when they differ from the op's (same elements, row-major). */
  readonly outputShapes?: readonly Shape[];
  /** In the order of ops.def. */
  readonly attrs?: readonly number[];
}

/** Floating-point operations and bytes moved, at the least. */
export interface Cost {
  readonly flops: number;
  readonly bytes: number;
}

/**
 * Everything there is to know about one operation. Exactly one of `native`, `view`, `run` and `compute` says how it runs;
 * `reference` says what it means, and is what runs on the `ref` device.
 */
export interface OpDefinition<A = undefined> {
  readonly name: string;
  /** The shapes and dtypes of the outputs; throws the op's TensorErrors for inputs that break its rules. */
  infer(inputs: readonly Tensor[], attrs: A): readonly OutputSpec[];
  /** Plain float64 TypeScript: the definition of the op. Returns each output row-major. */
  reference(inputs: readonly RefArray[], attrs: A, outputs: readonly OutputSpec[]): ArrayLike<number>[];
  native?(inputs: readonly Tensor[], attrs: A, outputs: readonly OutputSpec[]): NativeCall;
  /** For ops that only look at the same elements differently. */
  view?(
    input: Tensor,
    attrs: A,
    outputs: readonly OutputSpec[],
  ): readonly { offset: number; strides: Shape }[];
  /** For ops that take several launches, or none. What it makes on the way is freed and not recorded. */
  run?(inputs: readonly Tensor[], attrs: A, outputs: readonly OutputSpec[]): readonly Tensor[];
  /** `run` is called on the `ref` device too: for ops whose outputs are elsewhere. */
  readonly everywhere?: boolean;
  /** For ops made of other ops; gradients follow by themselves. */
  compute?(inputs: readonly Tensor[], attrs: A): readonly Tensor[];
  /** Which inputs and outputs `grad` reads. */
  readonly saves?: { readonly inputs?: readonly number[]; readonly outputs?: readonly number[] };
  /**
   * The first output once more, from what `grad` reads: for ops so cheap that the ops which read their output should not
   * keep it for their gradients.
   */
  recompute?(ctx: GradContext<A>): Tensor;
  /**
   * The gradient of each input (null: none), given those of the outputs (null where one was not used; a
   * single-output op always gets a tensor).
   */
  grad?(ctx: GradContext<A>, gradients: readonly [Tensor, ...(Tensor | null)[]]): readonly (Tensor | null)[];
  cost?(inputs: readonly Tensor[], attrs: A, outputs: readonly OutputSpec[]): Cost;
}

/** A public function that carries the definition of the op it runs. */
export type Operation<F, A> = F & { readonly definition: OpDefinition<A> };

/** Binds a public function to its definition. */
export function operation<A, F extends (...args: never[]) => unknown>(
  definition: OpDefinition<A>,
  f: F,
): Operation<F, A> {
  return Object.assign(f, { definition: Object.freeze(definition) });
}

/** The shape rule of ops whose output is like their first input. */
export const like = ([x]: readonly Tensor[]): readonly OutputSpec[] => [x!];

const NO_ATTRS: readonly number[] = [];

/**
 * Runs an op: checks, computes on the inputs' device, and records it when a gradient may be asked for.
 * @throws TensorError E_DISPOSED, E_DEVICE, and whatever the op's own rules throw
 */
export function apply<A>(
  definition: OpDefinition<A>,
  inputs: readonly Tensor[],
  attrs: A,
): readonly Tensor[] {
  const device = inputs[0]!.device;
  for (let i = 0; i < inputs.length; i++) {
    const t = inputs[i]!;
    t.assertAlive(definition.name);
    if (t.device !== device)
      throw new TensorError(
        'E_DEVICE',
        definition.name,
        'inputs must be on one device',
        `${device} and ${t.device}`,
        'move one with to({ device })',
      );
  }
  const specs = definition.infer(inputs, attrs);
  if (definition.compute) {
    if (device === 'ref' && !needsGrad(inputs)) return runReference(definition, inputs, attrs, specs);
    return scope(() => definition.compute!(inputs, attrs));
  }
  const outputs = definition.view
    ? runView(definition, inputs[0]!, attrs, specs)
    : device === 'ref' && !definition.everywhere
      ? runReference(definition, inputs, attrs, specs)
      : definition.run
        ? noGrad(() => scope(() => definition.run!(inputs, attrs, specs)))
        : runNative(definition, inputs, attrs, specs, device);
  if (definition.grad && needsGrad(inputs)) record(definition, attrs, inputs, outputs, specs);
  return outputs;
}

/** {@link apply} for ops with one output. */
export function apply1<A>(definition: OpDefinition<A>, inputs: readonly Tensor[], attrs: A): Tensor {
  return apply(definition, inputs, attrs)[0]!;
}

function needsGrad(inputs: readonly Tensor[]): boolean {
  if (!isRecording()) return false;
  for (let i = 0; i < inputs.length; i++) if (inputs[i]!.requiresGrad) return true;
  return false;
}

function record<A>(
  definition: OpDefinition<A>,
  attrs: A,
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  specs: readonly OutputSpec[],
): void {
  const inputSpecs = inputs.map(({ shape, dtype }) => ({ shape, dtype }));
  const node = new GradNode(
    definition as unknown as OpDefinition<never>,
    attrs,
    inputs,
    outputs,
    inputSpecs,
    specs,
  );
  outputs.forEach((t, i) => {
    if (!isFloat(t.dtype)) return;
    t.node = node.retain();
    t.nodeOutput = i;
  });
  node.release();
}

function runView<A>(
  definition: OpDefinition<A>,
  input: Tensor,
  attrs: A,
  specs: readonly OutputSpec[],
): Tensor[] {
  return definition.view!(input, attrs, specs).map(({ offset, strides }, i) => {
    const { shape } = specs[i]!;
    // Nothing starts where the input does, lest it start outside the storage.
    const start = sizeOf(shape) === 0 ? input.offset : offset;
    return new Tensor(input.storage.retain(), shape, strides, start, input.dtype);
  });
}

function runReference<A>(
  definition: OpDefinition<A>,
  inputs: readonly Tensor[],
  attrs: A,
  specs: readonly OutputSpec[],
): Tensor[] {
  const arrays = inputs.map((t) => ({ shape: t.shape, data: gatherValues(t) }));
  return definition.reference(arrays, attrs, specs).map((values, i) => {
    const { shape, dtype } = specs[i]!;
    const { round, bytes } = DTYPES[dtype];
    const rounded = Float64Array.from(values, round);
    return new Tensor(
      new Storage('ref', -1, rounded.length * bytes, rounded),
      shape,
      denseStrides(shape),
      0,
      dtype,
    );
  });
}

function runNative<A>(
  definition: OpDefinition<A>,
  inputs: readonly Tensor[],
  attrs: A,
  specs: readonly OutputSpec[],
  device: Device,
): Tensor[] {
  if (!definition.native)
    throw new TensorError(
      'E_UNSUPPORTED',
      definition.name,
      `device ${device} must have this operation`,
      `it has not`,
      "use device 'ref'",
    );
  const call = definition.native(inputs, attrs, specs);
  const layouts = new Array<View>(specs.length);
  for (let i = 0; i < specs.length; i++) {
    const shape = call.outputShapes?.[i] ?? specs[i]!.shape;
    layouts[i] = { shape, strides: denseStrides(shape), offset: 0, dtype: specs[i]!.dtype, storage: NONE };
  }
  let storages: Storage[];
  try {
    storages = launch(call.kernel, device, call.inputs, layouts, call.attrs ?? NO_ATTRS);
  } finally {
    releaseTemporaries(call.inputs, inputs);
  }
  const outputs = new Array<Tensor>(specs.length);
  for (let i = 0; i < specs.length; i++) {
    const { shape, dtype } = specs[i]!;
    const strides = call.outputShapes ? denseStrides(shape) : layouts[i]!.strides;
    outputs[i] = new Tensor(storages[i]!, shape, strides, 0, dtype);
  }
  return outputs;
}

// Outputs have no storage until the launch; the command says -1 for them.
const NONE = null as unknown as Storage;

/** Frees the views that were copied for a launch. */
export function releaseTemporaries(views: readonly View[], inputs: readonly Tensor[]): void {
  for (let i = 0; i < views.length; i++) {
    const { storage } = views[i]!;
    if (inputs[i]?.storage !== storage && !inputs.some((t) => t.storage === storage)) storage.release();
  }
}

/** "f32[2, 3] and f32[4]": inputs as error messages show them. */
export const describe = (...inputs: readonly { dtype: string; shape: Shape }[]): string =>
  inputs.map((t) => `${t.dtype}${formatShape(t.shape)}`).join(' and ');
